// Little helpers: elements, words for sizes and times.

/** An element with properties (or, with a dash in the name, attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

export const sentence = (text) => text[0].toUpperCase() + text.slice(1);

export function sizeWords(bytes) {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? "" : "s"}`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1000)} kB`;
}

const LEFT = [
  [7, "a few seconds"],
  [15, "about 10 seconds"],
  [25, "about 20 seconds"],
  [45, "about half a minute"],
  [90, "about a minute"],
];

/** How long it will take yet, in words that are no more exact than it is; nothing if nobody knows. */
export function leftWords(seconds) {
  if (seconds === null) return "";
  const words = LEFT.find(([under]) => seconds < under)?.[1] ?? `about ${Math.round(seconds / 60)} minutes`;
  return `${words} left`;
}
