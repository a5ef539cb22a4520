// @ts-check
/** The conversations under way: spans have arrived, and no call yet. */

import { h, put, s } from "./dom.js";
import { count, seconds } from "./format.js";
import { HEIGHT, LANES, pathOf } from "./list-axis.js";
import { viewBox } from "./list-mini.js";

/** @typedef {import("./list-model.js").Open} Open */

export class UnderWay {
  constructor() {
    this.list = h("ol", { class: "rows open", role: "list", "aria-label": "conversations under way", hidden: true });
    /** @type {Open[]} */
    this.open = [];
    this.at = 0;
  }

  /** @param {Open[]} open @param {number} now when it was said, in ms */
  set(open, now) {
    this.open = open;
    this.at = now;
  }

  /** Draws them as of now: they grow. @param {import("./list-axis.js").Axis} axis @param {number} now ms */
  draw(axis, now) {
    this.list.hidden = !this.open.length;
    put(this.list, this.open.map((one) => row(one, one.sinceMs + Math.max(0, now - this.at), axis)));
  }
}

/** @param {Open} one @param {number} length ms @param {import("./list-axis.js").Axis} axis */
function row(one, length, axis) {
  const scopes = one.scopes.filter(Boolean).join(", ");
  return h(
    "li",
    { class: "row" },
    h("span", { class: "pick" }),
    h("span", { class: "when" }, "now"),
    h(
      "span",
      { class: "call" },
      one.externalId ? h("b", { class: "name", dir: "auto" }, one.externalId) : h("b", { class: "name none" }, "no roark.external_id yet"),
      h("small", { dir: "auto" }, scopes || `trace ${one.traceId}`),
    ),
    h("span", { class: "time" }, bar(Math.min(length, axis.ms), axis)),
    h("span", { class: "n length" }, seconds(length)),
    h("span", { class: "n spans" }, `${count(one.spans, "span")} so far`),
    h("span", { class: "chips" }, h("span", { class: "live" }, "● under way")),
  );
}

/** @param {number} length ms @param {import("./list-axis.js").Axis} axis */
const bar = (length, axis) =>
  s("svg", { class: "mini", viewBox: viewBox(axis), preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { class: "o", d: pathOf([[0, length]], [LANES.c[0] ?? 0, HEIGHT - 8]), "vector-effect": "non-scaling-stroke" }));
