// @ts-check
/** The calls that are chosen for a comparison: at most two, a third takes the place of the one chosen first. */

import { h, put } from "./dom.js";
import { nameOf } from "./list-model.js";

/** @typedef {import("./list-model.js").Row} Row */

export class Picks {
  /** @param {(row: Row, picked: boolean) => void} changed what shows it in the list */
  constructor(changed) {
    this.changed = changed;
    /** @type {Row[]} */
    this.rows = [];
    this.bar = h("div", { class: "picks", role: "status", "aria-label": "chosen for a comparison", hidden: true });
  }

  /** @param {Row} row */
  has(row) {
    return this.rows.some((one) => one.seq === row.seq);
  }

  /** @param {Row} row */
  toggle(row) {
    if (row.kind === "refused" || !row.id) return;
    if (this.has(row)) this.drop(row);
    else {
      const [first] = this.rows;
      if (first && this.rows.length === 2) this.drop(first);
      this.rows.push(row);
      this.changed(row, true);
    }
    this.show();
  }

  /** @param {Row} row */
  drop(row) {
    this.rows = this.rows.filter((one) => one.seq !== row.seq);
    this.changed(row, false);
  }

  /**
   * Chooses the call whose page led here, so that another one can be chosen to compare it with.
   * @param {string} id @param {readonly Row[]} rows @param {(id: string) => Promise<Row | null>} find one that is not among them
   */
  async begin(id, rows, find) {
    const row = rows.find((one) => one.kind === "call" && one.id === id) ?? (await find(id));
    if (row && !this.has(row)) this.toggle(row);
  }

  clear() {
    for (const row of this.rows) this.drop(row);
    this.show();
  }

  /** Where the two are compared, the older one first; null before there are two. */
  href() {
    const [before, after] = [...this.rows].sort((a, b) => a.seq - b.seq);
    return before && after ? `/compare?a=${encodeURIComponent(before.id)}&b=${encodeURIComponent(after.id)}` : null;
  }

  show() {
    const href = this.href();
    this.bar.hidden = !this.rows.length;
    put(
      this.bar,
      h("span", {}, [...this.rows].sort((a, b) => a.seq - b.seq).map((row) => h("bdi", { class: "mono" }, nameOf(row)))),
      href ? h("a", { class: "btn go", href }, "Compare ", h("kbd", {}, "c")) : h("span", { class: "dim" }, "choose one more to compare"),
      h("button", { class: "btn", type: "button", onclick: () => this.clear() }, "Clear"),
    );
  }
}
