// @ts-check
/** The row of a request. */

import { h } from "./dom.js";
import { local, ms, number, seconds, utc } from "./format.js";
import { miniature } from "./list-mini.js";
import { endedText, isSlow, nameOf, refusal } from "./list-model.js";

/** @typedef {import("./list-model.js").Row} Row */

/**
 * @param {Row} row @param {import("./list-axis.js").Axis} axis
 * @param {{picked: boolean, pick: (row: Row) => void}} picking
 */
export function rowElement(row, axis, picking) {
  const isRefused = row.kind === "refused";
  const about = [row.agent, row.framework].filter(Boolean).join(" · ");
  const looks = ["row", isRefused ? "refused" : row.lengthMs > axis.ms && "long", picking.picked && "picked"];
  return h(
    "li",
    { class: looks.filter(Boolean).join(" "), role: "listitem", "data-seq": row.seq },
    h("span", { class: "pick" }, !isRefused && row.id && box(row, picking)),
    when(row),
    h(
      "span",
      { class: "call" },
      h("a", { class: "name", href: hrefOf(row), dir: "auto" }, nameOf(row)),
      isRefused && h("span", { class: "why" }, refusal(row)),
      !isRefused && about && h("small", { dir: "auto" }, about),
    ),
    h("span", { class: "time" }, miniature(row, axis)),
    numbers(row),
    h("span", { class: "chips" }, chips(row)),
  );
}

/** The page of a row. Ids are Roark's own; one that no address can hold leads nowhere. @param {Row} row */
export function hrefOf(row) {
  if (row.kind === "refused" || !row.id) return `/refused/${row.seq}`;
  return `/calls/${encodeURIComponent(row.id.replace(/\p{Surrogate}/gu, "\ufffd"))}`;
}

/** @param {Row} row @param {{picked: boolean, pick: (row: Row) => void}} picking */
function box(row, { picked, pick }) {
  const label = `compare ${nameOf(row)}`;
  return h("input", { type: "checkbox", checked: picked, "aria-label": label, title: "compare (x)", onchange: () => pick(row) });
}

/** @param {Row} row */
function when(row) {
  const at = (row.kind === "call" && row.startedAt) || row.receivedAt;
  const [day = "", clock = ""] = local(at).split(" ");
  const isToday = day === local(new Date().toISOString()).split(" ")[0];
  const title = `started ${utc(row.startedAt) || "at no time that was said"}, received ${utc(row.receivedAt)}`;
  return h("time", { class: "when", datetime: at, title }, clock || at, clock && !isToday && h("small", {}, day));
}

/** @param {Row} row */
function numbers(row) {
  const slowest = isSlow(row.slowestMs) && row.slowestMs !== row.medianMs ? ms(row.slowestMs ?? 0) : null;
  return [
    cell("length", row.lengthMs ? seconds(row.lengthMs) : "", ""),
    cell("turns", row.turns ? number(row.turns) : "", row.turns === 1 ? "turn" : "turns"),
    cell("tools", row.toolUses ? number(row.toolUses) : "", row.toolUses === 1 ? "tool" : "tools",
      row.toolsFailed > 0 && h("span", { class: "chip bad" }, `✕ ${number(row.toolsFailed)} failed`)),
    cell(isSlow(row.medianMs) ? "answers slow" : "answers", row.medianMs === null ? "" : ms(row.medianMs), "",
      slowest && h("span", { class: "slowest" }, `slowest ${slowest}`)),
  ];
}

/**
 * A number, with its unit for whoever sees no head of its column.
 * @param {string} name @param {string} value @param {string} unit @param {import("./dom.js").Kid} [more]
 */
const cell = (name, value, unit, more) =>
  h("span", { class: `n ${name}` }, value && h("span", { class: "value" }, name.startsWith("answers") && h("i", {}, "answers in "), value, unit && h("i", {}, ` ${unit}`)), more);

/** @param {Row} row */
function chips(row) {
  if (row.kind === "refused") return h("span", { class: "chip bad" }, "✕ not a call");
  const traces = row.linked > 1 ? `✓ ${number(row.linked)} traces` : "✓ linked";
  return [
    row.linked ? h("span", { class: "chip ok" }, traces) : h("span", { class: "chip slow" }, "✕ no trace"),
    row.noWords && h("span", { class: "chip" }, "no words"),
    row.interruptions > 0 && h("span", { class: "chip" }, `cut off${row.interruptions > 1 ? ` ${number(row.interruptions)} times` : ""}`),
    row.ended && h("span", { class: row.ended.endsWith("ERROR") ? "chip bad" : "chip" }, endedText(row)),
  ];
}
