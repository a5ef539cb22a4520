// @ts-check
/** What is known of the entry that is picked: why the customer waited, where it comes from, how it was posted. */

import { h, put } from "./dom.js";
import { bounded, clock, inline, ms, plain, pretty } from "./format.js";
import { cutAt, generatedFor, sourceOf } from "./sources.js";
import { spanRows } from "./call-spans.js";
import { ADVICE, isTogether, longestOf, stagesOf } from "./waits.js";

/** @typedef {import("./model.js").Row} Row */
/** @typedef {import("./model.js").Call} Call */

const MOST_SPANS = 14;
const LONGEST_JSON = 20_000;

/** @param {import("./state.js").State} state */
export function side(state) {
  const panel = h("div", { class: "side panel", role: "region", "aria-label": "the entry that is picked", tabindex: 0 });
  const show = () => put(panel, state.row ? sections(state.call, state.row) : h("p", { class: "empty" }, "Pick an entry."));
  state.on("row", show);
  show();
  return panel;
}

/** @param {Call} call @param {Row} row */
function sections(call, row) {
  return [
    facts(row),
    row.wait && why(call, row.wait),
    heard(call, row),
    row.kind === "used" && tool(row),
    origin(call, row),
    section(h("h2", {}, "As posted ", h("small", {}, row.path)), json(row.posted)),
  ];
}

/** @param {...import("./dom.js").Kid} kids */
const section = (...kids) => h("section", {}, ...kids);

/** @param {unknown} value */
function json(value) {
  const text = typeof value === "string" ? value : pretty(value);
  return h("pre", { dir: "auto", tabindex: 0 }, text.length > LONGEST_JSON ? `${text.slice(0, LONGEST_JSON)}…` : text);
}

/** @param {Row} row */
function facts(row) {
  const title = row.kind === "said" ? row.who === "other" ? `${row.name} spoke` : `The ${row.who} spoke` : row.name;
  const until = row.ended ? `${clock(row.end)} (${ms(row.end - row.start)})` : "not known";
  const { description, languageCode } = row.posted;
  /** @type {[string, string][]} */
  const known = [
    ["from", clock(row.start)],
    ["to", until],
    ...(row.name && row.kind === "said" && row.who !== "other" ? [/** @type {[string, string]} */ ([row.who, row.name])] : []),
    ...(typeof description === "string" ? [/** @type {[string, string]} */ (["description", description])] : []),
    ...(typeof languageCode === "string" ? [/** @type {[string, string]} */ (["language", languageCode])] : []),
    ...Object.entries(row.payload).filter(([key]) => key !== "words").map(([key, value]) => /** @type {[string, string]} */ ([plain(key), inline(value)])),
  ];
  return section(
    h("h2", {}, h("bdi", { class: row.who }, title)),
    h("dl", { class: "kv" }, known.map(([key, value]) => [h("dt", {}, key), h("dd", { dir: "auto" }, value)])),
  );
}

/** @param {Call} call @param {import("./model.js").Wait} wait */
function why(call, wait) {
  const title = h("h2", {}, `Why the customer waited ${ms(wait.ms)}`);
  const stages = stagesOf(call, wait.from, wait.to);
  if (!stages.length) {
    const reason = call.spans.all.length ? "No span covers this time." : "There is no trace of this call here. With ROARK_EXPORT_TRACES=true the wait is shown in stages: end of turn, STT, LLM, TTS, tools.";
    return section(title, h("p", { class: "say" }, reason));
  }
  const longest = longestOf(stages);
  const share = Math.round((100 * longest.ms) / wait.ms);
  return section(title,
    h("ol", { class: "stages" }, stages.map((one) => stageRow(one, wait))),
    longest.ms > 0 && h("p", { class: "say" }, h("b", {}, `${share} % ${longest.label}. `), ADVICE[longest.key] ?? ""),
    isTogether(stages) && h("p", { class: "say" }, "Stages run side by side, so their times do not add up to the wait."));
}

/** @param {import("./waits.js").Stage} stage @param {import("./model.js").Wait} wait */
function stageRow(stage, wait) {
  const piece = (/** @type {string} */ look) => (/** @type {import("./waits.js").Piece} */ [from, to]) =>
    h("i", { class: look, style: {
      left: `${(100 * (from - wait.from)) / wait.ms}%`, width: `${(100 * (to - from)) / wait.ms}%`, "--color": `var(${stage.color})`,
    } });
  return h("li", {},
    h("span", { class: "label" }, h("bdi", { title: stage.label }, stage.label)),
    h("span", { class: "track" }, stage.pieces.map(piece(stage.key === "untraced" ? "untraced" : "")), stage.beside.map(piece("beside"))),
    h("span", { class: "n" }, stage.ms > 0 ? ms(stage.ms) : "meanwhile"));
}

/** @param {Call} call @param {Row} row */
function heard(call, row) {
  const made = generatedFor(call.spans, row);
  if (!made) return null;
  const [before, never] = cutAt(row.words, made.words);
  const how = made.how === "named" ? "by the span that the entry names" : "by likeness of words: the entry names no span";
  return section(h("h2", {}, "Generated, and heard ", h("small", {}, made.span.name)),
    h("p", { class: "generated", dir: "auto" }, bounded(before), h("del", {}, bounded(never))),
    h("p", { class: "say" }, "Struck through: what the model made and the customer never heard. Found ", how, "."));
}

/** @param {Row} row */
function tool(row) {
  return [
    section(h("h2", {}, "Arguments"), json(row.posted.parameters)),
    section(h("h2", {}, row.failed ? "Error" : "Result"), json(row.failed ? row.posted.result.error : row.posted.result)),
  ];
}

/** @param {Call} call @param {Row} row */
function origin(call, row) {
  if (!call.spans.all.length) return null;
  const source = sourceOf(call.spans, row);
  const from = row.wait?.from ?? row.start;
  const near = call.spans.during(from, Math.max(row.end, from + 1));
  const shown = [...new Set([...source.spans, ...near])].sort((a, b) => a.start - b.start).slice(0, MOST_SPANS);
  return section(h("h2", {}, "Spans of this time"),
    h("p", { class: "say first" }, originWords(source)),
    spanRows(shown, from, Math.max(row.end, from + 1), new Set(source.spans), source.how));
}

/** @param {import("./sources.js").Source} source */
function originWords({ how, named, spans }) {
  if (how === "named" && spans.length) return ["Taken from span ", h("code", {}, named), "."];
  if (how === "named") return ["Taken from span ", h("code", {}, named), ", which is not in the trace here."];
  const names = " With ROARK_PAYLOAD_SPAN_IDS=true entries name their spans.";
  if (how === "time") return `Marked ≈: it starts at the same time. A match in time, not a stated source.${names}`;
  return `No span is known to be its source.${names}`;
}
