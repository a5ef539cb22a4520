// @ts-check
/** The one axis of time that all rows share, and the paths of a miniature on it. */

/** @typedef {{ms: number, step: number}} Axis how long it is, and from one mark to the next, both in ms */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR,
];
const MARKS = 5;
/** A call that is as many times longer than nine tenths of the calls runs out of the axis: else those were dots. */
const FAR = 12;

/**
 * The axis of calls, however much longer than the others one of them is. Whole steps long, so that it stays as it is
 * while calls of usual lengths arrive.
 * @param {readonly number[]} lengths in ms
 * @returns {Axis}
 */
export function axisOf(lengths) {
  const sorted = lengths.filter((ms) => ms > 0).sort((a, b) => a - b);
  const longest = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor(0.9 * (sorted.length - 1))] ?? 0;
  const shown = Math.max(SECOND, longest > FAR * usual ? usual : longest);
  const step = STEPS.find((one) => shown <= MARKS * one) ?? Math.ceil(shown / MARKS / HOUR) * HOUR;
  return { ms: Math.ceil(shown / step) * step, step };
}

export const LANES = { c: [1, 11], a: [13, 11], tool: [26, 3] };
export const HEIGHT = 30;

/**
 * The pieces of a lane as one path, in ms across: as few elements as a miniature can have.
 * @param {readonly (readonly [number, number, ...unknown[]])[]} pieces start and end
 * @param {readonly number[]} lane top and height
 */
export const pathOf = (pieces, [top = 0, height = 0]) =>
  pieces.map(([from, to]) => `M${from} ${top}H${to}v${height}H${from}z`).join("");

/** Where the agent was cut off: strokes through both lanes. @param {readonly (readonly [number, number, ...unknown[]])[]} pieces */
export const strokesOf = (pieces) => pieces.map(([, to]) => `M${to} 0V25`).join("");
