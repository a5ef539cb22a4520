// @ts-check
/** The spans of a call: a tree, and which part of an answer each of them is. */

import { entries, finite, object, text } from "./read.js";

/**
 * @typedef {object} Span a span as the page needs it; times are ms from the start of the call
 * @property {string} id
 * @property {string} traceId
 * @property {string} name
 * @property {string} kind
 * @property {string} scope
 * @property {number} start
 * @property {number} end
 * @property {boolean} ended whether its end is known
 * @property {boolean} failed
 * @property {string} message what its status says
 * @property {Record<string, any>} attributes
 * @property {{name: string, at: number, attributes: Record<string, any>}[]} events
 * @property {Span | null} parent
 * @property {Span[]} children
 * @property {number} depth
 * @property {StageName | null} stage
 * @property {boolean} outermost whether no span above it is of the same stage
 */

/** @typedef {"turn" | "stt" | "llm" | "tts" | "tool"} StageName */

/** @type {Record<StageName, {label: string, color: string}>} */
export const STAGES = {
  turn: { label: "end of turn", color: "--dim" },
  stt: { label: "STT", color: "--customer" },
  llm: { label: "LLM", color: "--agent" },
  tts: { label: "TTS", color: "--tts" },
  tool: { label: "tool", color: "--tool" },
};

/** @type {Record<string, StageName>} What conventions name the work of a span. */
const OPERATIONS = {
  chat: "llm", generate_content: "llm", text_completion: "llm", response: "llm",
  stt: "stt", transcription: "stt", speech_to_text: "stt",
  tts: "tts", text_to_speech: "tts", speech: "tts",
  execute_tool: "tool",
};
/** @type {Record<string, StageName>} */
const KINDS = { LLM: "llm", TOOL: "tool" };
/** @type {[RegExp, StageName][]} */
const NAMES = [
  [/^(eou|end[_ .-]?of[_ .-]?(turn|utterance)|endpointing|vad|turn[_ .-]?detect)/i, "turn"],
  [/^(stt|asr|transcri|speech[_ .-]to[_ .-]text)/i, "stt"],
  [/^(tts|synth|speech(_group)?$|text[_ .-]to[_ .-]speech)/i, "tts"],
  [/^(llm|chat |generate_content|completion|realtime_inference)/i, "llm"],
  [/^(function_tool|execute_tool|tool[_ .-]|tool$)/i, "tool"],
];
/** Work that holds the rest of a turn, whatever attributes it has. */
const AROUND = /^(agent_turn|user_turn|turn|conversation|agent_session|invoke_agent|invocation)\b/i;

/** @param {string} name @param {Record<string, any>} attributes @returns {StageName | null} */
export function stageOf(name, attributes) {
  if (AROUND.test(name)) return null;
  const operation = OPERATIONS[text(attributes["gen_ai.operation.name"])];
  const kind = KINDS[text(attributes["openinference.span.kind"])];
  return operation ?? kind ?? NAMES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** The place of the first span that starts at a moment or later. @param {Span[]} spans by start @param {number} at */
function firstFrom(spans, at) {
  let low = 0;
  for (let high = spans.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (/** @type {Span} */ (spans[middle]).start < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Spans {
  /** @param {unknown} posted the spans of a document */
  constructor(posted) {
    /** All of them, by their start. */
    const given = entries(posted);
    this.all = given.map(([, one]) => read(one)).sort((a, b) => a.start - b.start || b.end - a.end);
    /** @type {Map<string, Span>} */
    this.byId = new Map();
    for (const span of this.all) if (span.id && !this.byId.has(span.id)) this.byId.set(span.id, span);
    const above = new Map(given.map(([, one]) => [text(one.spanId), text(one.parentSpanId)]));
    for (const span of this.all) this.#join(span, above);
    for (const span of this.all) if (!span.parent) deepen(span);
    /** The stages that the call has, in their order. */
    this.stages = /** @type {StageName[]} */ (Object.keys(STAGES)).filter((name) => this.all.some((span) => span.stage === name));
    this.#longest = this.all.reduce((most, span) => Math.max(most, isWork(span) ? span.end - span.start : 0), 0);
    this.#work = this.all.filter(isWork);
  }

  /** @type {number} */
  #longest;
  /** @type {Span[]} */
  #work;

  /** @param {Span} span @param {Map<string, string>} above */
  #join(span, above) {
    const parent = this.byId.get(above.get(span.id) ?? "");
    if (!parent || parent === span) return;
    for (let one = /** @type {Span | null} */ (parent), steps = 0; one; one = one.parent, steps++) {
      if (one === span || steps > 1000) return; // spans that claim to be their own ancestors
    }
    span.parent = parent;
    parent.children.push(span);
  }

  /**
   * What was at work in some time: stages, and other spans without any below them.
   * @param {number} from @param {number} to
   */
  during(from, to) {
    const found = [];
    for (let i = firstFrom(this.#work, from - this.#longest); i < this.#work.length; i++) {
      const span = /** @type {Span} */ (this.#work[i]);
      if (span.start >= to) break;
      if (span.end > from) found.push(span);
    }
    return found;
  }

  /**
   * Those that start within a few ms of a moment.
   * @param {number} at @param {number} within
   */
  startingAt(at, within) {
    const found = [];
    for (let i = firstFrom(this.all, at - within); i < this.all.length; i++) {
      const span = /** @type {Span} */ (this.all[i]);
      if (span.start > at + within) break;
      found.push(span);
    }
    return found;
  }

  /** All of them, each below its parent. */
  tree() {
    /** @type {Span[]} */
    const order = [];
    const waiting = this.all.filter((span) => !span.parent).reverse();
    for (let span = waiting.pop(); span; span = waiting.pop()) {
      order.push(span);
      for (const child of [...span.children].reverse()) waiting.push(child);
    }
    return order;
  }
}

/** @param {Span} span */
const isWork = (span) => (span.stage ? span.outermost : span.children.length === 0);

/** @param {import("./read.js").Json} one @returns {Span} */
function read(one) {
  const start = finite(one.startMs) ?? 0;
  const end = finite(one.endMs);
  const attributes = object(one.attributes);
  const status = object(one.status);
  return {
    id: text(one.spanId),
    traceId: text(one.traceId),
    name: text(one.name) || "span",
    kind: text(one.kind),
    scope: text(one.scope),
    start,
    end: Math.max(start, end ?? start),
    ended: end !== null,
    failed: status.code === "error",
    message: text(status.message),
    attributes,
    events: entries(one.events).map(([, each]) => ({
      name: text(each.name), at: finite(each.atMs) ?? start, attributes: object(each.attributes),
    })),
    parent: null,
    children: [],
    depth: 0,
    stage: stageOf(text(one.name), attributes),
    outermost: true,
  };
}

/** Says of all below a root how deep they are, and whether a span above is of the same stage. @param {Span} root */
function deepen(root) {
  /** @type {[Span, Set<StageName>][]} */
  const waiting = [[root, new Set()]];
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    const [span, above] = one;
    span.outermost = !span.stage || !above.has(span.stage);
    const within = span.stage && span.outermost && span.children.length ? new Set([...above, span.stage]) : above;
    for (const child of span.children) {
      child.depth = span.depth + 1;
      waiting.push([child, within]);
    }
  }
}
