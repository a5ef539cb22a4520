// @ts-check
/** What stands around the talk: how a call ended, who took part, what was lost, what was answered. */

import { count, number, plain, utc } from "./format.js";
import { entries, object, text } from "./read.js";

/** @typedef {{text: string, look: "" | "ok" | "bad" | "slow"}} Chip */
/** @typedef {{name: string, says: string, do: string, bad: boolean}} Warning */

/** @type {[string, (value: any) => string, string][]} What a property says was lost, and what to do about it. */
const WARNINGS = [
  ["roark_unlinked", () => "No span showed the id of the call, so its trace cannot be linked.",
    "Set roark.external_id on a span of the conversation before the span ends."],
  ["roark_incomplete", () => "The conversation's root span never ended: the call is what was known by then.",
    "End the root span, or flush when the process ends."],
  ["roark_dropped_spans", (n) => `The words of ${amount(n, "span")} were dropped: spans ended faster than they were taken in.`,
    "See what is lost when in docs/delivery.md."],
  ["roark_dropped_events", (n) => `${amount(n, "event")} were lost: a span keeps 128.`,
    "End a span below the root at least every 128 events."],
  ["roark_dropped_fields", (n) => `Roark rejected fields, and the call was sent without them: ${n}.`,
    "Correct the fields where they are set."],
  ["roark_clamped", (n) => `${amount(n, "entry", "entries")} began before the call: they were moved to its start.`,
    "Set roark.started_at to sample 0 of the recording."],
  ["roark_clock_skew_ms", (n) => `Clocks of the processes differ by ${amount(n, "ms", "ms")}: offsets are shifted by as much.`,
    "Keep the clocks of the machines in step."],
  ["roark_recording", () => "The recording did not come in time: this is the fallback.",
    "Call attach_recording() sooner, or raise ROARK_RECORDING_WAIT_SECONDS."],
  ["roark_redaction_failed", () => "The app's redact hook failed, so what it should have looked at was left out.",
    "Mend the hook: the log names its error."],
];

export const WARNED = WARNINGS.map(([name]) => name);

/** @param {unknown} n @param {string} one @param {string} [many] */
const amount = (n, one, many) => (typeof n === "number" ? count(n, one, many) : `${n} ${many ?? `${one}s`}`);

/** @param {import("./model.js").Call} call @returns {Warning[]} */
export function warningsOf(call) {
  const properties = object(call.body.properties);
  const found = WARNINGS.filter(([name]) => isSet(properties[name])).map(([name, says, todo]) => ({
    name, says: says(properties[name]), do: todo, bad: false,
  }));
  const { status, issues, receipt } = receiptOf(call);
  if (status >= 400) {
    const message = text(object(object(receipt.answer).error).message);
    found.unshift({
      name: `HTTP ${status}`,
      says: issues.length ? `${count(issues.length, "field")} refused.` : message || "The request was refused.",
      do: issues.length ? "They are marked where they stand. roark-otel keeps such a call in the spool, as rejected." : "",
      bad: true,
    });
  }
  const silent = call.said.length > 0 && call.said.every((row) => !row.words);
  if (silent) {
    found.push({ name: "no words", says: "The call was sent without content.", do: "ROARK_CAPTURE_CONTENT=false leaves words out.", bad: false });
  }
  return found;
}

/** @param {unknown} value */
const isSet = (value) => value !== undefined && value !== null && value !== false && value !== 0 && value !== "";

const MOST_CHARACTERS = 80;

/** A name may have any length. @param {string} text */
const short = (text) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);

/** @param {import("./model.js").Call} call @returns {Chip[]} */
export function chipsOf(call) {
  const { body, spans, failures } = call;
  const how = [text(body.interfaceType), text(body.callDirection)].filter(Boolean).join(" · ");
  const ended = text(body.endedStatus);
  const { status } = receiptOf(call);
  /** @type {(Chip | false)[]} */
  const chips = [
    status >= 400 && { text: `✕ refused, ${status}`, look: "bad" },
    how !== "" && { text: short(how), look: "" },
    { text: ended ? short(plain(ended)) : "how it ended is not known", look: "" },
    spans.all.length > 0
      ? { text: `✓ linked trace, ${count(spans.all.length, "span")}`, look: "ok" }
      : { text: text(object(body.properties).trace_id) ? "its trace is not here" : "no trace", look: "" },
    failures.length > 0 && { text: `✕ ${count(failures.length, "tool")} failed`, look: "bad" },
  ];
  return /** @type {Chip[]} */ (chips.filter(Boolean));
}

/** One line: who, when, what. @param {import("./model.js").Call} call @returns {string[]} */
export function subtitleOf({ body }) {
  const agents = peopleOf(body).filter((one) => one.role === "agent").map((one) => one.title);
  const customers = peopleOf(body).filter((one) => one.role === "customer").map((one) => one.title);
  const properties = object(body.properties);
  const parts = [
    agents.length > 0 && `${agents.length > 1 ? "agents" : "agent"} ${agents.slice(0, 4).join(", ")}`,
    customers.length > 0 && `${customers.length > 1 ? "customers" : "customer"} ${customers.slice(0, 4).join(", ")}`,
    text(body.startedAt) && utc(text(body.startedAt)),
    text(properties.framework),
  ];
  return parts.flatMap((one) => (one ? [short(one)] : []));
}

/**
 * Agents and customers, each with all that was posted of them.
 * @param {import("./read.js").Json} body
 * @returns {{role: "agent" | "customer", title: string, facts: [string, string][]}[]}
 */
export function peopleOf(body) {
  const each = (/** @type {unknown} */ one, /** @type {unknown} */ many) => entries(one === undefined || one === null ? many : [one]);
  return [
    ...each(body.agent, body.agents).map(([, one]) => ({
      role: /** @type {const} */ ("agent"),
      title: text(one.name) || text(one.customId) || text(one.roarkId) || "without a name",
      facts: flat(one),
    })),
    ...each(body.customer, body.customers).map(([, one]) => ({
      role: /** @type {const} */ ("customer"),
      title: text(one.label) || text(one.phoneNumberE164) || "unknown number",
      facts: flat(one),
    })),
  ];
}

/** An object as paths and texts: `endpoint.value`. @param {unknown} value @param {string} [path] @returns {[string, string][]} */
export function flat(value, path = "") {
  if (typeof value === "object" && value !== null && Object.keys(value).length > 0) {
    const isList = Array.isArray(value);
    return Object.entries(value).flatMap(([key, one]) => flat(one, isList ? `${path}[${key}]` : path ? `${path}.${key}` : key));
  }
  return [[path, typeof value === "number" ? number(value) : typeof value === "string" ? value : JSON.stringify(value)]];
}

/**
 * @param {import("./model.js").Call} call
 * @returns {{status: number, issues: {field: string, message: string}[], receipt: import("./read.js").Json}}
 */
export function receiptOf({ document }) {
  const receipt = object(document.receipt);
  const issues = entries(receipt.issues).map(([, one]) => ({ field: text(one.field), message: text(one.message) }));
  return { status: typeof receipt.status === "number" ? receipt.status : 0, issues, receipt };
}

/**
 * JSON in lines, those of refused fields with what was said of them.
 * @param {unknown} value @param {{field: string, message: string}[]} issues
 * @returns {{text: string, message: string}[]}
 */
export function markedLines(value, issues) {
  /** @type {Map<string, string>} */
  const known = new Map();
  for (const { field, message } of issues) {
    const path = field.replace(/\.(\d+)(?=\.|\[|$)/g, "[$1]");
    known.set(path, [known.get(path), message].filter(Boolean).join("; "));
  }
  /** @type {{text: string, message: string}[]} */
  const lines = [];
  const write = (/** @type {unknown} */ one, /** @type {string} */ path, /** @type {string} */ before, /** @type {string} */ after, /** @type {string} */ indent) => {
    const message = known.get(path) ?? "";
    const isList = Array.isArray(one);
    if (typeof one !== "object" || one === null || Object.keys(one).length === 0) {
      lines.push({ text: `${indent}${before}${JSON.stringify(one) ?? "null"}${after}`, message });
      return;
    }
    lines.push({ text: `${indent}${before}${isList ? "[" : "{"}`, message });
    const parts = Object.entries(one);
    parts.forEach(([key, part], i) => {
      const inner = isList ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      write(part, inner, isList ? "" : `${JSON.stringify(key)}: `, i < parts.length - 1 ? "," : "", `${indent}  `);
    });
    lines.push({ text: `${indent}${isList ? "]" : "}"}${after}`, message: "" });
  };
  write(value, "", "", "", "");
  return lines;
}

/** The refused fields of an entry. @param {import("./model.js").Call} call @returns {Map<string, {field: string, message: string}[]>} */
export function issuesByRow(call) {
  const found = new Map();
  for (const issue of receiptOf(call).issues) {
    const path = /^(transcript|toolInvocations)(?:\[(\d+)\]|\.(\d+))/.exec(issue.field);
    const key = path ? `${path[1]}[${path[2] ?? path[3]}]` : "";
    found.set(key, [...(found.get(key) ?? []), issue]);
  }
  return found;
}

/**
 * Where the sound is.
 * @param {import("./model.js").Call} call
 * @returns {{state: "none"} | {state: "here", url: string} | {state: "elsewhere", url: string, host: string}}
 */
export function soundOf({ document, body }) {
  const recording = object(document.recording);
  const url = text(recording.url) || text(body.recordingUrl);
  if (!url) return { state: "none" };
  if (recording.here === true) return { state: "here", url };
  try {
    return { state: "elsewhere", url, host: new URL(url).host || url };
  } catch {
    return { state: "elsewhere", url, host: url };
  }
}
