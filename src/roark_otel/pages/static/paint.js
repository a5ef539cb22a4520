// @ts-check
/** Draws a scene: as SVG, or on a canvas where there are very many shapes. */

import { h, s } from "./dom.js";
import { visible } from "./format.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Shape} Shape */

/** Above this many shapes the page is drawn on a canvas. */
const MOST_NODES = 1500;
const FONT = "12px";

/** @param {Scene} scene @returns {SVGSVGElement | HTMLCanvasElement} */
export const paint = (scene) => (scene.shapes.length > MOST_NODES ? onCanvas(scene) : asSvg(scene));

/** @param {Scene} scene */
function asSvg(scene) {
  const { width, height } = scene;
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    s("defs", {}, hatching("--dim", 5), hatching("--slow", 4)),
    scene.shapes.map(node));
}

/** @param {string} color @param {number} apart */
const hatching = (color, apart) =>
  s("pattern", { id: `hatch${color}`, width: apart, height: apart, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("line", { x1: 0, y1: 0, x2: 0, y2: apart, stroke: `var(${color})`, "stroke-width": 2.4 }));

/** @param {Shape} shape */
function node(shape) {
  if (shape.type === "text") {
    const x = shape.end ? shape.x + shape.w : shape.x;
    return s("text", { x, y: shape.y + 11.5, "text-anchor": shape.end ? "end" : "start", fill: `var(${shape.color})` }, shape.text);
  }
  if (shape.type === "line") {
    return s("polyline", { points: shape.points.map((point) => point.join(",")).join(" "), fill: "none", stroke: `var(${shape.color})`, "stroke-width": shape.width });
  }
  if (shape.type === "wave") {
    const d = shape.at.map(([x, half]) => `M${x} ${(shape.middle - half).toFixed(1)}v${(2 * half).toFixed(1)}`).join("");
    return s("path", { d, stroke: `var(${shape.color})`, "stroke-width": 2, "stroke-linecap": "round", opacity: shape.opacity, class: "wave" });
  }
  const { x, y, w, h: height, row } = shape;
  const fill = shape.hatch ? `url(#hatch${shape.fill})` : `var(${shape.fill})`;
  return s("rect", {
    x, y, width: w, height, fill, "fill-opacity": shape.opacity, rx: row ? 4 : 1.5,
    stroke: shape.stroke ? `var(${shape.stroke})` : undefined, "stroke-opacity": 0.55, class: row ? "entry" : undefined,
  }, shape.title ? s("title", {}, shape.title()) : null);
}

/** @param {Scene} scene */
function onCanvas({ width, height, shapes }) {
  const scale = window.devicePixelRatio || 1;
  const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale), "aria-hidden": "true", style: { width: `${width}px`, height: `${height}px` } });
  const pen = canvas.getContext("2d");
  if (!pen) return canvas;
  pen.scale(scale, scale);
  pen.font = `${FONT} ${getComputedStyle(document.body).fontFamily}`;
  const color = colors();
  for (const shape of shapes) stroke(pen, shape, color);
  return canvas;
}

/** @param {CanvasRenderingContext2D} pen @param {Shape} shape @param {(name: string) => string} color */
function stroke(pen, shape, color) {
  pen.globalAlpha = 1;
  if (shape.type === "text") {
    pen.fillStyle = color(shape.color);
    pen.textAlign = shape.end ? "right" : "left";
    pen.fillText(visible(shape.text), shape.end ? shape.x + shape.w : shape.x, shape.y + 11.5);
  } else if (shape.type === "box") {
    pen.globalAlpha = shape.hatch ? 0.5 : shape.opacity;
    pen.fillStyle = color(shape.fill);
    pen.fillRect(shape.x, shape.y, shape.w, shape.h);
    if (shape.stroke && shape.w > 4) {
      pen.globalAlpha = 0.55;
      pen.strokeStyle = color(shape.stroke);
      pen.lineWidth = 1;
      pen.strokeRect(shape.x, shape.y, shape.w, shape.h);
    } else if (shape.stroke) {
      pen.globalAlpha = 0.7;
      pen.fillStyle = color(shape.stroke);
      pen.fillRect(shape.x, shape.y, Math.max(1, shape.w - 1), shape.h);
    }
  } else {
    pen.beginPath();
    if (shape.type === "line") for (const [x, y] of shape.points) pen.lineTo(x, y);
    else for (const [x, half] of shape.at) pen.moveTo(x, shape.middle - half), pen.lineTo(x, shape.middle + half);
    pen.globalAlpha = shape.type === "wave" ? shape.opacity : 1;
    pen.strokeStyle = color(shape.color);
    pen.lineWidth = shape.type === "wave" ? 2 : shape.width;
    pen.stroke();
  }
}

/** Reads what the tokens are in the theme of now: a canvas knows no variables. */
export function colors() {
  const probe = h("span");
  document.body.append(probe);
  /** @type {Map<string, string>} */
  const known = new Map();
  queueMicrotask(() => probe.remove());
  return (/** @type {string} */ name) => {
    const found = known.get(name);
    if (found) return found;
    probe.style.setProperty("color", `var(${name})`);
    const read = getComputedStyle(probe).color;
    known.set(name, read);
    return read;
  };
}
