// @ts-check
/** The head of a call: what it is, what was lost, and its numbers. */

import { h, s } from "./dom.js";
import { count, ms, number, seconds } from "./format.js";
import { chipsOf, issuesByRow, subtitleOf, warningsOf } from "./facts.js";
import { responses } from "./model.js";
import { text } from "./read.js";

/** @typedef {import("./model.js").Call} Call */

const WIDTH = 300;
const MOST_DOTS = 40;
const BINS = 30;

/** @param {Call} call */
export function head(call) {
  const chips = chipsOf(call).map((chip) => h("span", { class: `chip ${chip.look}` }, chip.text));
  return h("div", { class: "head" },
    h("div", { class: "title" }, h("h1", { dir: "auto" }, text(call.body.externalId) || "a call without an id"), chips),
    h("p", { class: "sub" }, subtitleOf(call).map((part, i) => [i > 0 && " · ", h("bdi", {}, part)])),
    notes(call));
}

/** @param {Call} call */
function notes(call) {
  const elsewhere = issuesByRow(call).get("") ?? [];
  return [
    warningsOf(call).map((one) =>
      h("p", { class: one.bad ? "note bad" : "note", role: "note" }, h("b", {}, one.name), " ", one.says, " ", h("span", { class: "dim" }, one.do))),
    elsewhere.length > 0 && h("ul", { class: "issues" }, elsewhere.map((issue) =>
      h("li", {}, h("code", {}, issue.field || "the request"), " ", h("span", { dir: "auto" }, issue.message)))),
  ];
}

/** @param {Call} call */
export function numbers(call) {
  const speech = call.said.length;
  return h("dl", { class: "numbers panel" },
    figure("length", seconds(call.length)),
    figure("turns", number(speech)),
    figure("tools", number(call.used.length), call.failures.length > 0 && h("span", { class: "bad" }, `${number(call.failures.length)} failed`)),
    figure("interruptions", number(call.interruptions.length)),
    times(call),
    floor(call));
}

/** @param {string} name @param {string} value @param {import("./dom.js").Kid} [more] */
const figure = (name, value, more) => h("div", {}, h("dt", {}, name), h("dd", {}, h("b", {}, value), more && h("small", {}, " ", more)));

/** @param {Call} call */
function times(call) {
  const found = responses(call);
  const title = `response times; dashed: ${ms(call.budget)}`;
  if (!found) {
    return h("div", { class: "wide" }, h("dt", {}, "response times"), h("dd", {}, h("small", {}, speech(call) ? "no wait was measured" : "the customer said nothing")));
  }
  const slow = found.all.filter((one) => one > call.budget).length;
  const most = Math.max(found.max, call.budget) * 1.15;
  const x = (/** @type {number} */ at) => 4 + ((WIDTH - 8) * at) / most;
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} 26`, height: 26, role: "img", "aria-label": `${count(found.all.length, "answer")}, ${slow} slow`, preserveAspectRatio: "none" },
    s("line", { x1: 0, x2: WIDTH, y1: 20, y2: 20, stroke: "var(--line)" }),
    found.all.length > MOST_DOTS ? histogram(found.all, most, call.budget) : found.all.map((one) =>
      s("circle", { cx: x(one), cy: 14, r: 4.5, fill: one > call.budget ? "var(--slow)" : "var(--agent)", "fill-opacity": 0.65 }, s("title", {}, ms(one)))),
    s("line", { x1: x(call.budget), x2: x(call.budget), y1: 1, y2: 25, stroke: "var(--dim)", "stroke-dasharray": "3 3" }));
  return h("div", { class: "wide" }, h("dt", {}, title), h("dd", {}, picture,
    h("small", {}, `p50 ${ms(found.p50)} · max ${ms(found.max)}`, slow > 0 && h("span", { class: "slow" }, ` · ${number(slow)} slow`))));
}

/** @param {Call} call */
const speech = (call) => call.said.some((row) => row.who === "customer");

/** @param {number[]} all @param {number} most @param {number} budget */
function histogram(all, most, budget) {
  const bins = Array.from({ length: BINS }, () => 0);
  for (const one of all) {
    const i = Math.min(BINS - 1, Math.floor((one / most) * BINS));
    bins[i] = (bins[i] ?? 0) + 1;
  }
  const top = Math.max(...bins);
  const wide = (WIDTH - 8) / BINS;
  return bins.map((n, i) => {
    const tall = (19 * n) / top;
    const color = ((i + 0.5) * most) / BINS > budget ? "--slow" : "--agent";
    return n > 0 && s("rect", { x: 4 + i * wide, y: 20 - tall, width: wide - 1, height: tall, fill: `var(${color})` }, s("title", {}, number(n)));
  });
}

/** @param {Call} call */
function floor(call) {
  const parts = call.floor.filter((part) => part.ms > 0);
  return h("div", { class: "wide" }, h("dt", {}, "who had the floor"), h("dd", {},
    h("span", { class: "shares", "aria-hidden": "true" }, parts.map((part) => h("i", { class: `of-${part.who}`, style: { "flex-grow": part.ms } }))),
    h("small", {}, parts.map((part, i) => [i > 0 && " ", h("span", { class: "share" }, h("span", { class: `key of-${part.who}` }), `${part.who} ${part.percent} %`)]))));
}
