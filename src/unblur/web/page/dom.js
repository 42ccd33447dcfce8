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
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1000))} kB`;
}

/** How long it will take yet, in words; nothing if nobody knows. */
export function leftWords(seconds) {
  if (seconds === null) return "";
  if (seconds < 1.5) return "a moment left";
  const step = seconds < 10 ? 1 : 5; // what changes every moment cannot be read
  if (seconds < 55) return `about ${step * Math.round(seconds / step)} s left`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  return `about ${minutes} minute${minutes === 1 ? "" : "s"} left`;
}
