// What a flame graph lacks: keys, names for those who hear it, and an end for the page around it.
"use strict";

addEventListener("load", (event) => {
  if (parent !== window) document.documentElement.classList.add("framed");
  init(event);
  const group = document.getElementById("frames");
  const frames = [...group.children];
  const place = (frame) => {
    const rect = frame.querySelector("rect");
    const [x, width] = ["fg:x", "fg:w"].map((name) => Number(rect.getAttribute(name)));
    return { frame, x, width, y: Number(rect.getAttribute("y")) };
  };
  const places = new Map(frames.map((frame) => [frame, place(frame)]));
  const rows = Map.groupBy([...places.values()].sort((a, b) => a.x - b.x), ({ y }) => y);
  const levels = [...rows.keys()].sort((a, b) => b - a);
  const root = rows.get(levels[0])?.[0]?.frame;

  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Frames of the flame graph");
  for (const frame of frames) {
    frame.setAttribute("role", "button");
    frame.setAttribute("aria-label", g_to_text(frame));
    frame.setAttribute("tabindex", frame === root ? "0" : "-1");
  }
  for (const id of ["unzoom", "search"]) {
    const button = document.getElementById(id);
    button.setAttribute("role", "button");
    button.setAttribute("tabindex", "0");
  }

  const seen = ({ frame }) => !frame.classList.contains("hide");
  const widest = (row) => row.reduce((best, one) => (!best || one.width > best.width ? one : best), null);
  const neighbour = (frame, key) => {
    const here = places.get(frame);
    const level = levels.indexOf(here.y);
    const row = (rows.get(here.y) ?? []).filter(seen);
    const above = (rows.get(levels[level + 1]) ?? []).filter(seen);
    const below = (rows.get(levels[level - 1]) ?? []).filter(seen);
    switch (key) {
      case "ArrowUp": return widest(above.filter(({ x }) => x >= here.x && x < here.x + here.width));
      case "ArrowDown": return below.find(({ x, width }) => x <= here.x && x + width >= here.x + here.width);
      case "ArrowLeft": return row.findLast(({ x }) => x < here.x);
      case "ArrowRight": return row.find(({ x }) => x > here.x);
      case "Home": return places.get(root);
    }
  };
  const click = (element) => element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const focus = (frame) => {
    group.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    frame.setAttribute("tabindex", "0");
    frame.focus();
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { target, key } = event;
    const frame = places.has(target) ? target : null;
    const to = frame && neighbour(frame, key);
    if (to) focus(to.frame);
    else if (key === "Escape") click(document.getElementById("unzoom"));
    else if (key === "Enter" || key === " ") click(frame?.querySelector("rect") ?? target);
    else if (!(frame && key.startsWith("Arrow"))) return;
    event.preventDefault();
  });
  // Whoever comes by keyboard reads the same as whoever points.
  addEventListener("focusin", ({ target }) => {
    if (places.has(target)) target.querySelector("rect").dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
  });
});

/** Marks the frames whose functions have the text in their names, and says how much of the profile they are. */
function find_functions(text) {
  if (searching) search_prompt();
  if (!text) return "";
  search(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return searching ? `${matchedtxt.textContent.replace("Matched: ", "")} of what is shown` : "No frame that is shown has that in its name";
}

function is_zoomed() {
  return !unzoombtn.classList.contains("hide");
}
