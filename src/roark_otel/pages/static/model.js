// @ts-check
/** Everything worth showing of a call, computed from its document alone. */

import { percents } from "./format.js";
import { entries, object, offset, text } from "./read.js";
import { Spans } from "./spans.js";
import { merge, total } from "./waits.js";

/** An answer that takes longer is slow. */
export const BUDGET_MS = 800;
const ROUNDED_MS = 1;

/** @typedef {"agent" | "customer" | "tool" | "other"} Who */
/** @typedef {{from: number, to: number, ms: number, slow: boolean}} Wait */
/**
 * @typedef {object} Row an utterance or a tool use, in the order of time
 * @property {number} at its place among the rows
 * @property {"said" | "used"} kind
 * @property {Who} who
 * @property {string} name who spoke, where there are several; of a tool its name
 * @property {number} start ms
 * @property {number} end ms
 * @property {boolean} ended whether its end was posted
 * @property {string} path where it stands in the body
 * @property {import("./read.js").Json} posted
 * @property {import("./read.js").Json} payload
 * @property {string} words
 * @property {boolean} cut whether the agent was cut off
 * @property {boolean} failed whether the tool failed
 * @property {{from: number, to: number, whom: Who} | null} over whom it talked over
 * @property {Wait | null} wait how long the customer waited for it
 * @property {{from: number, to: number} | null} pause before the customer spoke
 * @property {number} level of a tool use, how many others run above it
 */
/**
 * @typedef {object} Call
 * @property {import("./read.js").Json} body
 * @property {import("./read.js").Json} document
 * @property {Row[]} rows
 * @property {Row[]} said
 * @property {Row[]} used
 * @property {Spans} spans
 * @property {number} length ms
 * @property {{from: number, to: number}[]} overlaps
 * @property {number} levels how many tools ran at the same time, of those that are drawn
 * @property {boolean} others whether somebody spoke who is neither agent nor customer
 * @property {Row[]} answers rows that the customer waited for
 * @property {Row[]} interruptions rows of the agent that were cut off
 * @property {Row[]} failures tool uses that failed
 * @property {number} budget ms
 * @property {{who: string, ms: number, percent: number}[]} floor who had it; percents add up to 100
 */

/** @param {unknown} document @returns {Call} */
export function callOf(document) {
  const whole = object(document);
  const body = object(whole.body);
  const rows = rowsOf(body);
  const said = rows.filter((row) => row.kind === "said");
  const used = rows.filter((row) => row.kind === "used");
  const spans = new Spans(whole.spans);
  const overlaps = findOverlaps(said);
  findWaits(said, body);
  findPauses(said);
  findInterruptions(said);
  stack(used);
  const last = rows.reduce((most, row) => Math.max(most, row.end), 0);
  const length = Math.max(1, last || spans.all.reduce((most, span) => Math.max(most, span.end), 0));
  return {
    body, document: whole, rows, said, used, spans, length, overlaps, budget: BUDGET_MS,
    answers: said.filter((row) => row.wait),
    interruptions: said.filter((row) => row.cut),
    failures: used.filter((row) => row.failed),
    floor: floorOf(said, length),
    levels: used.reduce((most, row) => Math.max(most, row.level + 1), 0),
    others: said.some((row) => row.who === "other"),
  };
}

/** @param {import("./read.js").Json} body @returns {Row[]} */
function rowsOf(body) {
  const several = { agent: entries(body.agents).length > 1, customer: entries(body.customers).length > 1 };
  const said = entries(body.transcript).map(([i, one]) => saidRow(one, `transcript[${i}]`, several));
  const used = entries(body.toolInvocations).map(([i, one]) => usedRow(one, `toolInvocations[${i}]`));
  const rows = [...said, ...used].sort((a, b) => a.start - b.start);
  rows.forEach((row, at) => (row.at = at));
  return rows;
}

/** @param {import("./read.js").Json} one @param {string} path @returns {Row} */
function row(one, path) {
  const start = offset(one.startOffsetMs) ?? 0;
  const end = offset(one.endOffsetMs);
  return {
    at: 0, kind: "said", who: "other", name: "", start, end: Math.max(start, end ?? start), ended: end !== null, path,
    posted: one, payload: object(one.payload), words: "", cut: false, failed: false, over: null, wait: null, pause: null, level: 0,
  };
}

/** @param {import("./read.js").Json} one @param {string} path @param {{agent: boolean, customer: boolean}} several @returns {Row} */
function saidRow(one, path, several) {
  const role = text(one.role);
  const who = role === "AGENT" ? "agent" : role === "CUSTOMER" ? "customer" : "other";
  const found = row(one, path);
  const [agent, customer] = [object(one.agent), object(one.customer)];
  const names = {
    agent: several.agent ? text(agent.name) || text(agent.customId) || text(agent.roarkId) : "",
    customer: several.customer ? text(customer.label) || text(customer.phoneNumberE164) : "",
    other: role.toLowerCase() || "someone",
  };
  return { ...found, who, name: names[who], words: text(one.text), cut: who === "agent" && found.payload.interrupted === true };
}

/** @param {import("./read.js").Json} one @param {string} path @returns {Row} */
function usedRow(one, path) {
  const failed = isSomething(object(one.result).error);
  return { ...row(one, path), kind: "used", who: "tool", name: text(one.name) || "tool", failed };
}

/** As Python has it: an empty object is nothing. @param {unknown} value */
const isSomething = (value) => (typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value));

/** Both talk: found in one pass, however long the call is. @param {Row[]} said by start */
function findOverlaps(said) {
  /** @type {Map<Who, Row>} of each, what ends last so far */
  const latest = new Map();
  const overlaps = [];
  for (const row of said) {
    for (const [who, other] of latest) {
      if (who === row.who || other.end <= row.start) continue;
      const over = { from: row.start, to: Math.min(row.end, other.end) };
      if (over.to <= over.from) continue;
      if (!row.over || over.to > row.over.to) row.over = { ...over, whom: who };
      overlaps.push(over);
    }
    if ((latest.get(row.who)?.end ?? -1) < row.end) latest.set(row.who, row);
  }
  return merge(overlaps.map((one) => /** @type {[number, number]} */ ([one.from, one.to]))).map(([from, to]) => ({ from, to }));
}

/**
 * Waits of which both edges were measured: see `answers` in `outline.py`, which finds the same.
 * @param {Row[]} said by start @param {import("./read.js").Json} body
 */
function findWaits(said, body) {
  const stated = String(object(body.properties).response_latency_max_ms ?? "").trim();
  const longest = stated && Number.isFinite(Number(stated)) ? Number(stated) + ROUNDED_MS : 0;
  let asked = /** @type {Row | null} */ (null);
  for (const row of said) {
    if (row.who === "customer") asked = row;
    else if (asked) {
      const ms = row.start - asked.end;
      const measured = asked.ended && !("way" in asked.payload) && ms > 0 && ms <= longest;
      if (measured) row.wait = { from: asked.end, to: row.start, ms, slow: ms > BUDGET_MS };
      asked = null;
    }
  }
}

/** How long it took the customer to speak. @param {Row[]} said by start */
function findPauses(said) {
  let before = /** @type {Row | null} */ (null);
  for (const row of said) {
    if (row.who === "customer" && before?.who === "agent" && before.ended && row.start - before.end >= 150) {
      row.pause = { from: before.end, to: row.start };
    }
    if (!before || row.end >= before.end) before = row;
  }
}

/** Agents cut off, as a payload says or as the customer talked on over them. @param {Row[]} said by start */
function findInterruptions(said) {
  const theirs = said.filter((row) => row.who === "customer");
  let first = 0;
  for (const row of said) {
    if (row.who !== "agent") continue;
    while (first < theirs.length && /** @type {Row} */ (theirs[first]).start <= row.start) first++;
    for (let i = first; !row.cut && i < theirs.length; i++) {
      const other = /** @type {Row} */ (theirs[i]);
      if (other.start >= row.end) break;
      row.cut = other.end >= row.end;
    }
  }
}

/** The most tool uses that are drawn one below the other. */
export const LEVELS = 3;

/** Gives tools that run at the same time levels of their own. @param {Row[]} used by start */
function stack(used) {
  const free = Array.from({ length: LEVELS }, () => -Infinity);
  for (const row of used) {
    const level = free.findIndex((end) => end <= row.start);
    row.level = level < 0 ? LEVELS - 1 : level;
    free[row.level] = Math.max(free[row.level] ?? 0, row.end, row.start + 1);
  }
}

/** @param {Row[]} said @param {number} length */
function floorOf(said, length) {
  const of = (/** @type {Who} */ who) =>
    merge(said.filter((row) => row.who === who && row.end > row.start).map((row) => [Math.max(0, row.start), Math.max(0, row.end)]));
  const [agent, customer] = [of("agent"), of("customer")];
  const either = total(merge([...agent, ...customer]));
  const both = total(agent) + total(customer) - either;
  const parts = [
    { who: "agent", ms: total(agent) - both },
    { who: "both", ms: both },
    { who: "customer", ms: total(customer) - both },
    { who: "silence", ms: Math.max(0, length - either) },
  ];
  const shares = percents(parts.map((part) => part.ms));
  return parts.map((part, i) => ({ ...part, percent: shares[i] ?? 0 }));
}

/** The middle and the longest of the waits, by nearest rank; null without any. @param {Call} call */
export function responses(call) {
  const sorted = call.answers.map((row) => row.wait?.ms ?? 0).sort((a, b) => a - b);
  if (!sorted.length) return null;
  return { p50: sorted[Math.ceil(sorted.length / 2) - 1] ?? 0, max: sorted.at(-1) ?? 0, all: sorted };
}
