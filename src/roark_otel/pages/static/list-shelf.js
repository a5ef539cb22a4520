// @ts-check
/** The rows that the page has, the newest first: those that are shown, and those that wait above them. */

/** @typedef {import("./list-model.js").Row} Row */

/** The most rows that a page keeps. */
export const MOST_ROWS = 2000;

export class Shelf {
  constructor() {
    /** @type {Row[]} newest first */
    this.rows = [];
    /** @type {Row[]} those that arrived while the list was not scrolled to its top, newest first */
    this.waiting = [];
    /** How many there are in all, with those that the page has not. */
    this.total = 0;
  }

  /** @param {import("./list-model.js").Listing} listing */
  replace(listing) {
    this.rows = [...listing.rows].sort(newestFirst);
    this.waiting = [];
    this.total = listing.total;
  }

  /**
   * Takes a list that was read again: what is new in it waits, what has changed is replaced.
   * @param {import("./list-model.js").Listing} listing @returns {Row[]} those that changed
   */
  merge(listing) {
    const changed = [...listing.rows].reverse().filter((row) => this.take(row) === "changed");
    this.total = Math.max(listing.total, this.rows.length + this.waiting.length);
    return changed;
  }

  /** @param {Row} row @returns {"new" | "changed" | "same"} */
  take(row) {
    for (const rows of [this.rows, this.waiting]) {
      const at = rows.findIndex((one) => one.seq === row.seq);
      if (at < 0) continue;
      const isSame = JSON.stringify(rows[at]) === JSON.stringify(row);
      rows[at] = row;
      return rows === this.rows && !isSame ? "changed" : "same";
    }
    const oldest = this.rows.at(-1)?.seq ?? 0;
    if (this.rows.length >= MOST_ROWS && row.seq < oldest) return "same";
    this.waiting.push(row);
    this.waiting.sort(newestFirst);
    this.total++;
    return "new";
  }

  /** Puts what waits among the rows. @returns {{came: Row[], gone: Row[]}} gone: the oldest over the most */
  letIn() {
    const came = this.waiting;
    this.waiting = [];
    this.rows = [...came, ...this.rows].sort(newestFirst);
    return { came, gone: this.rows.splice(MOST_ROWS) };
  }
}

/** @param {Row} a @param {Row} b */
const newestFirst = (a, b) => b.seq - a.seq;
