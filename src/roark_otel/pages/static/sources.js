// @ts-check
/** Where an entry comes from: the span that its payload names, and the words that were made beside those heard. */

import { entries, text } from "./read.js";

/** @typedef {import("./spans.js").Span} Span */
/** @typedef {{spans: Span[], how: "named" | "time" | "none", named: string}} Source */

/** An entry that has a span's start has it within this. */
const NEAR_MS = 3;

/**
 * The spans of an entry. Only `payload.span_id` names one; a span that starts at the same time is said to be no more
 * than that.
 * @param {import("./spans.js").Spans} spans @param {import("./model.js").Row} row
 * @returns {Source}
 */
export function sourceOf(spans, row) {
  const named = text(row.payload.span_id);
  const span = spans.byId.get(named.toLowerCase());
  if (named) return { spans: span ? [span] : [], how: "named", named };
  const near = spans.startingAt(row.start, NEAR_MS).filter((one) => fits(one, row));
  return { spans: near, how: near.length ? "time" : "none", named: "" };
}

/** @param {Span} span @param {import("./model.js").Row} row */
function fits(span, row) {
  const sameEnd = Math.abs(span.end - row.end) <= NEAR_MS;
  if (row.kind === "used") return span.stage === "tool" && (sameEnd || !row.ended);
  return sameEnd || /speak/i.test(span.name);
}

/** Attributes in which frameworks keep what the model said, or what was given to the voice. */
const GENERATED = ["lk.pii.input_text", "lk.input_text", "lk.pii.response.text", "lk.response.text", "text", "output"];
const MESSAGES = "gen_ai.output.messages";
/** How long before its sound an answer may have been generated. */
const BEFORE_MS = 15_000;

/**
 * The words that a span, or one below it, says were generated; empty if none has any.
 * @param {Span} span @param {number} [steps] how far below
 * @returns {string}
 */
export function generatedBy(span, steps = 3) {
  if (span.stage !== "llm" && span.stage !== "tts") return "";
  const found = GENERATED.map((key) => text(span.attributes[key]).trim()).find(Boolean) || saidIn(span.attributes[MESSAGES]);
  if (found || steps === 0) return found;
  return span.children.slice(0, 20).map((one) => generatedBy(one, steps - 1)).find(Boolean) ?? "";
}

/** @param {unknown} messages JSON of GenAI's messages, or the messages */
function saidIn(messages) {
  try {
    const all = typeof messages === "string" ? JSON.parse(messages) : messages;
    return entries(all)
      .flatMap(([, one]) => entries(one.parts).map(([, part]) => (part.type === "text" ? text(part.content) : "")))
      .join(" ")
      .trim();
  } catch {
    return "";
  }
}

/**
 * What was generated for an entry of the agent, where a span has it and it is more than was heard.
 * @param {import("./spans.js").Spans} spans @param {import("./model.js").Row} row
 * @returns {{words: string, span: Span, how: "named" | "likeness"} | null}
 */
export function generatedFor(spans, row) {
  if (row.who !== "agent" || !row.words.trim()) return null;
  const source = sourceOf(spans, row);
  const named = source.how === "named" ? source.spans.flatMap(family) : [];
  const near = named.length ? named : spans.during(row.start - BEFORE_MS, row.end);
  let best = null;
  for (const span of near) {
    const words = generatedBy(span);
    const same = words ? sharedStart(plainWords(row.words), plainWords(words)) : 0;
    if (same >= 0.6 && (!best || same > best.same || span.start > best.span.start)) best = { words, span, same };
  }
  if (!best || plainWords(best.words).length <= plainWords(row.words).length) return null;
  return { words: best.words, span: best.span, how: named.length ? "named" : "likeness" };
}

/** A span, what is below it, and what is below the span above it. @param {Span} span @returns {Span[]} */
function family(span) {
  const found = new Set([span]);
  const waiting = [span, ...(span.parent ? [span.parent] : [])];
  for (let one = waiting.pop(); one && found.size < 1000; one = waiting.pop()) {
    for (const child of one.children) if (!found.has(child)) found.add(child), waiting.push(child);
  }
  return [...found];
}

/** @param {string} words */
export const plainWords = (words) => words.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];

/** How much of what was heard is the beginning of what was made, word by word. @param {string[]} heard @param {string[]} made */
function sharedStart(heard, made) {
  let same = 0;
  while (same < heard.length && heard[same] === made[same]) same++;
  return heard.length ? same / heard.length : 0;
}

/**
 * Cuts generated words after those that were heard.
 * @param {string} heard @param {string} made
 * @returns {[string, string]} heard, never heard
 */
export function cutAt(heard, made) {
  const words = plainWords(heard);
  const pattern = /[\p{L}\p{N}']+/gu;
  let end = 0;
  for (const word of words) {
    const match = pattern.exec(made);
    if (!match || match[0].toLowerCase() !== word) break;
    end = match.index + match[0].length;
  }
  while (end < made.length && /[^\s\p{L}\p{N}]/u.test(made.charAt(end))) end++;
  return [made.slice(0, end), made.slice(end)];
}

/**
 * When each word of an entry is heard: as its payload's `words` say, else by its share of the characters.
 * @param {import("./model.js").Row} row
 * @returns {{word: string, at: number}[]} white space is part of the word before it
 */
export function timedWords(row) {
  const timed = entries(row.payload.words).map(([, one]) => ({ word: text(one.text), at: one.startOffsetMs }));
  if (timed.length && timed.every((one) => one.word && Number.isFinite(one.at))) {
    return timed.map((one) => ({ word: `${one.word} `, at: Number(one.at) }));
  }
  const parts = row.words.match(/\S+\s*|^\s+/g) ?? [];
  const all = row.words.length || 1;
  let before = 0;
  return parts.map((word) => {
    const at = row.start + ((row.end - row.start) * before) / all;
    before += word.length;
    return { word, at };
  });
}

