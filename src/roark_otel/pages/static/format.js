// @ts-check
/** Numbers, times and text as people read them. */

const NUMBER = new Intl.NumberFormat("en");
const UNSEEN = // control characters but tab and line feed, bidi overrides, line separators, tags, lone surrogates
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/**
 * Writes what would not be seen, or would turn other text around, as the escape that JSON has for it.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(UNSEEN, (one) =>
    [...Array(one.length).keys()].map((i) => `\\u${one.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** 12,345. @param {number} n */
export const number = (n) => NUMBER.format(n);

/** 1,516 ms. @param {number} n */
export const ms = (n) => `${NUMBER.format(Math.round(n))} ms`;

/** 1 tool, 2 tools. @param {number} n @param {string} one @param {string} [many] */
export const count = (n, one, many = `${one}s`) => `${NUMBER.format(n)} ${n === 1 ? one : many}`;

/** Two digits. @param {number} n */
const two = (n) => String(n).padStart(2, "0");

/** 0:18, 1:02:03: a length or a moment to the second. @param {number} at ms */
export function seconds(at) {
  const whole = Math.floor(Math.abs(at) / 1000);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const text = hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  return at < 0 ? `-${text}` : text;
}

/** 0:06.125, or fewer digits. @param {number} at ms @param {number} [digits] of the fraction */
export function clock(at, digits = 3) {
  const fraction = String(Math.floor(Math.abs(at)) % 1000).padStart(3, "0").slice(0, digits);
  return `${seconds(at)}.${fraction}`;
}

/**
 * Shares in whole percent that add up to 100, by largest remainder.
 * @param {readonly number[]} parts
 */
export function percents(parts) {
  const sum = parts.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) return parts.map(() => 0);
  const exact = parts.map((part) => (100 * part) / sum);
  const whole = exact.map(Math.floor);
  const order = exact.map((one, i) => ({ i, rest: one - Math.floor(one) })).sort((a, b) => b.rest - a.rest);
  const missing = 100 - whole.reduce((a, b) => a + b, 0);
  for (const { i } of order.slice(0, missing)) whole[i] = (whole[i] ?? 0) + 1;
  return whole;
}

/** 2026-11-23 09:28:49 UTC; text that is not a time is returned unchanged. @param {string} iso */
export function utc(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The same in the reader's own zone: 2026-11-23 10:28:49. @param {string} iso */
export function local(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** CUSTOMER_ENDED_CALL as "customer ended call". @param {string} name */
export const plain = (name) => name.toLowerCase().replaceAll("_", " ");

/** The most characters of a line that are laid out. Where directions alternate, a browser needs minutes for a million. */
const LONGEST_LINE = 20_000;

/** A line as far as it is shown, and how much more it has. @param {string} text */
export const bounded = (text) =>
  text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}… (${count(text.length - LONGEST_LINE, "more character")})` : text;

/** Lines, each as far as it is shown. @param {string} text */
export const boundedLines = (text) => (text.length > LONGEST_LINE ? text.split("\n").map(bounded).join("\n") : text);

/** JSON as people read it. @param {unknown} value */
export const pretty = (value) => JSON.stringify(value, null, 2) ?? "nothing";

/** JSON in one line; a string as it is. @param {unknown} value */
export const inline = (value) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing"));
