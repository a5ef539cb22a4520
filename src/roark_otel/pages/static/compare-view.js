// @ts-check
/** Two calls side by side, as elements. */

import { h } from "./dom.js";
import { bounded, count, ms, number, seconds } from "./format.js";
import { axisOf } from "./list-axis.js";
import { miniature } from "./list-mini.js";
import { diffWords } from "./compare-words.js";

/** @typedef {import("./compare-model.js").Compared} Compared */
/** @typedef {import("./compare-model.js").Line} Line */
/** @typedef {import("./model.js").Call} Call */
/** @typedef {{name: "A" | "B", id: string, call: Call}} Side */

/** Differences below this are within what changes from run to run. */
const ALIKE_MS = 50;

/** Both calls as they sounded, on one axis. @param {readonly Side[]} sides */
export function timelines(sides) {
  const axis = axisOf([Math.max(...sides.map(({ call }) => call.length))]);
  return h(
    "div",
    { class: "panel both" },
    sides.map(({ name, id, call }) =>
      h(
        "div",
        { class: "one" },
        h("p", {}, h("b", {}, name), " ", h("a", { class: "mono", href: pageOf(id), dir: "auto" }, nameOf(call, id)), " ",
          h("span", { class: "dim" }, `${seconds(call.length)} · ${count(call.said.length, "turn")} · ${count(call.used.length, "tool")}`)),
        h("div", { class: "time" }, miniature(picture(call), axis)),
      ),
    ),
  );
}

/** @param {Call} call @param {string} id */
export const nameOf = (call, id) => (typeof call.body.externalId === "string" && call.body.externalId) || id;

/** @param {string} id @param {number} [at] ms */
const pageOf = (id, at) =>
  `/calls/${encodeURIComponent(id)}${at === undefined ? "" : `#t=${Math.max(0, at) / 1000}`}`;

/** What a miniature needs of a call. @param {Call} call @returns {Pick<import("./list-model.js").Row, "said" | "tools">} */
const picture = (call) => ({
  said: call.said.map((row) => [Math.max(0, row.start), Math.max(0, row.end), row.who === "customer" ? "c" : "a", row.cut ? 1 : 0]),
  tools: call.used.map((row) => [Math.max(0, row.start), Math.max(0, row.end), row.failed ? 1 : 0]),
});

export const head = () =>
  h("div", { class: "pair head", role: "row" }, ["who", "A", "B", "answered in"].map((name) => h("span", { role: "columnheader" }, name)));

/** @param {Compared} one @param {readonly Side[]} sides */
export function pairElement(one, [a, b]) {
  const { before, after, who, outcome, deltaMs } = one;
  const [left, right] = before && after && outcome === "differs" ? diffWords(bounded(before.words), bounded(after.words)) : [null, null];
  const same = { same: "", differs: "differs", before: "only in A", after: "only in B" }[outcome];
  const isOtherName = before && after && before.label !== after.label;
  return h(
    "div",
    { class: `pair ${outcome}`, role: "row", tabindex: outcome === "same" ? false : -1 },
    h("span", { class: `who ${who}`, role: "rowheader", dir: "auto" }, (before ?? after)?.label, isOtherName && ` → ${after.label}`,
      same && h("span", { class: "vh" }, `, ${same}`)),
    cell(before, left, "del", a),
    cell(after, right, "ins", b),
    h("span", { class: "n", role: "cell" }, waits(before, after, deltaMs)),
  );
}

/**
 * @param {Line | null} line @param {import("./compare-words.js").Run[] | null} runs @param {"del" | "ins"} mark
 * @param {Side | undefined} side
 */
function cell(line, runs, mark, side) {
  if (!line) return h("span", { class: "cell missing", role: "cell" }, h("i", {}, side?.name), "not in this call");
  const words = runs ? runs.map((run) => (run.differs ? h(mark, {}, run.text) : run.text)) : bounded(line.words);
  const at = line.row && side && h("a", { class: "at", href: pageOf(side.id, line.row.start) }, seconds(line.row.start));
  return h("span", { class: line.row?.kind === "used" ? "cell mono" : "cell", role: "cell" }, h("i", {}, side?.name), at, h("bdi", {}, words));
}

/** @param {Line | null} before @param {Line | null} after @param {number | null} delta */
function waits(before, after, delta) {
  const [one, other] = [before?.answeredMs ?? null, after?.answeredMs ?? null];
  if (one === null && other === null) return null;
  const shown = [one === null ? "–" : number(one), " → ", other === null ? "–" : number(other), " ms "];
  if (delta === null) return shown;
  const look = Math.abs(delta) < ALIKE_MS ? "" : delta > 0 ? "slow" : "ok";
  const sign = delta > 0 ? "+" : delta < 0 ? "−" : "±";
  return [shown, h("span", { class: `chip ${look}` }, `${sign}${ms(Math.abs(delta))}`)];
}
