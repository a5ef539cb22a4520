// @ts-check
/** Spans as rows: the tree of a trace, each to scale. */

import { h, put } from "./dom.js";
import { clock, count, inline, ms } from "./format.js";
import { STAGES } from "./spans.js";

/** @typedef {import("./spans.js").Span} Span */

const DEEPEST = 6;
const MOST = 1000;

/**
 * @param {Span[]} spans @param {number} from @param {number} to what the whole width is, in ms
 * @param {Set<Span>} marked what an entry was taken from @param {"named" | "time" | "none"} how
 */
export function spanRows(spans, from, to, marked, how) {
  return h("ul", { class: "tree" }, spans.map((span) => one(span, from, to, marked.has(span) ? how : "none")));
}

/** @param {Span} span @param {number} from @param {number} to @param {"named" | "time" | "none"} how */
function one(span, from, to, how) {
  const scale = 100 / Math.max(1, to - from);
  const left = Math.min(100, Math.max(0, (span.start - from) * scale));
  const width = Math.max(0.5, Math.min(100 - left, (span.end - Math.max(from, span.start)) * scale));
  const color = span.failed ? "--bad" : span.stage ? STAGES[span.stage].color : "--dim";
  const sign = how === "named" ? "● " : how === "time" ? "≈ " : "";
  const details = h("div", { class: "attributes" });
  const whole = h("details", { ontoggle: () => whole.open && !details.childElementCount && put(details, known(span)) },
    h("summary", {},
      h("span", { class: how === "none" ? "name" : "name source", style: { "padding-left": `${Math.min(DEEPEST, span.depth) * 8}px` } }, sign, h("bdi", {}, span.name), span.failed && " ✕"),
      h("span", { class: "track" }, h("i", { style: { left: `${left}%`, width: `${width}%`, "--color": `var(${color})` } })),
      h("span", { class: "n" }, span.ended ? ms(span.end - span.start) : "open")),
    details);
  return h("li", {}, whole);
}

/** @param {Span} span */
function known(span) {
  /** @type {[string, string][]} */
  const rows = [
    ["span", span.id], ["scope", span.scope], ["kind", span.kind], ["from", clock(span.start)],
    ...(span.failed ? [/** @type {[string, string]} */ (["error", span.message || "no message"])] : []),
    ...Object.entries(span.attributes).map(([key, value]) => /** @type {[string, string]} */ ([key, inline(value)])),
    ...span.events.slice(0, 50).map((event) => /** @type {[string, string]} */ ([`${clock(event.at)} ${event.name}`, inline(event.attributes)])),
  ];
  return h("dl", { class: "kv" }, rows.filter(([, value]) => value !== "").map(([key, value]) => [h("dt", {}, key), h("dd", { dir: "auto" }, short(value))]));
}

/** @param {string} text */
const short = (text) => (text.length > 2000 ? `${text.slice(0, 2000)}…` : text);

/** The whole trace, a thousand at a time. @param {import("./model.js").Call} call */
export function trace(call) {
  const spans = call.spans.tree();
  const to = spans.reduce((most, span) => Math.max(most, span.end), call.length);
  const from = spans.reduce((least, span) => Math.min(least, span.start), 0);
  const whole = h("div", {});
  const more = () => {
    const done = whole.querySelectorAll(".tree > li").length;
    whole.querySelector("button")?.remove();
    whole.append(spanRows(spans.slice(done, done + MOST), from, to, new Set(), "none"));
    const left = spans.length - done - MOST;
    if (left > 0) whole.append(h("button", { class: "btn", type: "button", onclick: more }, `${count(Math.min(left, MOST), "more span")} of ${left}`));
  };
  more();
  return whole;
}
