// @ts-check
/** A long call in one width: how much each side speaks, and the window of it that the lanes show. */

import { h } from "./dom.js";
import { colors } from "./paint.js";
import { density } from "./scene.js";
import { MANY } from "./state.js";

const HEIGHT = 38;

/** @param {import("./state.js").State} state */
export function overview(state) {
  const canvas = h("canvas", { height: HEIGHT });
  const pane = h("div", { class: "pane" });
  const whole = h("div", { class: "overview", "aria-hidden": "true", title: "drag to move, + and - to zoom" }, canvas, pane);

  const place = () => {
    const share = (/** @type {number} */ at) => `${(100 * at) / state.length}%`;
    pane.style.setProperty("left", share(state.view.from));
    pane.style.setProperty("width", share(state.view.to - state.view.from));
    const hidden = !state.zoomed && state.call.rows.length <= MANY;
    if (whole.hidden && !hidden) requestAnimationFrame(draw);
    whole.hidden = hidden;
  };
  const draw = () => {
    if (!whole.hidden && whole.clientWidth) paintDensity(canvas, state, whole.clientWidth);
  };
  new ResizeObserver(draw).observe(whole);
  for (const event of ["themechange", "beforeprint", "afterprint"]) addEventListener(event, draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  state.on("view", place);
  state.on("sound", () => (place(), draw()));
  listen(whole, state);
  place();
  return whole;
}

/** @param {HTMLCanvasElement} canvas @param {import("./state.js").State} state @param {number} width */
function paintDensity(canvas, { call, length }, width) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(scale, scale);
  const color = colors();
  const half = HEIGHT / 2;
  for (const who of /** @type {const} */ (["customer", "agent"])) {
    const shares = density(call.said.filter((row) => row.who === who), length, width);
    pen.fillStyle = color(`--${who}`);
    for (let x = 0; x < width; x++) {
      const tall = (shares[x] ?? 0) * (half - 3);
      if (tall > 0) pen.fillRect(x, who === "customer" ? half - tall : half, 1, Math.max(1, tall));
    }
  }
  pen.fillStyle = color("--overlap");
  pen.globalAlpha = Math.min(1, width / (4 * call.interruptions.length)); // very many are no solid band
  for (const row of call.interruptions) pen.fillRect((row.end / length) * width, half - 4, 1.5, 8);
  pen.fillStyle = color("--bad");
  pen.globalAlpha = Math.min(1, width / (4 * call.failures.length));
  for (const row of call.failures) pen.fillRect((row.start / length) * width, HEIGHT - 3, 2, 3);
}

/** @param {HTMLElement} whole @param {import("./state.js").State} state */
function listen(whole, state) {
  /** Where in the window it is held; null if it is not. @type {number | null} */
  let held = null;
  const at = (/** @type {PointerEvent} */ event) => {
    const { left, width } = whole.getBoundingClientRect();
    return ((event.clientX - left) / width) * state.length;
  };
  whole.addEventListener("pointerdown", (event) => {
    const moment = at(event);
    const { from, to } = state.view;
    held = moment >= from && moment <= to ? moment - from : (to - from) / 2;
    whole.setPointerCapture(event.pointerId);
    state.look(moment - held, moment - held + to - from);
  });
  whole.addEventListener("pointermove", (event) => {
    if (held === null) return;
    const start = at(event) - held;
    state.look(start, start + state.view.to - state.view.from);
  });
  for (const end of ["pointerup", "pointercancel"]) whole.addEventListener(end, () => (held = null));
  whole.addEventListener("wheel", (event) => {
    event.preventDefault();
    state.zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 300));
  }, { passive: false });
}
