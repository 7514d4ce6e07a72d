// Words, numbers, and elements. Everything that arrived is text and nothing else: it goes through `textContent`.

const count = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const SCALES = {
  nanoseconds: [[6e10, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
  bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]],
};

/** A value in its unit, as people say it: 1.25 s, 3.4 MB, 12,000. */
export function amount(value, unit) {
  const scale = (SCALES[unit] ?? []).find(([size]) => Math.abs(value) >= size);
  if (scale) return `${short.format(value / scale[0])} ${scale[1]}`;
  if (SCALES[unit]) return `${value} ${SCALES[unit].at(-1)[1]}`;
  return unit === "count" ? count.format(value) : `${count.format(value)} ${unit}`;
}

export function share(part, whole) {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(1)}%`;
}

/** 1 profile, 2 profiles. */
export function several(number, noun) {
  return `${count.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** The time of day of seconds since the epoch. */
export function time(seconds) {
  return clock.format(new Date(seconds * 1000));
}

/** An element with attributes and children; a child that is no element is text. */
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same, in a drawing. */
export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}
