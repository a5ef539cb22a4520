// @ts-check
/** What the list of calls shows, computed from its rows alone. */

import { count, number, plain } from "./format.js";
import { BUDGET_MS } from "./model.js";
import { entries, finite, object, text } from "./read.js";

/** @typedef {[number, number, string, number]} Said start and end in ms, "c" or "a", 1 if it was cut off */
/** @typedef {[number, number, number]} Used start and end in ms, 1 if it failed */
/**
 * @typedef {object} Row of a request, as `pages/rows.py` makes it
 * @property {number} seq
 * @property {"call" | "refused"} kind
 * @property {string} id
 * @property {string} externalId
 * @property {string} receivedAt
 * @property {string} startedAt
 * @property {string} agent
 * @property {string} framework
 * @property {number} lengthMs
 * @property {Said[]} said
 * @property {Used[]} tools
 * @property {number} turns
 * @property {number} toolUses
 * @property {number} interruptions
 * @property {number} toolsFailed
 * @property {number} linked
 * @property {string} ended
 * @property {number} status
 * @property {string[]} fields
 * @property {boolean} noWords
 * @property {number | null} medianMs of the answers
 * @property {number | null} slowestMs
 */
/** @typedef {{externalId: string, traceId: string, spans: number, sinceMs: number, scopes: string[]}} Open */
/** @typedef {{arrived: number, withoutId: number, scopes: [string, number][]}} Spans */
/** @typedef {{seq: number, rows: Row[], total: number, open: Open[], spans: Spans}} Listing */

/** @param {unknown} value @returns {Row} */
export function rowOf(value) {
  const one = object(value);
  const answers = numbers(one.answersMs).sort((a, b) => a - b);
  return {
    seq: amount(one.seq),
    kind: one.kind === "refused" ? "refused" : "call",
    id: text(one.id), externalId: text(one.externalId), receivedAt: text(one.receivedAt), startedAt: text(one.startedAt),
    agent: text(one.agent), framework: text(one.framework), ended: text(one.ended),
    lengthMs: amount(one.lengthMs), turns: amount(one.turns), toolUses: amount(one.toolUses), interruptions: amount(one.interruptions),
    toolsFailed: amount(one.toolsFailed), linked: amount(one.linked), status: amount(one.status),
    said: Array.isArray(one.said) ? one.said : [],
    tools: Array.isArray(one.tools) ? one.tools : [],
    fields: Array.isArray(one.fields) ? one.fields.map(String) : [],
    noWords: one.noWords === true,
    medianMs: answers[Math.ceil(answers.length / 2) - 1] ?? null,
    slowestMs: answers.at(-1) ?? null,
  };
}

/** @param {unknown} value @returns {Listing} */
export function listingOf(value) {
  const one = object(value);
  const rows = entries(one.rows).map(([, row]) => rowOf(row));
  return { seq: amount(one.seq), rows, total: Math.max(amount(one.total), rows.length), open: openOf(one.open), spans: spansOf(one.spans) };
}

/** What a row of a call's document is: its place before all rows of the list. @param {unknown} document @returns {Row} */
export function olderRow(document) {
  const { body, details, receipt } = object(document);
  return rowOf({ seq: 0, id: object(details).id, externalId: object(body).externalId, receivedAt: object(receipt).receivedAt });
}

/** @param {unknown} value @returns {Open[]} */
export const openOf = (value) =>
  entries(value).map(([, one]) => ({
    externalId: text(one.externalId), traceId: text(one.traceId), spans: amount(one.spans), sinceMs: amount(one.sinceMs),
    scopes: Array.isArray(one.scopes) ? one.scopes.map(String) : [],
  }));

/** @param {unknown} value @returns {Spans} */
export function spansOf(value) {
  const one = object(value);
  const scopes = Object.entries(object(one.scopes)).map(([name, n]) => /** @type {[string, number]} */ ([name, amount(n)]));
  return { arrived: amount(one.arrived), withoutId: amount(one.withoutId), scopes: scopes.sort((a, b) => b[1] - a[1]) };
}

/** @param {unknown} value */
const amount = (value) => Math.max(0, finite(value) ?? 0);

/** @param {unknown} value @returns {number[]} */
const numbers = (value) => (Array.isArray(value) ? value.filter((one) => finite(one) !== null) : []);

/**
 * Filters are the questions that people ask of their calls.
 * @type {readonly {key: string, label: string, title: string, asks: (row: Row) => boolean}[]}
 */
export const FILTERS = [
  { key: "slow", label: "slow", title: `an answer took longer than ${BUDGET_MS} ms`, asks: (row) => isSlow(row.slowestMs) },
  { key: "interrupted", label: "interrupted", title: "the customer cut the agent off", asks: (row) => row.interruptions > 0 },
  { key: "tool-failed", label: "tool failed", title: "a tool gave back an error", asks: (row) => row.toolsFailed > 0 },
  { key: "no-trace", label: "no trace", title: "no spans are linked to the call", asks: (row) => row.kind === "call" && !row.linked },
  { key: "refused", label: "refused", title: "the request created no call", asks: (row) => row.kind === "refused" },
];

/** @param {number | null} ms */
export const isSlow = (ms) => ms !== null && ms > BUDGET_MS;

/** Whether a row passes all the filters that are set. @param {Row} row @param {ReadonlySet<string>} set */
export const passes = (row, set) => FILTERS.every(({ key, asks }) => !set.has(key) || asks(row));

/** "12 of 1,234 shown". @param {number} shown @param {number} loaded @param {number} total */
export function shownText(shown, loaded, total) {
  if (shown === total) return `${count(total, "request")}, all shown`;
  if (loaded >= total) return `${number(shown)} of ${number(total)} shown`;
  const newest = `the newest ${number(loaded)} are here, the search finds older ones`;
  return `${number(shown)} of ${number(total)} shown: ${newest}`;
}

/** What to call a row: its id, as whoever sent it wrote it. @param {Row} row */
export const nameOf = (row) => row.externalId || row.id || `request ${row.seq}`;

const MOST_FIELDS = 5;
const MOST_LETTERS = 60;

/** Why a request created no call. @param {Row} row */
export function refusal(row) {
  const names = row.fields.slice(0, MOST_FIELDS).map((name) => (name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name));
  const more = row.fields.length - names.length;
  return `refused with ${row.status}: ${names.join(" · ") || "the request as a whole"}${more > 0 ? ` · and ${more} more` : ""}`;
}

/** How a call ended; empty if no span said so. @param {Row} row */
export const endedText = (row) => plain(row.ended);

/** The line about spans, of whoever waits for a first call. @param {Spans} spans @param {string} address */
export function spansText(spans, address) {
  const { arrived, withoutId } = spans;
  if (!arrived) return `No span has arrived at ${address}/v1/traces yet, and no call at ${address}/v1/call.`;
  const came = `${count(arrived, "span")} arrived`;
  if (withoutId >= arrived) return `${came}, ${arrived === 1 ? "it carries no" : "none carries"} roark.external_id`;
  if (withoutId) return `${came}, ${number(withoutId)} of them without roark.external_id`;
  return `${came}, with roark.external_id: the call comes when its root span has ended`;
}

/** Where spans came from: "livekit-agents 3, my-app 1". @param {Spans} spans */
export const scopesText = ({ scopes }) =>
  scopes.slice(0, 4).map(([name, n]) => `${name || "no scope"} ${number(n)}`).join(", ") + (scopes.length > 4 ? ", …" : "");
