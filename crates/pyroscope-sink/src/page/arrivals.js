// The arrivals on a time axis, and the latest of them as a table.

import { amount, byId, draw, make, several, time } from "./text.js";

const HEIGHT = 92, FOOT = 20, HEAD = 4, STEP = 7;
const SHORTEST = 30; // seconds: a single arrival is no axis
const LATEST = 20;

export class Arrivals {
  #all = [];
  #latest = [];

  constructor() {
    new ResizeObserver(() => this.show()).observe(byId("chart"));
  }

  clear() {
    this.#all = [];
    this.#latest = [];
  }

  add(arrivals) {
    for (const { at, status } of arrivals) this.#all.push({ at, taken: status >= 200 && status < 300 });
    this.#latest = [...this.#latest, ...arrivals].slice(-LATEST);
  }

  show() {
    const width = byId("chart").clientWidth;
    if (!this.#all.length || !width) return;
    this.#chart(width);
    byId("latest").replaceChildren(...this.#latest.toReversed().map(row));
  }

  #chart(width) {
    let first = Infinity, last = -Infinity, taken = 0;
    for (const arrival of this.#all) {
      first = Math.min(first, arrival.at);
      last = Math.max(last, arrival.at);
      taken += arrival.taken ? 1 : 0;
    }
    const end = Math.max(last, first + SHORTEST);
    const slots = Array.from({ length: Math.max(1, Math.floor(width / STEP)) }, () => ({ taken: 0, refused: 0 }));
    for (const { at, taken } of this.#all) {
      const slot = Math.min(slots.length - 1, Math.floor(((at - first) / (end - first)) * slots.length));
      slots[slot][taken ? "taken" : "refused"] += 1;
    }
    const most = Math.max(...slots.map((slot) => slot.taken + slot.refused));
    const ground = HEIGHT - FOOT;
    const unit = (ground - HEAD) / most;
    const words = `${several(this.#all.length, "request")} from ${time(first)} to ${time(last)}: ` +
      `${taken} accepted, ${this.#all.length - taken} refused or unanswered`;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": words });
    slots.forEach((slot, index) => {
      let y = ground;
      for (const kind of ["taken", "refused"]) {
        const height = slot[kind] * unit;
        y -= height;
        if (height) svg.append(draw("rect", { class: kind, x: index * STEP, y, width: STEP - 2, height, rx: 1 }));
      }
    });
    svg.append(draw("line", { class: "axis", x1: 0, x2: width, y1: ground + .5, y2: ground + .5 }));
    const ticks = width > 500 ? 4 : 2;
    for (let tick = 0; tick <= ticks; tick++) {
      const anchor = tick === 0 ? "start" : tick === ticks ? "end" : "middle";
      const label = time(first + ((end - first) * tick) / ticks);
      svg.append(draw("text", { x: (width * tick) / ticks, y: HEIGHT - 4, "text-anchor": anchor }, label));
    }
    byId("chart").replaceChildren(svg);
    const seconds = amount(((end - first) / slots.length) * 1e9, "nanoseconds");
    byId("scale").textContent = `the tallest bar is ${several(most, "request")} in ${seconds}`;
  }
}

function row({ at, method, path, status, body_bytes, refusal }) {
  return make("tr", {},
    make("td", {}, time(at)),
    make("td", {}, status === null ? "no answer" : String(status)),
    make("td", {}, make("code", {}, `${method} ${path}`)),
    make("td", { class: "number" }, amount(body_bytes, "bytes")),
    make("td", {}, refusal ?? ""));
}
