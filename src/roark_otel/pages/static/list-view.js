// @ts-check
/**
 * The rows as elements. All of them are in the page, for whoever searches it or listens to it, in slices: a slice out of
 * sight costs nothing.
 */

import { h, put } from "./dom.js";
import { seconds } from "./format.js";
import { axisOf } from "./list-axis.js";
import { viewBox } from "./list-mini.js";
import { passes } from "./list-model.js";
import { rowElement } from "./list-row.js";

/** @typedef {import("./list-model.js").Row} Row */

/** The rows of a slice, which are made at once; the next slice while nothing else is to do. */
const SLICE = 50;

export class View {
  /** @param {import("./list-picks.js").Picks} picks */
  constructor(picks) {
    this.picks = picks;
    this.list = h("div", { class: "rows calls", role: "list", "aria-label": "calls" });
    this.marks = h("span", { class: "time marks" });
    this.head = h(
      "div",
      { class: "row head", "aria-hidden": "true" },
      h("span", { class: "pick" }), h("span", {}, "when"), h("span", {}, "call"), this.marks,
      ["length", "turns", "tools", "answers in"].map((name) => h("span", { class: "n" }, name)), h("span", {}),
    );
    /** @type {Map<number, HTMLElement>} by the number of the row */
    this.elements = new Map();
    /** @type {ReadonlySet<string>} */
    this.filters = new Set();
    this.axis = axisOf([]);
    this.drawing = 0;
  }

  /** Shows other rows than before. @param {readonly Row[]} rows newest first */
  show(rows) {
    const drawing = ++this.drawing;
    this.elements.clear();
    this.list.replaceChildren();
    this.measure(rows);
    let from = 0;
    const next = () => {
      if (drawing !== this.drawing) return;
      // A row that came meanwhile has its element already.
      const slice = rows.slice(from, (from += SLICE)).filter((row) => !this.elements.has(row.seq));
      this.list.append(this.slice(slice.map((row) => this.element(row))));
      if (from < rows.length) setTimeout(next);
    };
    next();
  }

  /** Puts rows above the others. @param {readonly Row[]} came newest first @param {readonly Row[]} gone @param {readonly Row[]} rows all of them now */
  slideIn(came, gone, rows) {
    this.measure(rows);
    const fresh = came.map((row) => this.element(row));
    for (const one of fresh) one.classList.add("new");
    const first = this.list.firstElementChild;
    if (first && first.childElementCount + fresh.length <= SLICE) first.prepend(...fresh);
    else for (let end = fresh.length; end > 0; end -= SLICE) this.list.prepend(this.slice(fresh.slice(Math.max(0, end - SLICE), end)));
    for (const { seq } of gone) {
      this.elements.get(seq)?.remove();
      this.elements.delete(seq);
    }
    this.count();
  }

  /** @param {readonly HTMLElement[]} rows */
  slice(rows) {
    const slice = h("ol", { class: "slice", role: "none" }, rows); // all slices are one list
    count(slice);
    return slice;
  }

  /** Lets each slice know how many of its rows are shown: how high it is about, before it is laid out. */
  count() {
    for (const slice of [...this.list.children]) count(/** @type {HTMLElement} */ (slice));
  }

  /** Shows a row as it is now. @param {Row} row */
  update(row) {
    const before = this.elements.get(row.seq);
    if (!before) return; // it is about to be made
    const hadFocus = before.contains(document.activeElement);
    const after = this.element(row);
    before.replaceWith(after);
    if (hadFocus) after.querySelector("a")?.focus();
  }

  focusFirst() {
    const first = this.list.querySelector(".row:not([hidden]) a");
    if (first instanceof HTMLElement) first.focus({ preventScroll: true });
  }

  /** @param {Row} row @param {boolean} picked */
  mark(row, picked) {
    const element = this.elements.get(row.seq);
    const box = element?.querySelector("input");
    if (box) box.checked = picked;
    element?.classList.toggle("picked", picked);
  }

  /** @param {ReadonlySet<string>} filters @param {readonly Row[]} rows */
  filter(filters, rows) {
    this.filters = filters;
    for (const row of rows) {
      const element = this.elements.get(row.seq);
      if (element) element.hidden = !passes(row, filters);
    }
    this.count();
  }

  /** @param {Row} row */
  element(row) {
    const picking = { picked: this.picks.has(row), pick: () => this.picks.toggle(row) };
    const element = rowElement(row, this.axis, picking);
    element.hidden = !passes(row, this.filters);
    this.elements.set(row.seq, element);
    return element;
  }

  /** Fits the axis to rows; those that are there keep to it. @param {readonly Row[]} rows */
  measure(rows) {
    const axis = axisOf(rows.map((row) => row.lengthMs));
    if (axis.ms === this.axis.ms && this.marks.hasChildNodes()) return;
    this.axis = axis;
    const marks = [...Array(Math.round(axis.ms / axis.step)).keys()];
    put(this.marks, marks.map((n) => h("span", { style: { left: `${(100 * n * axis.step) / axis.ms}%` } }, seconds(n * axis.step))));
    this.list.parentElement?.style.setProperty("--mark", `${(100 * axis.step) / axis.ms}%`);
    for (const row of rows) {
      const element = this.elements.get(row.seq);
      element?.classList.toggle("long", row.kind === "call" && row.lengthMs > axis.ms);
      element?.querySelector("svg")?.setAttribute("viewBox", viewBox(axis));
    }
  }
}

/** @param {HTMLElement} slice */
function count(slice) {
  const shown = [...slice.children].filter((row) => !(/** @type {HTMLElement} */ (row).hidden)).length;
  if (!slice.childElementCount) slice.remove();
  slice.hidden = !shown;
  slice.style.setProperty("--rows", String(shown));
}
