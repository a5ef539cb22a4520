// @ts-check
/**
 * Keeps the list up to date: one stream of events, and the whole list again each time the stream begins, so that
 * nothing is missed between the two, however long the sandbox was away.
 */

import { listingOf, openOf, rowOf, spansOf } from "./list-model.js";

/** After a stream that the browser gave up, or a list that could not be read, it is tried again after this. */
const AGAIN_MS = 2000;
const SOON_MS = 250;
/** A stream that has not begun by then may be kept back by a proxy: the list is read every so often instead. */
const POLL_MS = 3000;
/** A browser has six connections to a host: a page that is not seen gives its own back. */
const UNSEEN_MS = 5000;

const CONNECTING = 0;
const CLOSED = 2;

/** @typedef {{kind: "connecting"} | {kind: "connected"} | {kind: "lost", since: Date} | {kind: "refused", status: number}} State */
/**
 * @typedef {object} Heard what the page does with news
 * @property {(listing: import("./list-model.js").Listing, isNewRun: boolean) => void} listing isNewRun: of another run of
 *   the sandbox, which has none of the rows before
 * @property {(row: import("./list-model.js").Row) => void} row
 * @property {(open: import("./list-model.js").Open[]) => void} open
 * @property {(spans: import("./list-model.js").Spans) => void} spans
 * @property {(state: State) => void} state
 */
/**
 * @typedef {object} World what it needs of a browser
 * @property {(url: string) => EventSource} stream
 * @property {(url: string) => Promise<Response>} fetch
 * @property {(act: () => void, ms: number) => number} later
 * @property {(timer: number) => void} cancel
 * @property {() => Date} now
 */

/** How the page stands to the sandbox. @param {State} state @param {string} address */
export function stateText(state, address) {
  if (state.kind === "connecting") return "connecting…";
  if (state.kind === "connected") return `● listening at ${address}`;
  const helps = state.kind === "refused" && [401, 403].includes(state.status) ? ": open the link that it printed" : ", trying again";
  if (state.kind === "refused") return `✕ the sandbox answered ${state.status}${helps}`;
  return `✕ not connected since ${state.since.toTimeString().slice(0, 5)}, trying again`;
}

export class Live {
  /** @param {Heard} heard @param {World} world */
  constructor(heard, world) {
    this.heard = heard;
    this.world = world;
    this.search = "";
    /** @type {EventSource | null} */
    this.source = null;
    /** @type {State} */
    this.state = { kind: "connecting" };
    /** @type {Map<number, string>} which rows are known, by their number */
    this.known = new Map();
    this.asked = 0;
    this.again = 0;
    this.unseen = 0;
    this.soon = 0;
  }

  /** Opens the stream; the list is read once it is open. */
  start() {
    this.world.cancel(this.again);
    this.source?.close();
    const source = this.world.stream("/pages/events");
    this.source = source;
    // An event of ours has the same name as the stream's own beginning.
    source.addEventListener("open", (event) => void (event instanceof MessageEvent || this.load()));
    this.poll(source);
    source.addEventListener("error", () => this.failed(source));
    this.on(source, "row", (data) => this.take(rowOf(data)));
    this.on(source, "open", (data) => this.heard.open(openOf(data)));
    this.on(source, "spans", (data) => this.heard.spans(spansOf(data)));
  }

  /** Reads the list as long as a stream has not begun. @param {EventSource} source */
  poll(source) {
    this.world.later(() => {
      if (source !== this.source || source.readyState !== CONNECTING) return;
      void this.load();
      this.poll(source);
    }, POLL_MS);
  }

  /** Gives the connection back, until `start`. */
  stop() {
    this.world.cancel(this.again);
    this.source?.close();
    this.source = null;
  }

  /** Stops once the page has not been seen for a while, and starts again when it is. @param {boolean} isHidden */
  seen(isHidden) {
    this.world.cancel(this.unseen);
    if (isHidden) this.unseen = this.world.later(() => this.stop(), UNSEEN_MS);
    else if (!this.source) this.start();
  }

  /** Reads the list of what is looked for. @param {string} search */
  look(search) {
    this.search = search;
    return this.load();
  }

  /** @param {EventSource} source @param {string} name @param {(data: unknown) => void} take */
  on(source, name, take) {
    source.addEventListener(name, (event) => {
      if (!(event instanceof MessageEvent) || source !== this.source) return;
      let data;
      try {
        data = JSON.parse(event.data);
      } catch {
        return; // of another program at this address
      }
      take(data);
    });
  }

  /** @param {import("./list-model.js").Row} row */
  take(row) {
    const before = this.known.get(row.seq);
    this.known.set(row.seq, row.receivedAt);
    const isOther = before !== undefined && before !== row.receivedAt;
    if (isOther || this.search) this.loadSoon(); // whether it is found only the sandbox can say
    else this.heard.row(row);
  }

  /** Reads the list once, however many rows ask for it in a moment. */
  loadSoon() {
    if (this.soon) return;
    this.soon = this.world.later(() => {
      this.soon = 0;
      void this.load();
    }, SOON_MS);
  }

  /** Reads the list. Of several answers under way the last that was asked for counts. */
  async load() {
    const asked = ++this.asked;
    const before = new Map(this.known);
    const url = this.search ? `/pages/calls?search=${encodeURIComponent(this.search.replace(/\p{Surrogate}/gu, ""))}` : "/pages/calls";
    try {
      const answer = await this.world.fetch(url);
      if (asked !== this.asked) return;
      if (!answer.ok) return this.set({ kind: "refused", status: answer.status }, true);
      const listing = listingOf(await answer.json());
      if (asked !== this.asked) return;
      const isNewRun = this.isNewRun(listing, before);
      if (isNewRun) this.known.clear();
      for (const row of listing.rows) this.known.set(row.seq, row.receivedAt);
      if (this.source?.readyState === CLOSED) this.lost(true);
      else this.set({ kind: "connected" });
      this.heard.listing(listing, isNewRun);
    } catch {
      if (asked === this.asked) this.lost(true);
    }
  }

  /** Whether a list is of another run of the sandbox. @param {import("./list-model.js").Listing} listing @param {Map<number, string>} before */
  isNewRun(listing, before) {
    const highest = Math.max(0, ...before.keys());
    return listing.seq < highest || listing.rows.some((row) => (before.get(row.seq) ?? row.receivedAt) !== row.receivedAt);
  }

  /** @param {EventSource} source */
  failed(source) {
    if (source !== this.source) return;
    if (source.readyState === CLOSED) void this.load(); // the browser does not try again, nor say why: the list's answer does
    else this.lost(false);
  }

  /** @param {boolean} isAgain whether to begin again ourselves */
  lost(isAgain) {
    const since = this.state.kind === "lost" ? this.state.since : this.world.now();
    this.set({ kind: "lost", since }, isAgain);
  }

  /** @param {State} state @param {boolean} [isAgain] */
  set(state, isAgain = false) {
    this.state = state;
    this.heard.state(state);
    if (!isAgain) return;
    this.world.cancel(this.again);
    this.again = this.world.later(() => this.start(), AGAIN_MS);
  }
}
