// @ts-check
/** What is folded away below a call: the trace, who took part, properties, the request and its answer, the outline. */

import { h } from "./dom.js";
import { bounded, boundedLines, count, pretty } from "./format.js";
import { flat, markedLines, peopleOf, receiptOf } from "./facts.js";
import { object, text } from "./read.js";
import { trace } from "./call-spans.js";

/** @param {import("./model.js").Call} call */
export function below(call) {
  const { body, document, spans } = call;
  const properties = object(body.properties);
  const people = peopleOf(body);
  const { receipt, status } = receiptOf(call);
  const outline = text(document.outline);
  return h("div", { class: "below" },
    spans.all.length > 0 && later(`The whole trace: ${count(spans.all.length, "span")}`, () => trace(call)),
    people.length > 0 && later(`Participants: ${people.map((one) => one.title).slice(0, 6).join(", ")}`, () => people.map((one) =>
      h("section", {}, h("h2", {}, h("bdi", { class: one.role }, one.title), " ", h("small", {}, one.role)), table(one.facts)))),
    Object.keys(properties).length > 0 && later(`Properties: ${Object.keys(properties).length}`, () => table(flat(properties))),
    outline !== "" && later("Outline: what snapshots and diffs compare", () => json(outline)),
    posted(call),
    status > 0 && later(`The request's headers, and the answer: ${status}`, () => [table(flat(receipt.headers ?? {})), json(receipt.answer)]),
    document.details !== null && document.details !== undefined && later("As Roark has it: GET /v1/call/{id}", () => json(document.details)));
}

/** The body; of a refused request it is open, with the refused fields marked. @param {import("./model.js").Call} call */
function posted(call) {
  const { issues } = receiptOf(call);
  const part = later("Everything as it was posted: POST /v1/call", () => json(call.body, issues.length ? markedLines(call.body, issues).map(line) : undefined));
  part.open = issues.length > 0;
  return part;
}

/** @param {{text: string, message: string}} one */
const line = ({ text, message }) => (message ? [h("mark", {}, bounded(text), h("b", {}, `  ✕ ${message}`)), "\n"] : `${bounded(text)}\n`);

/** A part that is made when it is opened. @param {string} title @param {() => import("./dom.js").Kid} make */
function later(title, make) {
  const inside = h("div", { class: "inside" });
  const whole = h("details", { class: "panel", ontoggle: () => whole.open && !inside.childNodes.length && inside.append(h("div", {}, make())) },
    h("summary", {}, h("bdi", {}, title)), inside);
  return whole;
}

/** @param {[string, string][]} facts */
const table = (facts) => h("dl", { class: "kv" }, facts.map(([key, value]) => [h("dt", {}, h("bdi", {}, key)), h("dd", { dir: "auto" }, boundedLines(value))]));

/** @param {unknown} value @param {import("./dom.js").Kid} [drawn] how it is shown, if not as text */
function json(value, drawn) {
  const whole = typeof value === "string" ? value : pretty(value);
  const copy = h("button", { class: "btn copy", type: "button", onclick: () => {
    navigator.clipboard?.writeText(whole).then(() => (copy.textContent = "Copied"), () => (copy.textContent = "Select it, and copy by keyboard"));
  } }, "Copy");
  return h("div", { class: "json" }, copy, h("pre", { tabindex: 0 }, drawn ?? boundedLines(whole)));
}
