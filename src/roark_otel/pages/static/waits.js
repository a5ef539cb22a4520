// @ts-check
/** Why the customer waited: what was at work between two moments, and what no span covers. Nothing here is summed. */

import { STAGES } from "./spans.js";

/** @typedef {[number, number]} Piece from, to */
/**
 * @typedef {object} Stage what one kind of work took of a wait; several may be at work at the same time
 * @property {string} key
 * @property {string} label
 * @property {string} color
 * @property {Piece[]} pieces on the way to the answer
 * @property {Piece[]} beside at work meanwhile, and not waited for
 * @property {number} ms how much of the wait the pieces cover
 */

/** Shorter than this, time without a span is the step from one span to the next. */
export const UNTRACED_MS = 20;
const TALK = /speaking|speech$|_turn$/i;

/**
 * @param {{spans: import("./spans.js").Spans, used: import("./model.js").Row[]}} call
 * @param {number} from @param {number} to
 * @returns {Stage[]} by when each began; *untraced* is one of them
 */
export function stagesOf({ spans, used }, from, to) {
  const work = workIn(spans, used, from, to);
  const sound = firstSound(work, from);
  /** @type {Map<string, Stage>} */
  const found = new Map();
  for (const one of work) {
    const look = one.stage ? STAGES[one.stage] : { label: one.name, color: "--ink" };
    const key = one.stage ?? `other ${one.name}`;
    const stage = found.get(key) ?? { key, ...look, pieces: [], beside: [], ms: 0 };
    const piece = /** @type {Piece} */ ([Math.max(from, one.start), Math.min(to, one.end)]);
    (isAwaited(one, sound, to) ? stage.pieces : stage.beside).push(piece);
    found.set(key, stage);
  }
  const stages = [...found.values()];
  for (const one of stages) {
    one.pieces = merge(one.pieces);
    one.beside = merge(one.beside);
    one.ms = total(one.pieces);
  }
  const holes = without(from, to, merge(stages.flatMap((one) => [...one.pieces, ...one.beside])));
  if (work.length && total(holes) >= UNTRACED_MS) {
    stages.push({ key: "untraced", label: "untraced", color: "--slow", pieces: holes, beside: [], ms: total(holes) });
  }
  return stages.sort((a, b) => begin(a) - begin(b));
}

/** @typedef {{name: string, start: number, end: number, stage: import("./spans.js").StageName | null}} Work */

/**
 * Spans at work, and tools that the call has and no span.
 * @param {import("./spans.js").Spans} spans @param {import("./model.js").Row[]} used @param {number} from @param {number} to
 * @returns {Work[]} by start
 */
function workIn(spans, used, from, to) {
  if (!spans.all.length) return [];
  /** @type {Work[]} */
  const work = spans.during(from, to).filter((span) => span.stage || isOther(span, from, to));
  const traced = work.filter((one) => one.stage === "tool");
  for (const { name, start, end } of used) {
    const isTraced = traced.some((one) => one.start < end && one.end > start);
    if (start < to && end > from && !isTraced) work.push({ name, start, end, stage: "tool" });
  }
  return work.sort((a, b) => a.start - b.start);
}

/** @param {Stage} stage */
const begin = (stage) => Math.min(stage.pieces[0]?.[0] ?? Infinity, stage.beside[0]?.[0] ?? Infinity);

/**
 * The speech from which the answer's first sound came: the first that was begun in the wait, else the last before.
 * @param {Work[]} work by start @param {number} from
 */
function firstSound(work, from) {
  const speech = work.filter((span) => span.stage === "tts");
  return speech.find((span) => span.start >= from) ?? speech.at(-1) ?? null;
}

/**
 * Whether the answer waited for it. What begins after its sound was begun did not hold it up, nor did a tool that was
 * still running then: the agent spoke meanwhile.
 * @param {Work} span @param {Work | null} sound @param {number} to
 */
function isAwaited(span, sound, to) {
  if (span === sound || span.stage === "turn") return true;
  if (span.stage === "tool") return span.end <= (sound ? sound.start : to);
  return !sound || span.start <= sound.start;
}

/** Work that has no name of its own here, and is not the talk itself. */
function isOther(/** @type {import("./spans.js").Span} */ span, /** @type {number} */ from, /** @type {number} */ to) {
  const shown = Math.min(to, span.end) - Math.max(from, span.start);
  const isAround = span.start <= from && span.end >= to;
  return shown >= 1 && !isAround && !TALK.test(span.name);
}

/** @param {Stage[]} stages */
export const longestOf = (stages) => stages.reduce((most, one) => (one.ms > most.ms ? one : most), { ...NONE });

/** Whether some of them run side by side, so that their times do not add up to the wait. @param {Stage[]} stages */
export const isTogether = (stages) => {
  const apart = stages.reduce((sum, one) => sum + one.ms, 0);
  return apart > total(merge(stages.flatMap((one) => one.pieces))) + 1;
};

/** @type {Stage} */
const NONE = { key: "", label: "", color: "--dim", pieces: [], beside: [], ms: 0 };

/** Pieces in order, those that touch as one. @param {Piece[]} pieces */
export function merge(pieces) {
  /** @type {Piece[]} */
  const merged = [];
  for (const [from, to] of [...pieces].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** How long pieces are that do not touch. @param {Piece[]} pieces */
export const total = (pieces) => pieces.reduce((sum, [from, to]) => sum + to - from, 0);

/** What pieces leave of some time. @param {number} from @param {number} to @param {Piece[]} pieces in order */
export function without(from, to, pieces) {
  /** @type {Piece[]} */
  const holes = [];
  let edge = from;
  for (const [start, end] of pieces) {
    if (start > edge) holes.push([edge, Math.min(start, to)]);
    edge = Math.max(edge, end);
  }
  if (to > edge) holes.push([edge, to]);
  return holes;
}

/** @type {Record<string, string>} What to do about the longest part of a wait. */
export const ADVICE = {
  turn: "The turn detector waited to be sure that the customer had finished. A shorter endpointing delay or a model for the end of turn shows here.",
  stt: "The words came late from speech to text.",
  llm: "The time until the model had its answer: the prompt's length, the model, and where it runs.",
  tts: "The time until the first sound: the voice, and how much text it is given at once.",
  tool: "The answer waited for the tool. Let the agent say something first, or make the tool faster.",
  untraced: "No span covers this time: what happens in it is not instrumented.",
};
