// @ts-check
/** A call as it sounded: both sides to scale, where the agent was cut off, and tools. */

import { s } from "./dom.js";
import { HEIGHT, LANES, pathOf, strokesOf } from "./list-axis.js";

/**
 * The miniature of a row. The row says the same in numbers, so it is a picture alone.
 * @param {Pick<import("./list-model.js").Row, "said" | "tools">} row @param {import("./list-axis.js").Axis} axis
 */
export function miniature(row, axis) {
  const said = row.said.filter((one) => Array.isArray(one));
  const tools = row.tools.filter((one) => Array.isArray(one));
  const paths = [
    path("c", pathOf(said.filter((one) => one[2] === "c"), LANES.c)),
    path("a", pathOf(said.filter((one) => one[2] !== "c"), LANES.a)),
    path("t", pathOf(tools.filter((one) => !one[2]), LANES.tool)),
    path("f", pathOf(tools.filter((one) => one[2]), LANES.tool)),
    path("i", strokesOf(said.filter((one) => one[3]))),
  ];
  return s("svg", { class: "mini", viewBox: viewBox(axis), preserveAspectRatio: "none", "aria-hidden": "true" }, paths);
}

/** @param {string} look @param {string} d */
const path = (look, d) => (d ? s("path", { class: look, d, "vector-effect": "non-scaling-stroke" }) : null);

/** @param {import("./list-axis.js").Axis} axis */
export const viewBox = (axis) => `0 0 ${axis.ms} ${HEIGHT}`;
