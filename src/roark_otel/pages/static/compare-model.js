// @ts-check
/** Two calls side by side, computed from their documents alone: what was said and used, and how long answers took. */

import { aligned, kindOf, linesOf } from "./compare-align.js";
import { callOf } from "./model.js";
import { object, text } from "./read.js";

/**
 * @typedef {object} Line of a call's outline, which has no times and no ids
 * @property {string} line as the outline has it
 * @property {string} label who it is of: "agent (triage)", "customer", "find_order"
 * @property {string} words what is said, or what was given to the tool and what came back
 * @property {number | null} answeredMs how long the customer then waited for an answer
 * @property {import("./model.js").Row | null} row null for how the call ended
 */
/**
 * @typedef {object} Compared
 * @property {"customer" | "agent" | "tool" | "other"} who
 * @property {Line | null} before
 * @property {Line | null} after
 * @property {"same" | "differs" | "before" | "after"} outcome "before" and "after": only that call has it
 * @property {number | null} deltaMs by how much the answer took longer; null if it was not measured in both
 */

/** @param {unknown} one @param {unknown} other documents of calls */
export function compared(one, other) {
  const calls = [callOf(one), callOf(other)];
  const [before, after] = calls.map(read);
  const pairs = aligned(outlineOf(one), outlineOf(other));
  const rows = pairs.map(([i, j]) => pair(i === null ? null : (before?.[i] ?? null), j === null ? null : (after?.[j] ?? null)));
  return { calls, rows, differ: rows.filter((row) => row.outcome !== "same").length };
}

/** @param {unknown} document */
const outlineOf = (document) => text(object(document).outline);

/** The lines of a call. @param {import("./model.js").Call} call @returns {Line[]} */
function read(call) {
  const waits = answered(call);
  return linesOf(outlineOf(call.document)).map((line, at) => {
    const row = call.rows[at] ?? null;
    return { line, ...parts(line, row), answeredMs: row ? (waits.get(row) ?? null) : null, row };
  });
}

/** @param {string} line @param {import("./model.js").Row | null} row */
function parts(line, row) {
  const isTool = row?.kind === "used";
  // The name of an agent stands in brackets, and may have a colon of its own.
  const ends = line.startsWith(`${kindOf(line)} (`) && !isTool ? line.indexOf("): ") + 1 : line.indexOf(":");
  return isTool ? { label: "tool", words: line.trim() } : { label: line.slice(0, ends), words: line.slice(ends + 2) };
}

/** How long the customer waited after an entry. @param {import("./model.js").Call} call */
function answered(call) {
  /** @type {Map<import("./model.js").Row, number>} */
  const waits = new Map();
  let asked = /** @type {import("./model.js").Row | null} */ (null);
  for (const row of call.said) {
    if (row.wait && asked) waits.set(asked, row.wait.ms);
    if (row.who === "customer") asked = row;
  }
  return waits;
}

/** @param {Line | null} before @param {Line | null} after @returns {Compared} */
function pair(before, after) {
  const row = (before ?? after)?.row;
  const who = row?.who ?? "other";
  const outcome = !after ? "before" : !before ? "after" : before.line === after.line ? "same" : "differs";
  const [one, other] = [before?.answeredMs ?? null, after?.answeredMs ?? null];
  return { who, before, after, outcome, deltaMs: one === null || other === null ? null : other - one };
}
