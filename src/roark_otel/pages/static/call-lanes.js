// @ts-check
/** The timeline: lanes to scale, the entry that is picked, the moment of now, and for long calls an overview. */

import { MANY } from "./state.js";
import { h, put } from "./dom.js";
import { paint } from "./paint.js";
import { overview } from "./call-overview.js";
import { sceneOf } from "./scene.js";

/**
 * @param {import("./state.js").State} state
 * @returns {HTMLElement}
 */
export function lanes(state) {
  const picture = h("div", { class: "picture" });
  const chosen = h("div", { class: "chosen", hidden: true });
  const head = h("div", { class: "playhead" });
  const whole = h("div", { class: "lanes" }, picture, chosen, head);
  /** @type {import("./scene.js").Scene | null} */
  let scene = null;
  let asked = 0;

  const mark = () => {
    if (!scene) return;
    const [left, right] = [scene.x(state.view.from), scene.x(state.view.to)];
    const now = scene.x(state.now);
    head.style.setProperty("transform", `translateX(${now}px)`);
    head.hidden = now < left - 1 || now > right + 1;
    const box = state.row && scene.box(state.row);
    chosen.hidden = !box || box.x > right || box.x + box.w < left;
    if (!box) return;
    const x = Math.max(box.x, left);
    for (const [name, value] of [["left", x - 2], ["top", box.y - 2], ["width", Math.min(box.x + box.w, right) - x + 4], ["height", box.h + 4]]) {
      chosen.style.setProperty(String(name), `${value}px`);
    }
  };
  const draw = () => {
    cancelAnimationFrame(asked);
    asked = 0;
    const width = Math.floor(whole.clientWidth);
    if (!width) return;
    scene = sceneOf(state.call, state.view, width, state.sound);
    whole.style.setProperty("height", `${scene.height}px`);
    put(picture, paint(scene));
    mark();
  };
  const later = () => (asked ||= requestAnimationFrame(draw));

  new ResizeObserver(later).observe(whole);
  for (const change of /** @type {const} */ (["view", "sound"])) state.on(change, later);
  for (const change of /** @type {const} */ (["row", "now"])) state.on(change, mark);
  for (const event of ["themechange", "beforeprint", "afterprint"]) addEventListener(event, draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  listen(whole, state, () => scene);
  return h("div", {}, overview(state), whole);
}

/** @param {HTMLElement} whole @param {import("./state.js").State} state @param {() => import("./scene.js").Scene | null} scene */
function listen(whole, state, scene) {
  const place = (/** @type {MouseEvent} */ event) => {
    const { left, top } = whole.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  /** @type {{x: number, view: import("./scene.js").View, moved: boolean} | null} */
  let drag = null;
  whole.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, view: state.view, moved: false };
  });
  whole.addEventListener("pointermove", (event) => {
    const now = scene();
    if (!now) return;
    if (drag && event.buttons && state.zoomed && Math.abs(event.clientX - drag.x) > 4) {
      drag.moved = true;
      const by = now.moment(0) - now.moment(event.clientX - drag.x);
      state.look(drag.view.from + by, drag.view.to + by);
    } else if (!drag) {
      const row = rowAt(now, place(event));
      whole.classList.toggle("over", row !== null);
    }
  });
  addEventListener("pointerup", () => setTimeout(() => (drag = null)));
  whole.addEventListener("click", (event) => {
    const now = scene();
    if (!now || drag?.moved) return;
    const at = place(event);
    const row = rowAt(now, at);
    if (row) return state.pick(row);
    const moment = now.moment(at.x);
    state.pick(state.rowAt(moment), { seek: false });
    state.seek(moment);
  });
  whole.addEventListener("wheel", (event) => {
    const now = scene();
    const isZoom = Math.abs(event.deltaY) > Math.abs(event.deltaX);
    if (!now || !(state.zoomed || event.ctrlKey || state.call.rows.length > MANY)) return;
    event.preventDefault();
    if (isZoom) return state.zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 300), now.moment(place(event).x));
    const by = now.moment(event.deltaX) - now.moment(0);
    state.look(state.view.from + by, state.view.to + by);
  }, { passive: false });
}

/** The entry at a place of the picture. @param {import("./scene.js").Scene} scene @param {{x: number, y: number}} place */
function rowAt(scene, { x, y }) {
  for (let i = scene.shapes.length - 1; i >= 0; i--) {
    const shape = scene.shapes[i];
    if (shape?.type !== "box" || !shape.row) continue;
    if (x >= shape.x - 1 && x <= shape.x + shape.w + 1 && y >= shape.y && y <= shape.y + shape.h) return shape.row;
  }
  return null;
}
