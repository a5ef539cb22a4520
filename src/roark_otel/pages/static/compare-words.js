// @ts-check
/** Which words of two texts differ. */

import { SPACELESS } from "./compare-align.js";

/** @typedef {{text: string, differs: boolean}} Run */
/** @typedef {{word: string, space: string}} Word a word, a mark, or a character of a script without spaces; and what follows it */

const WORDS = new RegExp(`([${SPACELESS}]\\p{M}*|(?:(?![${SPACELESS}])[\\p{L}\\p{N}\\p{M}_])+|\\S)(\\s*)|\\s+`, "gu");

/** Texts with more pairs of words than this differ as a whole between their common beginning and end. */
const MOST_PAIRS = 1_000_000;

/** @param {string} text @returns {Word[]} */
const wordsOf = (text) => [...text.matchAll(WORDS)].map(([all, word, space]) => ({ word: word ?? "", space: word ? (space ?? "") : all }));

/**
 * Both texts in runs of words that are the same in the other, and of words that are not.
 * @param {string} before @param {string} after
 * @returns {[Run[], Run[]]}
 */
export function diffWords(before, after) {
  const [one, other] = [wordsOf(before), wordsOf(after)];
  const same = sameWords(one, other);
  return [runs(one, new Set(same.map(([i]) => i))), runs(other, new Set(same.map(([, j]) => j)))];
}

/** The words that are the same in both, in order. @param {Word[]} one @param {Word[]} other @returns {[number, number][]} */
function sameWords(one, other) {
  const equal = (/** @type {number} */ i, /** @type {number} */ j) => one[i]?.word === other[j]?.word;
  const least = Math.min(one.length, other.length);
  let first = 0;
  while (first < least && equal(first, first)) first++;
  let last = 0;
  while (last < least - first && equal(one.length - 1 - last, other.length - 1 - last)) last++;
  /** @type {[number, number][]} */
  const found = [...Array(first).keys()].map((i) => [i, i]);
  found.push(...longest(first, one.length - last, other.length - last, equal));
  for (let i = last; i > 0; i--) found.push([one.length - i, other.length - i]);
  return found;
}

/**
 * The longest common words of what is between the common beginning and end.
 * @param {number} from @param {number} ends of the one @param {number} end of the other
 * @param {(i: number, j: number) => boolean} equal
 */
function longest(from, ends, end, equal) {
  /** @type {[number, number][]} */
  const found = [];
  const width = end - from + 1;
  if ((ends - from) * (end - from) > MOST_PAIRS) return found;
  const lengths = new Uint32Array((ends - from + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => lengths[(i - from) * width + j - from] ?? 0;
  for (let i = ends - 1; i >= from; i--) {
    for (let j = end - 1; j >= from; j--) {
      lengths[(i - from) * width + j - from] = equal(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  for (let i = from, j = from; i < ends && j < end; ) {
    if (equal(i, j)) found.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return found;
}

/** @param {Word[]} words @param {Set<number>} same @returns {Run[]} */
function runs(words, same) {
  /** @type {Run[]} */
  const found = [];
  words.forEach(({ word, space }, i) => {
    const differs = !same.has(i);
    const last = found.at(-1);
    if (last?.differs === differs) last.text += word + space;
    else found.push({ text: word + space, differs });
  });
  return found.flatMap(apart);
}

/** The space behind words that differ is nothing that differs. @param {Run} run @returns {Run[]} */
function apart(run) {
  const words = run.text.trimEnd();
  if (!run.differs || words === run.text) return [run];
  const space = { text: run.text.slice(words.length), differs: false };
  return words ? [{ text: words, differs: true }, space] : [space];
}
