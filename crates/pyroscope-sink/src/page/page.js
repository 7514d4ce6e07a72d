// The page: asks once a second what is new, lists the series, and keeps the selection.

import { Arrivals } from "./arrivals.js";
import { Profile } from "./profile.js";
import { amount, byId, make, several } from "./text.js";

const PAUSE = 1000; // ms between questions
const PREFERRED = ["cpu", "wall", "samples", "inuse_space"];

const arrivals = new Arrivals();
const profile = new Profile();
let next = 0;
let stale = false;
let listed = null;
let selection = location.hash.slice(1);

for (const element of document.querySelectorAll(".url")) element.textContent = location.origin;
addEventListener("hashchange", () => select(location.hash.slice(1)));

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function poll() {
  let more = false;
  try {
    const news = await ask(`/api/arrivals?from=${next}`);
    if (news.all < next) {
      // Another sink, at the address of the one before.
      next = 0;
      arrivals.clear();
      more = true;
    } else {
      next = news.next;
      more = next < news.all;
      byId("empty").hidden = news.all > 0;
      byId("arrivals").hidden = news.all === 0;
      if (news.arrivals.length) {
        arrivals.add(news.arrivals);
        arrivals.show();
        await list();
        stale = true;
      }
    }
    if (stale && selection && profile.renew()) stale = false;
    state("live", "Live");
  } catch {
    state("lost", "The sink does not answer");
  }
  setTimeout(poll, more ? 0 : PAUSE);
}

function state(name, words) {
  const element = byId("state");
  if (element.textContent === words) return;
  element.className = name;
  element.textContent = words;
}

async function list() {
  const { series, totals } = await ask("/api/series");
  byId("totals").textContent = [
    several(totals.requests, "request"),
    ...(totals.rejected ? [`${totals.rejected} refused`] : []),
    several(totals.profiles, "profile"),
    amount(totals.uncompressed_bytes, "bytes"),
  ].join(" · ");
  byId("columns").hidden = series.length === 0;
  // What is there already keeps its place, and with it the focus and a click that is under way.
  const same = JSON.stringify(series.map(({ app, labels, values }) => [app, labels, Object.keys(values)]));
  if (same !== listed) byId("series").replaceChildren(...series.map(item));
  listed = same;
  series.forEach((one, index) => update(byId("series").children[index], one));
  if (!selection) select(series.map(preferred).find(Boolean) ?? "");
  mark();
}

function item(series) {
  const labels = Object.entries(series.labels).filter(([name]) => name !== "__name__" && name !== "service_name");
  const types = Object.keys(series.values).map((type) => {
    const button = make("button", { type: "button", "data-selection": selectionOf(series, type) });
    button.addEventListener("click", () => select(button.dataset.selection));
    return button;
  });
  return make("li", {},
    make("strong", {}, series.app),
    make("ul", { class: "labels", "aria-label": `Labels of ${series.app}` },
      ...labels.map(([name, value]) => make("li", {}, make("code", {}, `${name}=${value}`)))),
    make("div", { class: "types", role: "group", "aria-label": `Profile types of ${series.app}` }, ...types),
    make("p", { class: "counts" }));
}

function update(item, series) {
  const buttons = item.querySelectorAll("button");
  Object.entries(series.values).forEach(([type, total], index) => {
    const [, kind, unit] = type.match(/^(.*):(.*)$/s);
    buttons[index].textContent = `${kind} ${amount(total, unit)}`;
  });
  item.querySelector(".counts").textContent = [
    several(series.profiles, "profile"), several(series.samples, "sample"),
    amount(series.uncompressed_bytes, "bytes"),
    ...(series.sessions ? [several(series.sessions, "session")] : []),
  ].join(" · ");
}

function selectionOf(series, type) {
  const parameters = new URLSearchParams({ app: series.app, type });
  for (const [name, value] of Object.entries(series.labels)) parameters.append("label", `${name}=${value}`);
  return parameters.toString();
}

/** What most people look at first. */
function preferred(series) {
  const rank = (type) => {
    const at = PREFERRED.indexOf(type.slice(0, type.lastIndexOf(":")));
    return at < 0 ? PREFERRED.length : at;
  };
  const [type] = Object.keys(series.values).sort((a, b) => rank(a) - rank(b));
  return type && selectionOf(series, type);
}

function select(wanted) {
  if (!wanted) return;
  selection = wanted;
  stale = false;
  history.replaceState(null, "", `#${wanted}`);
  mark();
  profile.select(wanted);
}

function mark() {
  for (const button of buttons()) button.setAttribute("aria-pressed", String(button.dataset.selection === selection));
}

function buttons() {
  return [...document.querySelectorAll("#series button")];
}

if (selection) profile.select(selection);
poll();
