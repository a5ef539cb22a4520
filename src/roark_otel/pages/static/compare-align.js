// @ts-check
/**
 * Aligns two calls by who and by likeness of words, not by time: the rule of `pages/alignment.py`, which
 * `roark-otel calls diff` follows. docs/pages.md says it in words; both are tested with the same cases.
 */

/** What a pair counts before its likeness, so that turns of the same side stand side by side however they differ. */
const SAME_KIND = 40;
const ALIKE = 100;
/** The most lines of each call that are looked at together. */
const WINDOW = 120;
const MOST_WORDS = 200;
const KIND = /^(?: {2}[^(]*\(|[^:(]*)/;
/** Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, and Han. */
export const SPACELESS =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const WORD = new RegExp(`[${SPACELESS}]|(?:(?![${SPACELESS}])[\\p{L}\\p{N}])+`, "gu");

/**
 * @typedef {{text: string, kind: string, words: Map<string, number>, length: number}} Line
 * @typedef {[number | null, number | null]} Pair the indices of a line of each call; null where a call has no such line
 */

/** The lines of an outline. @param {string} outline */
export const linesOf = (outline) => outline.split("\n").slice(0, -1);

/** Who a line is of: a side, a tool with its bracket, or "ended". @param {string} line */
export const kindOf = (line) => (KIND.exec(line)?.[0] ?? "").trimEnd();

/** @param {string} text @returns {Line} */
function line(text) {
  const found = (text.toLowerCase().match(WORD) ?? []).slice(0, MOST_WORDS);
  /** @type {Map<string, number>} */
  const words = new Map();
  for (const word of found) words.set(word, (words.get(word) ?? 0) + 1);
  return { text, kind: kindOf(text), words, length: found.length };
}

/**
 * Aligns two outlines: each line of each is in one of the pairs.
 * @param {string} before @param {string} after
 * @returns {Pair[]}
 */
export function aligned(before, after) {
  const one = linesOf(before).map(line);
  const other = linesOf(after).map(line);
  /** @type {Pair[]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    if (one[i]?.text === other[j]?.text) {
      found.push([i++, j++]);
      continue;
    }
    const pairs = best(one.slice(i, i + WINDOW), other.slice(j, j + WINDOW));
    const whole = i + WINDOW >= one.length && j + WINDOW >= other.length;
    const [fromI, fromJ] = [i, j];
    for (const [a, b] of whole ? pairs : pairs.slice(0, WINDOW / 2)) {
      found.push([a === null ? null : fromI + a, b === null ? null : fromJ + b]);
      if (a !== null) i++;
      if (b !== null) j++;
    }
  }
  while (i < one.length) found.push([i++, null]);
  while (j < other.length) found.push([null, j++]);
  return found;
}

/** What a pair of two lines counts; -1 for lines that cannot be a pair. @param {Line} one @param {Line} other */
function counts(one, other) {
  if (one.kind !== other.kind) return -1;
  if (one.text === other.text) return SAME_KIND + ALIKE;
  const [few, many] = one.words.size <= other.words.size ? [one, other] : [other, one];
  let common = 0;
  for (const [word, n] of few.words) common += Math.min(n, many.words.get(word) ?? 0);
  return SAME_KIND + Math.floor((2 * ALIKE * common) / Math.max(1, one.length + other.length));
}

/**
 * The alignment that counts most. Of equal ones: pairs first, then lines of the first call.
 * @param {Line[]} one @param {Line[]} other
 */
function best(one, other) {
  const width = other.length + 1;
  const pairs = new Int32Array(one.length * width);
  const sums = new Int32Array((one.length + 1) * width);
  /** @param {Int32Array} table @param {number} i @param {number} j */
  const at = (table, i, j) => table[i * width + j] ?? 0;
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const pair = counts(/** @type {Line} */ (one[i]), /** @type {Line} */ (other[j]));
      const skipped = Math.max(at(sums, i + 1, j), at(sums, i, j + 1));
      pairs[i * width + j] = pair;
      sums[i * width + j] = pair < 0 ? skipped : Math.max(skipped, at(sums, i + 1, j + 1) + pair);
    }
  }
  return walked(one.length, other.length, (i, j) => at(sums, i, j), (i, j) => at(pairs, i, j));
}

/**
 * @param {number} rows @param {number} columns
 * @param {(i: number, j: number) => number} sum @param {(i: number, j: number) => number} pair
 */
function walked(rows, columns, sum, pair) {
  /** @type {Pair[]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < rows || j < columns) {
    const both = i < rows && j < columns;
    if (both && pair(i, j) >= 0 && sum(i, j) === sum(i + 1, j + 1) + pair(i, j)) found.push([i++, j++]);
    else if (j === columns || (i < rows && sum(i + 1, j) >= sum(i, j + 1))) found.push([i++, null]);
    else found.push([null, j++]);
  }
  return found;
}
