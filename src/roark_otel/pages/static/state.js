// @ts-check
/** What the reader looks at: an entry, a moment, a window of time. Parts of the page listen to it. */

/** @typedef {import("./model.js").Row} Row */
/** @typedef {"row" | "now" | "view" | "sound"} Change */

/** Above this many entries, a window of the call is shown first. */
export const MANY = 150;
const SHOWN_FIRST = 50;
const SHORTEST_MS = 500;

export class State {
  /** @param {import("./model.js").Call} call */
  constructor(call) {
    this.call = call;
    /** @type {Row | null} */
    this.row = null;
    this.now = 0;
    /** How long the picture is: the call, and the sound if that is longer. */
    this.length = call.length;
    const last = call.rows[SHOWN_FIRST];
    this.view = { from: 0, to: call.rows.length > MANY && last ? Math.max(SHORTEST_MS, last.start) : call.length };
    /** @type {import("./sound.js").Peaks | null} */
    this.sound = null;
    /** @type {Record<Change, (() => void)[]>} */
    this.listeners = { row: [], now: [], view: [], sound: [] };
    /** Set by the player: moves the sound. @type {(at: number) => void} */
    this.moveSound = () => {};
  }

  get zoomed() {
    return this.view.to - this.view.from < this.length - 1;
  }

  /** @param {Change} change @param {() => void} listener */
  on(change, listener) {
    this.listeners[change].push(listener);
  }

  /** @param {Change} change */
  #notify(change) {
    for (const listener of this.listeners[change]) listener();
  }

  /** Looks at an entry. @param {Row | null} row @param {{seek?: boolean}} [how] */
  pick(row, { seek = true } = {}) {
    this.row = row;
    if (row) this.show(row.start, row.end);
    if (row && seek) this.seek(row.start);
    this.#notify("row");
  }

  /** @param {number} at ms */
  seek(at) {
    this.moveTo(at);
    this.moveSound(this.now);
  }

  /** The sound has come to a moment, or the reader went there. @param {number} at ms */
  moveTo(at) {
    this.now = Math.min(this.length, Math.max(0, at));
    this.show(this.now, this.now);
    this.#notify("now");
  }

  /** Moves the window, if it does not hold this. @param {number} from @param {number} to */
  show(from, to) {
    const { view } = this;
    const span = view.to - view.from;
    if ((from >= view.from && to <= view.to) || !this.zoomed) return;
    if (from >= view.from && from < view.to - span / 4) return; // it is seen, and is longer than the window
    this.look(from - span / 4, from + (3 * span) / 4);
  }

  /** Sets the window. @param {number} from @param {number} to */
  look(from, to) {
    const span = Math.min(this.length, Math.max(SHORTEST_MS, to - from));
    const start = Math.min(Math.max(0, from), this.length - span);
    this.view = { from: start, to: start + span };
    this.#notify("view");
  }

  /** Makes the window larger or smaller around a moment. @param {number} factor @param {number} [around] ms */
  zoom(factor, around = this.now >= this.view.from && this.now <= this.view.to ? this.now : (this.view.from + this.view.to) / 2) {
    const { from, to } = this.view;
    const span = Math.min(this.length, Math.max(SHORTEST_MS, (to - from) * factor));
    const start = around - ((around - from) * span) / (to - from);
    this.look(start, start + span);
  }

  /** The sound has been read. @param {import("./sound.js").Peaks} sound */
  hear(sound) {
    const whole = !this.zoomed;
    this.sound = sound;
    this.length = Math.max(this.call.length, sound.length);
    if (whole) this.view = { from: 0, to: this.length };
    this.#notify("sound");
  }

  /** The entry at a moment: the last that had begun. @param {number} at ms */
  rowAt(at) {
    const { rows } = this.call;
    let low = 0;
    for (let high = rows.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (/** @type {Row} */ (rows[middle]).start <= at + 1) low = middle + 1;
      else high = middle;
    }
    return rows[low - 1] ?? rows[0] ?? null;
  }
}
