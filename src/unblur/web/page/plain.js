// Figures in words that need no explanation.

export const pixelWords = (length) => {
  const count = Math.max(1, Math.round(length));
  return `about ${count} pixel${count === 1 ? "" : "s"}`;
};

/** A direction from the right upwards, 0 to 180 degrees. */
export function directionWords(degrees) {
  return ["sideways", "at a slant, up to the right", "up and down", "at a slant, up to the left"][Math.round(degrees / 45) % 4];
}

/** How like it what other searches found is, 0 to 1. */
export function sureWords(confidence) {
  if (confidence >= 0.8) return "very: other searches found nearly the same";
  if (confidence >= 0.5) return "fairly: other searches found something like it";
  return "not very: other searches found something else";
}

/** What is expected to be gained, in decibels. */
export function gainWords(decibels) {
  if (decibels < 0.2) return "hardly any";
  if (decibels < 0.8) return "a little";
  return decibels < 2 ? "clear" : "large";
}
