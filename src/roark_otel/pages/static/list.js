// @ts-check
/** The page of calls. */

import { h, put } from "./dom.js";
import { count, number } from "./format.js";
import { Asking } from "./list-asking.js";
import { teaching } from "./list-empty.js";
import { listenToKeys } from "./list-keys.js";
import { Live, stateText } from "./list-live.js";
import { nameOf, olderRow, passes, shownText, spansOf, spansText } from "./list-model.js";
import { UnderWay } from "./list-open.js";
import { Picks } from "./list-picks.js";
import { Shelf } from "./list-shelf.js";
import { View } from "./list-view.js";
import { applyTheme, topBar } from "./top.js";

/** @typedef {import("./list-model.js").Row} Row */

const TITLE = document.title;
/** Roark's id of the call whose page led here, until it is chosen. */
let first = new URLSearchParams(location.search).get("compare") ?? "";
/** All that arrives within this is drawn at once. */
const DRAW_MS = 50;
const LEGEND = [["customer"], ["agent"], ["tool"], ["cut", "cut off"]];
const KEYS = [["/", "search"], ["j k", "move"], ["↵", "open"], ["x", "choose two, then"], ["c", "compare"], ["?", "keys"]];

applyTheme();

// ---------------------------------------------------------------- what it is made of
const shelf = new Shelf();
const picks = new Picks((row, picked) => view.mark(row, picked));
const view = new View(picks);
const underWay = new UnderWay();
const teach = teaching(location.origin);
const asking = new Asking({ search: (words) => void live.look(words), filter: refilter });

const state = h("span", { class: "chip", role: "status" }, "connecting…");
const shown = h("p", { class: "shown", role: "status" });
const legend = h("span", { class: "legend", "aria-hidden": "true" }, LEGEND.map(([look = "", words = look]) => h("span", {}, h("i", { class: look }), words)));
const news = h("button", { class: "btn news", type: "button", onclick: () => letIn(true) });
const said = h("p", { class: "vh", role: "status", "aria-live": "polite" });
const none = h("div", { class: "empty" });
const panel = h("div", { class: "panel board" }, view.head, underWay.list, view.list, none);
const spansLine = h("p", { class: "said" });
const keys = KEYS.map(([key = "", does = ""]) => h("span", {}, key.split(" ").map((one) => [h("kbd", {}, one), " "]), does));

document.body.append(
  topBar([h("a", { class: "brand", href: "/" }, "roark-otel"), "calls"]),
  h(
    "main",
    { id: "main", class: "list" },
    h("div", { class: "title" }, h("h1", { class: "words" }, "Calls"), state),
    asking.element,
    h("div", { class: "said" }, shown, legend),
    h("div", { class: "above", "aria-live": "polite" }, news),
    teach.element, panel, spansLine,
    h("p", { class: "foot dim" }, keys),
    said, picks.bar,
  ),
  listenToKeys({ search: asking.search, list: panel, pick, compare, news: () => letIn(true) }),
);

// ---------------------------------------------------------------- what happens
let spans = spansOf({});
/** What the rows were found by; null before there are any. @type {string | null} */
let found = null;
let drawing = 0;

const live = new Live(
  {
    listing(listing, isNewRun) {
      spans = listing.spans;
      underWay.set(listing.open, Date.now());
      if (isNewRun || found !== live.search) replace(listing, isNewRun);
      else for (const row of shelf.merge(listing)) view.update(row);
      if (first) void picks.begin(first, shelf.rows, olderCall).catch(() => {}); // a call that is gone is not chosen
      first = "";
      arrived();
      draw();
    },
    row(row) {
      if (shelf.take(row) === "changed") view.update(row);
      drawSoon();
    },
    open(open) {
      underWay.set(open, Date.now());
      drawSoon();
    },
    spans(now) {
      spans = now;
      drawSoon();
    },
    state(now) {
      const words = stateText(now, location.origin);
      if (state.textContent !== words) put(state, words);
      state.className = now.kind === "connected" ? "chip ok" : now.kind === "connecting" ? "chip" : "chip bad";
    },
  },
  {
    stream: (url) => new EventSource(url),
    fetch: (url) => fetch(url, { cache: "no-store" }),
    later: (act, ms) => setTimeout(act, ms),
    cancel: (timer) => clearTimeout(timer),
    now: () => new Date(),
  },
);

/** @param {import("./list-model.js").Listing} listing @param {boolean} isNewRun */
function replace(listing, isNewRun) {
  shelf.replace(listing);
  view.show(shelf.rows);
  found = live.search;
  if (!isNewRun) return;
  picks.clear();
  announce("The sandbox has started again, without the calls that were here.");
}

/** Rows slide in while the list is scrolled to its top, or where the filters hide them. */
function arrived() {
  const isSeen = shelf.waiting.some((row) => passes(row, asking.filters));
  if (shelf.waiting.length && (isAtTop() || !isSeen)) letIn(false);
}

const isAtTop = () => scrollY < 8;

/** @param {boolean} isAsked whether to go to them */
function letIn(isAsked) {
  const { came, gone } = shelf.letIn();
  view.slideIn(came, gone, shelf.rows);
  const [first, ...more] = came.filter((row) => passes(row, asking.filters));
  if (first) announce(more.length ? `${number(more.length + 1)} new` : `new: ${nameOf(first)}`);
  if (isAsked) {
    scrollTo({ top: 0 });
    view.focusFirst();
  }
  draw();
}

/** @param {string} words for whoever listens */
const announce = (words) => put(said, words);

function refilter() {
  view.filter(asking.filters, shelf.rows);
  draw();
}

/** @param {HTMLElement | null} link of the row */
function pick(link) {
  const row = shelf.rows.find((one) => String(one.seq) === link?.closest("[data-seq]")?.getAttribute("data-seq"));
  if (row) picks.toggle(row);
}

/** A call that is older than those of the list; null if it is not here. @param {string} id */
async function olderCall(id) {
  const answer = await fetch(`/pages/calls/${encodeURIComponent(id)}`, { cache: "no-store" });
  return answer.ok ? olderRow(await answer.json()) : null;
}

function compare() {
  const href = picks.href();
  if (href) location.assign(href);
}

// ---------------------------------------------------------------- what is seen
function drawSoon() {
  drawing ||= setTimeout(() => {
    drawing = 0;
    arrived();
    draw();
  }, DRAW_MS);
}

function draw() {
  const isLoaded = found !== null;
  const seen = shelf.rows.filter((row) => passes(row, asking.filters)).length;
  const waits = shelf.waiting.filter((row) => passes(row, asking.filters)).length;
  const isEmpty = isLoaded && !found && !shelf.rows.length && !shelf.waiting.length;
  asking.draw(shelf.rows);
  put(shown, isLoaded && !isEmpty && shownText(seen, shelf.rows.length, shelf.total));
  put(news, waits > 0 && `↑ ${number(waits)} new`);
  news.hidden = !waits;
  document.title = waits ? `(${number(waits)}) ${TITLE}` : TITLE;
  legend.hidden = asking.element.hidden = view.head.hidden = isEmpty;
  teach.element.hidden = !isEmpty;
  teach.show(spans);
  panel.hidden = isEmpty && !underWay.open.length;
  underWay.draw(view.axis, Date.now());
  none.hidden = !isLoaded || isEmpty || seen > 0;
  put(none, !none.hidden && nothing());
  put(spansLine, !isEmpty && spans.withoutId > 0 && `${spansText(spans, location.origin)}.`);
}

/** Why no row is shown, and what helps. */
function nothing() {
  const button = (/** @type {string} */ words, /** @type {() => void} */ act) => h("button", { class: "btn", type: "button", onclick: act }, words);
  const labels = asking.labels.join(" and ");
  if (labels && shelf.rows.length) return [h("p", {}, `Of ${count(shelf.rows.length, "row")} none is: ${labels}.`), button("Show all", () => asking.set([]))];
  return [h("p", {}, "Nothing has ", h("b", { dir: "auto" }, found), ": no word, id, number or tool."), button("Clear the search", () => asking.look(""))];
}

addEventListener("scroll", () => shelf.waiting.length && isAtTop() && letIn(false), { passive: true });
document.addEventListener("visibilitychange", () => live.seen(document.hidden));
addEventListener("pagehide", () => live.stop());
addEventListener("pageshow", (event) => event.persisted && live.start());
setInterval(() => underWay.open.length && underWay.draw(view.axis, Date.now()), 1000);
view.filters = asking.filters;
live.search = asking.words;
live.start();
draw();
