// @ts-check
/** Reads JSON that may have come from anywhere: what is of another type counts as missing. */

/** @typedef {Record<string, any>} Json */

const LARGEST = 2 ** 53;

/** @param {unknown} value @returns {value is Json} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** An object; an empty one if there is none. @param {unknown} value @returns {Json} */
export const object = (value) => (isObject(value) ? value : {});

/** Text; empty if there is none. @param {unknown} value */
export const text = (value) => (typeof value === "string" ? value : "");

/** A number; null if there is none. @param {unknown} value */
export const finite = (value) => (typeof value === "number" && Math.abs(value) < LARGEST ? value : null);

/** An offset in whole ms; null if there is none. @param {unknown} value */
export const offset = (value) => (finite(value) === null ? null : Math.trunc(Number(value)));

/**
 * The objects of a list, each with its place in it.
 * @param {unknown} value @returns {[number, Json][]}
 */
export function entries(value) {
  /** @type {[number, Json][]} */
  const found = [];
  if (Array.isArray(value)) value.forEach((one, i) => isObject(one) && found.push([i, one]));
  return found;
}
