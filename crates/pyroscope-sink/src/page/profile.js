// The profile of a selection: its flame graph and its top functions, of the same moment.

import { amount, byId, make, share } from "./text.js";

const PAUSE = 3000; // ms between drawings that nobody asked for

export class Profile {
  #selection = null;
  #sort = "own";
  #frame = null;
  #drawing = 0;
  #drawnAt = 0;

  constructor() {
    byId("refresh").addEventListener("click", () => {
      this.draw();
      byId("profile").focus();
    });
    byId("find").addEventListener("input", () => this.#find());
    for (const button of document.querySelectorAll("#top th button")) {
      button.addEventListener("click", () => {
        this.#sort = button.dataset.sort;
        for (const other of document.querySelectorAll("#top th button")) {
          other.parentElement.ariaSort = other === button ? "descending" : "none";
        }
        this.#table();
      });
    }
  }

  select(selection) {
    this.#selection = selection;
    this.draw();
  }

  /** There is more of the selection: draws it, unless somebody is at work with what is drawn. */
  renew() {
    if (this.#isInUse()) byId("refresh").hidden = false;
    else if (performance.now() - this.#drawnAt > PAUSE) this.draw();
    else return false;
    return true;
  }

  async draw() {
    const drawing = ++this.#drawing;
    this.#drawnAt = performance.now();
    byId("refresh").hidden = true;
    const top = await this.#table();
    if (!top || drawing !== this.#drawing) return;
    const empty = top.functions.length === 0;
    byId("graph").hidden = byId("hint").hidden = byId("top").hidden = empty;
    byId("nothing").hidden = !empty;
    byId("nothing").textContent = `${top.title}: no stacks to draw. The format may not be one that is decoded here (JFR), or the sink keeps counts only.`;
    if (!empty) this.#load(drawing);
  }

  /** Loads the drawing behind the one that is there, and swaps them once it is ready. */
  #load(drawing) {
    for (const late of document.querySelectorAll("#graph iframe.coming")) late.remove();
    const frame = make("iframe", { class: "coming", title: "Flame graph", src: `/flamegraph.svg?${this.#selection}` });
    frame.addEventListener("load", () => {
      const root = frame.contentDocument?.documentElement;
      if (drawing !== this.#drawing || root?.localName !== "svg") return frame.remove();
      frame.height = root.getAttribute("height");
      // The drawing fits itself to its width in the next task.
      setTimeout(() => {
        if (drawing !== this.#drawing) return frame.remove();
        this.#frame?.remove();
        this.#frame = frame;
        frame.classList.remove("coming");
        // The root is at the bottom: what is taller than its window is looked at from there.
        byId("graph").scrollTop = byId("graph").scrollHeight;
        this.#find();
      }, 50);
    });
    byId("graph").append(frame);
  }

  async #table() {
    const selection = this.#selection;
    const answer = await fetch(`/api/top?sort=${this.#sort}&${selection}`).catch(() => null);
    if (!answer?.ok || selection !== this.#selection) return null;
    const top = await answer.json();
    byId("profile-title").textContent = top.title;
    byId("top").tBodies[0].replaceChildren(...top.functions.map((hot) => this.#row(hot, top)));
    return top;
  }

  #row(hot, top) {
    const button = make("button", { type: "button", title: "Find it in the flame graph" }, hot.function);
    button.addEventListener("click", () => {
      byId("find").value = hot.function;
      this.#find();
    });
    const cell = (value) => {
      const cell = make("td", { class: "number" }, `${amount(value, top.unit)} `,
        make("span", { class: "share" }, share(value, top.sum)));
      cell.style.setProperty("--part", share(value, top.sum));
      return cell;
    };
    return make("tr", {}, make("td", {}, button), cell(hot.own), cell(hot.total));
  }

  #find() {
    const found = this.#frame?.contentWindow.find_functions?.(byId("find").value.trim());
    byId("found").textContent = found ?? "";
  }

  #isInUse() {
    if (!this.#frame) return false;
    return document.activeElement === this.#frame || this.#frame.contentWindow.is_zoomed?.() === true ||
      byId("top").contains(document.activeElement);
  }
}
