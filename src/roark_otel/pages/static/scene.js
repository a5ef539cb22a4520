// @ts-check
/** The lanes of a call as shapes, without a page to draw them on. */

import { clock, ms, seconds } from "./format.js";
import { STAGES } from "./spans.js";
import { loudest, unclaimed } from "./sound.js";

/** @typedef {import("./model.js").Row} Row */
/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/**
 * @typedef {{type: "box", fill: string, opacity: number, stroke?: string, hatch?: boolean, row?: Row, title?: () => string} & Box} BoxShape
 * @typedef {{type: "line", points: [number, number][], color: string, width: number}} LineShape
 * @typedef {{type: "wave", at: [number, number][], middle: number, color: string, opacity: number}} WaveShape
 *   strokes of `[x, half of its height]`
 * @typedef {{type: "text", text: string, color: string, end: boolean} & Box} TextShape `x` is its left edge
 * @typedef {BoxShape | LineShape | WaveShape | TextShape} Shape
 */
/** @typedef {{from: number, to: number}} View ms */
/**
 * @typedef {object} Scene
 * @property {number} width @property {number} height @property {Shape[]} shapes
 * @property {(at: number) => number} x of a moment
 * @property {(x: number) => number} moment at an x
 * @property {(row: Row) => Box} box of a row
 */

const LABEL = 68;
const AXIS = 20;
const TOOL = 18;
const STRIP = 5;
const STROKE = 2;
/** How wide a character of 12 px is at most, on average. */
const CHARACTER = 7;
const NARROW = 600;

/**
 * @param {import("./model.js").Call} call @param {View} view @param {number} width px
 * @param {import("./sound.js").Peaks | null} sound
 * @returns {Scene}
 */
export function sceneOf(call, view, width, sound) {
  const layout = layoutOf(call, view, width);
  const { x, moment, lanes, box } = layout;
  const isIn = (/** @type {{start: number, end: number}} */ one) => one.end >= view.from && one.start <= view.to;
  const rows = call.rows.filter(isIn);
  /** @type {Shape[]} */
  const shapes = [...axis(layout, view), ...names(layout)];
  const said = rows.filter((row) => row.kind === "said");
  for (const row of said) if (row.wait) shapes.push(hatch(row.wait, layout));
  for (const row of rows) shapes.push(bar(row, box(row)));
  if (sound) shapes.push(...waves(call, said, layout, view, sound));
  for (const over of call.overlaps) if (over.to >= view.from && over.from <= view.to) shapes.push(...band(over, layout));
  for (const row of said) if (row.cut) shapes.push(torn(box(row)));
  shapes.push(...strips(call, layout, view));
  shapes.push(...waitLabels(said, layout), ...toolLabels(rows, layout));
  return { width, height: lanes.height, shapes, x, moment, box };
}

/** @typedef {ReturnType<typeof layoutOf>} Layout */

/** @param {import("./model.js").Call} call @param {View} view @param {number} width */
function layoutOf(call, view, width) {
  const left = width >= NARROW ? LABEL : 2;
  const right = Math.max(left + 40, width - 10);
  const lane = width >= NARROW ? 46 : 42;
  const scale = (right - left) / Math.max(1, view.to - view.from);
  const { others, levels } = call;
  const { stages } = call.spans;
  const customer = AXIS + 4;
  const agent = customer + lane + 8;
  const other = agent + lane + 8;
  const tool = other + (others ? lane + 8 : 0);
  const spans = tool + levels * (TOOL + 3) + (levels ? 5 : 0);
  const height = Math.ceil(spans + stages.length * (STRIP + 1) + 4);
  const lanes = { customer, agent, other, tool, spans, height, lane, levels, others };
  const x = (/** @type {number} */ at) => left + (at - view.from) * scale;
  const moment = (/** @type {number} */ px) => view.from + (px - left) / scale;
  const box = (/** @type {Row} */ row) => ({
    x: x(row.start),
    y: row.who === "tool" ? tool + row.level * (TOOL + 3) : lanes[row.who],
    w: Math.max(3, (row.end - row.start) * scale),
    h: row.who === "tool" ? TOOL : lane,
  });
  return { x, moment, box, lanes, left, right, stages, scale, wide: width >= NARROW };
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200].map((one) => one * 1000);

const DAY = 86_400_000;

/** @param {Layout} layout @param {View} view @returns {Shape[]} */
function axis({ x, lanes, right, left }, view) {
  const most = Math.max(1, (right - left) / 80);
  let step = STEPS.find((one) => (view.to - view.from) / one <= most) ?? DAY;
  while ((view.to - view.from) / step > most) step *= 2;
  /** @type {Shape[]} */
  const shapes = [];
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    const label = step < 1000 ? clock(at, 1) : seconds(at);
    shapes.push({ type: "line", points: [[x(at), AXIS], [x(at), lanes.height]], color: "--line", width: 1 });
    if (x(at) + label.length * CHARACTER <= right + 10) shapes.push(words(label, x(at) + 3, 4, "--dim"));
  }
  return shapes;
}

/** @param {Layout} layout @returns {Shape[]} */
function names({ lanes, wide, stages }) {
  if (!wide) return [];
  const middle = lanes.lane / 2 - 8;
  return [
    words("customer", 0, lanes.customer + middle, "--customer"),
    words("agent", 0, lanes.agent + middle, "--agent"),
    ...(lanes.others ? [words("others", 0, lanes.other + middle, "--dim")] : []),
    ...(lanes.levels ? [words("tools", 0, lanes.tool + 1, "--tool")] : []),
    ...(stages.length ? [words("spans", 0, lanes.spans + (stages.length * (STRIP + 1)) / 2 - 8, "--dim")] : []),
  ];
}

/** @param {string} text @param {number} x @param {number} y of its upper edge @param {string} color @returns {TextShape} */
const words = (text, x, y, color) => ({ type: "text", text, x, y, w: text.length * CHARACTER, h: 15, color, end: false });

/** @param {import("./model.js").Wait} wait @param {Layout} layout @returns {Shape} */
function hatch(wait, { x, lanes }) {
  const w = Math.max(1, x(wait.to) - x(wait.from));
  const y = lanes.agent + lanes.lane / 2 - 4;
  const title = () => `the customer waits ${ms(wait.ms)}`;
  return { type: "box", x: x(wait.from), y, w, h: 14, fill: wait.slow ? "--slow" : "--dim", opacity: 1, hatch: true, title };
}

/** @param {Row} row @param {Box} box @returns {Shape} */
function bar(row, box) {
  const color = row.failed ? "bad" : row.who === "other" ? "dim" : row.who;
  const fill = row.who === "other" ? "--hover" : `--${color}-soft`;
  const title = () => `${clock(row.start)} ${row.who}: ${(row.kind === "said" ? row.words : row.name).slice(0, 300)}`;
  return { type: "box", ...box, fill, opacity: 1, stroke: `--${color}`, row, title };
}

/** @param {import("./model.js").Call} call @param {Row[]} said @param {Layout} layout @param {View} view @param {import("./sound.js").Peaks} sound @returns {Shape[]} */
function waves(call, said, layout, view, sound) {
  const { lanes } = layout;
  const shapes = said
    .filter((row) => row.who !== "other")
    .map((row) => wave(sound[/** @type {"agent"} */ (row.who)], row.start, row.end, layout, lanes[row.who], `--${row.who}`, view));
  for (const { side, pieces } of unclaimedOf(call, sound)) {
    const y = side === "both" ? (lanes.customer + lanes.agent) / 2 : lanes[side];
    const peaks = sound[side === "both" ? "agent" : side];
    for (const [from, to] of pieces) {
      if (to >= view.from && from <= view.to) shapes.push(wave(peaks, from, to, layout, y, "--dim", view));
    }
  }
  return shapes;
}

/** @typedef {{side: "customer" | "agent" | "both", pieces: [number, number][]}} Unclaimed */
/** @type {WeakMap<import("./sound.js").Peaks, Unclaimed[]>} */
const KNOWN = new WeakMap();

/** Found once for all pictures of a call. @param {import("./model.js").Call} call @param {import("./sound.js").Peaks} sound */
function unclaimedOf(call, sound) {
  const known = KNOWN.get(sound);
  if (known) return known;
  const of = (/** @type {"customer" | "agent"} */ side) => ({ side, pieces: unclaimed(sound[side], call.said.filter((row) => row.who === side)) });
  const found = sound.mono ? [{ side: /** @type {const} */ ("both"), pieces: unclaimed(sound.agent, call.said) }] : [of("customer"), of("agent")];
  KNOWN.set(sound, found);
  return found;
}

/** @param {Float32Array} peaks @param {number} from @param {number} to @param {Layout} layout @param {number} y @param {string} color @param {View} view @returns {Shape} */
function wave(peaks, from, to, { x, moment, lanes }, y, color, view) {
  /** @type {[number, number][]} */
  const at = [];
  const end = x(Math.min(to, view.to)) - 1;
  for (let px = Math.ceil(x(Math.max(from, view.from))) + 1; px < end; px += STROKE + 1) {
    at.push([px, Math.max(0.6, loudest(peaks, moment(px), moment(px + STROKE + 1)) * (lanes.lane / 2 - 5))]);
  }
  return { type: "wave", at, middle: y + lanes.lane / 2, color, opacity: color === "--dim" ? 0.55 : 0.8 };
}

/** @param {{from: number, to: number}} over @param {Layout} layout @returns {Shape[]} */
function band(over, { x, lanes }) {
  const [top, bottom] = [lanes.customer - 3, lanes.agent + lanes.lane + 3];
  const title = () => `both talk for ${ms(over.to - over.from)}`;
  return [
    { type: "box", x: x(over.from), y: top, w: Math.max(2, x(over.to) - x(over.from)), h: bottom - top, fill: "--overlap", opacity: 0.13, title },
    { type: "line", points: [[x(over.from), top], [x(over.from), bottom]], color: "--overlap", width: 1.5 },
  ];
}

/** @param {Box} box @returns {Shape} */
function torn({ x, y, w, h }) {
  const teeth = 8;
  const deep = Math.min(4.5, w / 2);
  const points = Array.from({ length: teeth + 1 }, (_, i) => /** @type {[number, number]} */ ([x + w + (i % 2 ? -deep : 0), y + (i * h) / teeth]));
  return { type: "line", points, color: "--overlap", width: 2 };
}

/** Each stage in a strip of its own, so that concurrent ones are seen. @param {import("./model.js").Call} call @param {Layout} layout @param {View} view @returns {Shape[]} */
function strips({ spans }, { x, lanes, stages }, view) {
  /** @type {BoxShape[]} */
  const shapes = [];
  /** @type {Map<string, BoxShape>} */
  const last = new Map();
  for (const span of spans.all) {
    if (span.start > view.to) break;
    if (!span.stage || !span.outermost || span.end < view.from) continue;
    const [left, right] = [x(Math.max(span.start, view.from)), x(Math.min(span.end, view.to))];
    const before = last.get(span.stage);
    if (before && left <= before.x + before.w + 0.5) {
      before.w = Math.max(before.w, right - before.x);
      const { label } = STAGES[span.stage];
      before.title = () => label;
      continue;
    }
    const y = lanes.spans + stages.indexOf(span.stage) * (STRIP + 1);
    const { label, color } = STAGES[span.stage];
    const title = () => `${label}: ${span.name}, ${ms(span.end - span.start)}`;
    const one = /** @type {BoxShape} */ ({ type: "box", x: left, y, w: Math.max(1.5, right - left), h: STRIP, fill: color, opacity: 0.85, title });
    last.set(span.stage, one);
    shapes.push(one);
  }
  return shapes;
}

/**
 * How long each wait was, left of the answer, where it meets neither the bars of the lane nor another label.
 * @param {Row[]} said @param {Layout} layout @returns {Shape[]}
 */
function waitLabels(said, { box, lanes, left }) {
  /** @type {Shape[]} */
  const shapes = [];
  let edge = left;
  for (const row of said) {
    if (row.who !== "agent") continue;
    const { x, w } = box(row);
    if (row.wait && x - edge > 4 * CHARACTER) {
      const texts = row.wait.slow ? [`slow: ${ms(row.wait.ms)}`, ms(row.wait.ms)] : [ms(row.wait.ms)];
      const fits = texts.find((one) => x - 4 - one.length * CHARACTER >= edge + 5);
      if (fits) {
        const label = words(fits, x - 4 - fits.length * CHARACTER, lanes.agent, row.wait.slow ? "--slow" : "--dim");
        shapes.push({ ...label, end: true });
      }
    }
    edge = Math.max(edge, x + w);
  }
  return shapes;
}

/** Names of tools, within the bar or right of it. @param {Row[]} rows @param {Layout} layout @returns {Shape[]} */
function toolLabels(rows, { box, right }) {
  /** @type {Map<number, number>} of each level, where it is free */
  const next = new Map();
  /** @type {Shape[]} */
  const shapes = [];
  for (const row of rows.filter((one) => one.kind === "used").reverse()) {
    const { x, y, w } = box(row);
    const name = row.failed ? `✕ ${row.name}` : row.name;
    const after = Math.min(next.get(row.level) ?? right, right) - (x + w) - 8;
    const [room, at] = w - 10 >= Math.min(after, name.length * CHARACTER) ? [w - 10, x + 5] : [after, x + w + 4];
    const label = fit(name, room);
    if (label && at >= 0) shapes.push(words(label, at, y + 1.5, row.failed ? "--bad" : "--tool"));
    next.set(row.level, Math.min(x, next.get(row.level) ?? Infinity));
  }
  return shapes;
}

/** Shortens text; empty where not even three characters fit. @param {string} text @param {number} room px */
function fit(text, room) {
  const most = Math.floor(room / CHARACTER);
  if (text.length <= most) return text;
  return most >= 4 ? `${text.slice(0, most - 1)}…` : "";
}

/**
 * The share of time that a side speaks, in equal parts of the call.
 * @param {Row[]} rows @param {number} length ms @param {number} parts
 */
export function density(rows, length, parts) {
  const shares = new Float32Array(parts);
  const each = length / parts;
  for (const row of rows) {
    const last = Math.min(parts - 1, Math.floor(row.end / each));
    for (let i = Math.max(0, Math.floor(row.start / each)); i <= last; i++) {
      const spoken = Math.min(row.end, (i + 1) * each) - Math.max(row.start, i * each);
      shares[i] = Math.min(1, (shares[i] ?? 0) + Math.max(0, spoken) / each);
    }
  }
  return shares;
}
