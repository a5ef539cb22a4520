// @ts-check
/** The page of two calls. */

import { compared } from "./compare-model.js";
import { head, nameOf, pairElement, timelines } from "./compare-view.js";
import { h, put } from "./dom.js";
import { count, ms, number, visible } from "./format.js";
import { responses } from "./model.js";
import { applyTheme, topBar } from "./top.js";

/** The most rows made at once; the rest follow while the page is idle. */
const AT_ONCE = 100;
const TITLE = "Two calls, turn by turn";

applyTheme();
const query = new URLSearchParams(location.search);
const ids = [query.get("a") ?? "", query.get("b") ?? ""];
const main = h("main", { id: "main", class: "compare" }, h("h1", { class: "words" }, TITLE), h("p", { class: "empty", role: "status" }, "reading both calls…"));
document.body.append(topBar([h("a", { class: "brand", href: "/" }, "roark-otel"), h("a", { href: "/" }, "calls"), " › two calls"]), main);

/** @param {string} id @returns {Promise<unknown>} */
async function read(id) {
  if (!id) throw new Error("The address names no two calls: choose them in the list, with x and c.");
  const answer = await fetch(`/pages/calls/${encodeURIComponent(id)}`, { cache: "no-store" });
  if (answer.status === 404) throw new Error(`There is no call ${id}. A sandbox without --store forgets its calls when it stops.`);
  if (!answer.ok) throw new Error(`The sandbox answered ${answer.status} for the call ${id}.`);
  return answer.json();
}

/** @param {readonly unknown[]} documents */
function show([one, other]) {
  const { calls, rows, differ } = compared(one, other);
  const sides = calls.map((call, i) => ({ name: /** @type {"A" | "B"} */ (i ? "B" : "A"), id: ids[i] ?? "", call }));
  const names = sides.map(({ call, id }) => nameOf(call, id));
  document.title = `${names.map(visible).join(" and ")} · roark-otel`;
  const table = h("div", { class: "panel pairs", role: "table", "aria-label": "turn by turn" }, head());
  const only = h("button", { class: "btn", type: "button", "aria-pressed": "false", onclick: () => toggle() }, "differences only ", h("kbd", {}, "d"));
  const swap = h("a", { class: "btn", href: `/compare?a=${encodeURIComponent(ids[1] ?? "")}&b=${encodeURIComponent(ids[0] ?? "")}` }, "⇄ swap");
  const toggle = () => only.setAttribute("aria-pressed", String(table.classList.toggle("only")));
  put(
    main,
    h("div", { class: "title" }, h("h1", { class: "words" }, TITLE), h("span", { class: "space" }), differ > 0 && only, swap),
    h("p", { class: "sub", role: "status" }, summary(calls, rows, differ)),
    timelines(sides),
    rows.length ? table : h("p", { class: "empty" }, "Neither call has words, tools or an end."),
    h("p", { class: "foot dim" }, h("span", {}, h("kbd", {}, "n"), " ", h("kbd", {}, "p"), " next, previous difference"),
      h("span", {}, "In a terminal: ", h("code", { dir: "auto" }, `roark-otel calls diff ${names.map(quoted).join(" ")}`))),
  );
  fill(table, rows.map((row) => () => pairElement(row, sides)));
  listen(table, toggle);
}

/** @param {import("./model.js").Call[]} calls @param {readonly unknown[]} rows @param {number} differ */
function summary(calls, rows, differ) {
  const [one, other] = calls.map((call) => responses(call)?.p50);
  const answers = one === undefined && other === undefined ? "" : ` · answers in ${one === undefined ? "–" : ms(one)} → ${other === undefined ? "–" : ms(other)}`;
  return `${count(rows.length, "row")}, ${differ ? `${number(differ)} ${differ === 1 ? "differs" : "differ"}` : "the same words and tools"}${answers}`;
}

/** For a shell. @param {string} name */
const quoted = (name) => (/^[\w.:@/+-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

/** @param {Element} table @param {(() => Element)[]} made */
function fill(table, made) {
  let from = 0;
  const next = () => {
    const slice = made.slice(from, (from += AT_ONCE));
    table.append(h("div", { class: "slice", role: "rowgroup", style: { "--rows": slice.length } }, slice.map((one) => one())));
    if (from < made.length) setTimeout(next);
  };
  next();
}

/** @param {Element} table @param {() => void} toggle */
function listen(table, toggle) {
  /** @param {1 | -1} by */
  const move = (by) => {
    const all = /** @type {HTMLElement[]} */ ([...table.querySelectorAll(".pair:not(.same):not(.head)")]);
    const at = all.findIndex((one) => one.contains(document.activeElement));
    const to = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    to?.scrollIntoView({ block: "center" });
    to?.focus({ preventScroll: true });
  };
  /** @type {Record<string, () => void>} */
  const does = { n: () => move(1), j: () => move(1), p: () => move(-1), k: () => move(-1), d: toggle };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(does, event.key)) return;
    event.preventDefault();
    does[event.key]?.();
  });
}

Promise.all(ids.map(read)).then(show, (error) => {
  const why = error instanceof TypeError ? "The sandbox cannot be reached." : String(error.message ?? error);
  put(main, h("h1", { class: "words" }, TITLE), h("p", { class: "empty", role: "alert" }, why, " ", h("a", { href: "/" }, "All calls")));
});
