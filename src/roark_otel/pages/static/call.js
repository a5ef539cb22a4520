// @ts-check
/** The call page: finds its document, and puts the parts together. */

import { below } from "./call-below.js";
import { head, numbers } from "./call-head.js";
import { finder, foot, keys } from "./call-keys.js";
import { lanes } from "./call-lanes.js";
import { List } from "./call-list.js";
import { player } from "./call-player.js";
import { side } from "./call-side.js";
import { h, put } from "./dom.js";
import { issuesByRow, soundOf } from "./facts.js";
import { clock, count, visible } from "./format.js";
import { callOf } from "./model.js";
import { object, text } from "./read.js";
import { State } from "./state.js";
import { applyTheme, topBar } from "./top.js";

const AGAIN_MS = 2000;
const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** What holds the document in a file of its own; in a page of the sandbox there is none. */
const holder = document.getElementById("document");

/** Puts a page together of a document. @param {unknown} found @param {boolean} served */
function show(found, served) {
  const call = callOf(found);
  const state = new State(call);
  const panel = side(state);
  const list = new List(state, panel);
  const { bar, toggle } = player(state, list);
  const { field, found: matches } = finder(state, list);
  const help = keys(state, list, toggle, field);
  const timeline = h("section", { class: "timeline panel", role: "group", "aria-label": "timeline, a picture of the transcript" }, bar, lanes(state));
  const transcript = h("section", { class: "transcript panel" },
    h("div", { class: "find" }, h("h2", {}, count(call.rows.length, "entry", "entries")), matches, field), list.element);
  const id = text(call.body.externalId) || "call";
  document.title = visible(`${id} · roark-otel`);
  put(app,
    topBar(crumbs(id, served), buttons(state, served)),
    h("main", { id: "main" }, head(call), numbers(call), timeline, h("div", { class: "columns" }, transcript, panel), below(call), foot()),
    help);
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--timeline", `${timeline.offsetHeight}px`);
  }).observe(timeline);
  address(state, list);
  performance.mark("drawn");
}

/** @param {string} id @param {boolean} served */
const crumbs = (id, served) => served
  ? [h("a", { class: "brand", href: "/" }, "roark-otel"), h("a", { href: "/" }, "calls"), " / ", h("bdi", {}, id)]
  : [h("span", { class: "brand" }, "roark-otel"), h("bdi", {}, id)];

/** @param {State} state @param {boolean} served */
function buttons(state, served) {
  const name = h("span", {}, clock(0, 0).slice(0, -1));
  state.on("now", () => put(name, clock(state.now, 1)));
  const link = h("button", { class: "btn wide", type: "button", onclick: () => {
    const url = `${location.href.split("#")[0]}${hash(state)}`;
    history.replaceState(null, "", hash(state));
    const done = (/** @type {string} */ says) => put(name, says);
    if (navigator.clipboard) navigator.clipboard.writeText(url).then(() => done("copied"), () => done("see the address bar"));
    else done("see the address bar");
  } }, "Copy link to ", name);
  const file = `/pages${location.pathname}/file`;
  const isCall = served && location.pathname.startsWith("/calls/");
  const id = text(object(state.call.document.details).id);
  const heard = soundOf(state.call).state === "here";
  return [link,
    isCall && id && h("a", { class: "btn wide", href: `/?compare=${encodeURIComponent(id)}`, title: "choose another call to compare this one with" }, "Compare"),
    isCall && h("a", { class: "btn", href: file, download: "" }, "Save as file"),
    isCall && heard && h("a", { class: "btn wide", href: `${file}?sound=1`, download: "" }, "with sound")];
}

/** @param {State} state */
const hash = (state) => `#t=${(state.now / 1000).toFixed(3)}`;

/** Keeps the address and the moment the same: `#t=12.308`. @param {State} state @param {List} list */
function address(state, list) {
  let waiting = 0;
  const read = () => {
    const at = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (!at) return false;
    const now = Number(at[1]) * 1000;
    list.opened = true;
    state.pick(state.rowAt(now), { seek: false });
    state.seek(now);
    return true;
  };
  const write = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", hash(state)), 300);
  };
  const refused = issuesByRow(state.call);
  const first = state.call.rows.find((row) => refused.has(row.path)) ?? state.call.rows[0] ?? null;
  const isLinked = read();
  if (!isLinked) state.pick(first, { seek: false });
  scrollTo(0, 0);
  state.on("row", write);
  addEventListener("hashchange", read);
  state.look(state.view.from, state.view.to);
  if (!isLinked) return;
  const reveal = () => list.button(state.row)?.scrollIntoView({ block: "nearest" });
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(reveal))); // the lanes are drawn, and have their height
}

/** @param {string} title @param {...import("./dom.js").Kid} kids */
function say(title, ...kids) {
  put(app, topBar(crumbs("", true)), h("main", { id: "main" }, h("div", { class: "empty", role: "status" }, h("h1", { class: "words" }, title), kids)));
}

async function load() {
  const path = location.pathname.replace(/\/$/, "");
  const all = h("p", {}, h("a", { href: "/" }, "all calls"));
  let answer;
  try {
    answer = await fetch(`/pages${path}`, { headers: { accept: "application/json" } });
  } catch {
    const at = new Date().toTimeString().slice(0, 5);
    say(`Not connected at ${at}, trying again`, h("p", {}, "The sandbox does not answer. Is it still running?"));
    setTimeout(load, AGAIN_MS);
    return;
  }
  if (answer.ok) return draw(await answer.text(), true);
  if (answer.status === 404) {
    return say("This call is not here", h("p", {}, h("code", {}, path)),
      h("p", {}, "It may have been made by another sandbox, or before this one was started without --store."), all);
  }
  const isLocked = answer.status === 401 || answer.status === 403;
  say(`The sandbox answered ${answer.status}`, h("p", {}, isLocked ? "Open the link that it printed: it carries the key to its pages." : "Its terminal says why."), all);
}

/** Shows a document, or why it cannot be shown. @param {string} json @param {boolean} served */
function draw(json, served) {
  try {
    show(JSON.parse(json), served);
  } catch (error) {
    say("This call cannot be shown", h("p", {}, "That is a fault of this page. Please report it with the call's document."), h("pre", {}, String(error)));
    throw error;
  }
}

applyTheme();
if (holder) draw(holder.textContent ?? "null", false);
else {
  say("Loading the call");
  load();
}
