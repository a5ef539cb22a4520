// @ts-check
/** What was said and done, as a list of buttons. Of a long call only the pieces near what is seen are in the page. */

import { h, put } from "./dom.js";
import { bounded, clock, count, inline, ms, seconds } from "./format.js";
import { issuesByRow } from "./facts.js";
import { timedWords } from "./sources.js";
import { longestOf, stagesOf } from "./waits.js";

/** @typedef {import("./model.js").Row} Row */

const PIECE = 60;
/** Up to this many entries, all are in the page, where the browser's own search finds them. */
const ALL = 240;
const ROW_PX = 46;
const MOST_OF_TOOL = 400;
/** Words of a longer text are not followed one by one. */
const MOST_FOLLOWED = 10_000;

export class List {
  /** @param {import("./state.js").State} state @param {HTMLElement} side what is known of the entry that is picked */
  constructor(state, side) {
    this.state = state;
    this.side = side;
    this.issues = issuesByRow(state.call);
    this.narrow = matchMedia("(max-width: 900px)");
    /** @type {Map<Row, HTMLButtonElement>} */
    this.buttons = new Map();
    /** Whether the reader has picked an entry: on a phone what is known of it opens below it. */
    this.opened = false;
    const { rows } = state.call;
    this.pieces = Array.from({ length: Math.ceil(rows.length / PIECE) }, (_, i) => this.#piece(i));
    /** Calls of an hour and more have no room for tenths of seconds. */
    this.hours = state.call.length >= 3_600_000;
    this.element = h("div", { class: this.hours ? "list hours" : "list", role: "group", "aria-label": "transcript" }, this.pieces);
    if (!rows.length) put(this.element, h("p", { class: "empty" }, "Nothing was said, and no tool was used."));
    this.#window(rows.length <= ALL);
    state.on("row", () => this.#mark());
    state.on("now", () => this.#speak());
    this.narrow.addEventListener("change", () => this.#place());
    addEventListener("beforeprint", () => this.pieces.forEach((piece) => this.#fill(piece)));
  }

  /** @param {number} i */
  #piece(i) {
    const rows = this.state.call.rows.slice(i * PIECE, (i + 1) * PIECE);
    return h("ol", { start: i * PIECE + 1, "data-piece": i, "aria-hidden": "true", style: { "min-height": `${rows.length * ROW_PX}px` } });
  }

  /** @param {boolean} whole */
  #window(whole) {
    if (whole) return this.pieces.forEach((piece) => this.#fill(piece));
    const watch = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        const piece = /** @type {HTMLOListElement} */ (target);
        if (isIntersecting) this.#fill(piece);
        else this.#empty(piece);
      }
    }, { rootMargin: "1200px 0px" });
    if (this.pieces[0]) this.#fill(this.pieces[0]);
    for (const piece of this.pieces) watch.observe(piece);
  }

  /** @param {HTMLOListElement} piece */
  #rows(piece) {
    const i = Number(piece.dataset["piece"]);
    return this.state.call.rows.slice(i * PIECE, (i + 1) * PIECE);
  }

  /** @param {HTMLOListElement} piece */
  #fill(piece) {
    if (piece.childElementCount) return;
    put(piece, this.#rows(piece).map((row) => [this.#gap(row), this.#row(row)]));
    piece.style.setProperty("min-height", "0");
    piece.removeAttribute("aria-hidden");
    if (this.state.row && this.#rows(piece).includes(this.state.row)) this.#mark(false);
  }

  /** @param {HTMLOListElement} piece */
  #empty(piece) {
    const held = piece.contains(document.activeElement) || (this.state.row !== null && this.#rows(piece).includes(this.state.row));
    if (!piece.childElementCount || held) return;
    piece.style.setProperty("min-height", `${piece.offsetHeight}px`);
    for (const row of this.#rows(piece)) this.buttons.delete(row);
    piece.setAttribute("aria-hidden", "true"); // an empty list is nothing to hear of
    put(piece);
  }

  /** The wait or the pause before an entry. @param {Row} row */
  #gap(row) {
    const { wait, pause } = row;
    if (!wait && !pause) return null;
    if (pause) return h("li", { class: "gap" }, h("span", {}, h("b", {}, ms(pause.to - pause.from)), " until the customer speaks"));
    if (!wait) return null;
    const longest = longestOf(stagesOf(this.state.call, wait.from, wait.to));
    const share = Math.round((100 * longest.ms) / wait.ms);
    return h("li", { class: wait.slow ? "gap slow" : "gap" },
      h("span", {}, h("b", {}, ms(wait.ms)), " until the agent answers", wait.slow && ", slow", share >= 30 && `: ${share} % ${longest.label}`));
  }

  /** @param {Row} row */
  #row(row) {
    const who = row.who === "other" ? row.name : row.who;
    const button = h("button", { class: `row ${row.kind}`, type: "button", onclick: () => this.#picked(row) },
      h("span", { class: "at" }, this.hours ? seconds(row.start) : clock(row.start, 1)),
      h("span", { class: `who ${row.who}` }, who, row.who !== "tool" && row.who !== "other" && row.name && h("small", {}, h("bdi", {}, row.name))),
      h("span", { class: "body" }, row.kind === "said" ? this.#said(row) : used(row), this.#chips(row)));
    this.buttons.set(row, button);
    return h("li", {}, button);
  }

  /** @param {Row} row */
  #said(row) {
    const nothing = !row.words.trim();
    return h("span", { class: nothing ? "words none" : "words", dir: "auto", lang: languageOf(row.posted.languageCode) },
      nothing ? "sent without its words" : bounded(row.words), row.cut && !nothing && h("span", { class: "cut" }, " —"));
  }

  /** @param {Row} row */
  #chips(row) {
    const { over, cut, payload } = row;
    const confidence = payload.confidence;
    const chips = [
      over && h("span", { class: "chip bad" }, `╋ ${row.who === "customer" ? "barge-in" : "talks over"}, ${ms(over.to - over.from)} over the ${over.whom}`),
      cut && h("span", { class: "chip" }, "cut off"),
      typeof confidence === "number" && confidence < 0.8 && h("span", { class: "chip slow" }, `heard with confidence ${confidence}`),
      ...(this.issues.get(row.path) ?? []).map((issue) => h("span", { class: "chip bad" }, `✕ ${issue.field}: ${issue.message}`)),
    ].filter(Boolean);
    return chips.length > 0 && h("span", { class: "chips" }, chips);
  }

  /** @param {Row} row */
  #picked(row) {
    if (this.narrow.matches && this.opened && this.state.row === row) {
      this.opened = false; // a second tap closes it
      return this.#place();
    }
    this.opened = true;
    this.state.pick(row);
  }

  /** Shows which entry is picked. @param {boolean} [scroll] */
  #mark(scroll = true) {
    for (const one of this.element.querySelectorAll("[aria-current]")) one.removeAttribute("aria-current");
    const button = this.button(this.state.row);
    button?.setAttribute("aria-current", "true");
    this.#place();
    if (scroll) button?.scrollIntoView({ block: "nearest" });
  }

  /** On a narrow screen what is known of an entry stands below it. */
  #place() {
    const button = this.state.row && this.buttons.get(this.state.row);
    if (this.narrow.matches && this.opened && button) button.after(this.side);
    else if (this.narrow.matches) this.side.remove();
    else if (this.side.previousSibling !== this.element.parentElement) this.element.parentElement?.after(this.side);
  }

  /** The button of an entry, made if it is not in the page. @param {Row | null} row */
  button(row) {
    if (!row) return undefined;
    const piece = this.pieces[Math.floor(row.at / PIECE)];
    if (piece) this.#fill(piece);
    return this.buttons.get(row);
  }

  /** @param {Row} row */
  focus(row) {
    this.opened ||= !this.narrow.matches;
    this.button(row)?.focus({ preventScroll: true });
  }

  /** Words that have been heard so far are underlined, while there is sound. */
  #speak() {
    const { now } = this.state;
    const isNow = (/** @type {Row} */ row) => this.speaking && row.words !== "" && row.words.length <= MOST_FOLLOWED && now >= row.start && now < row.end;
    for (const row of this.#heard) {
      if (isNow(row)) continue;
      this.#heard.delete(row);
      this.buttons.get(row)?.querySelector(".words")?.replaceWith(this.#said(row));
    }
    if (!this.speaking) return;
    for (const [row, button] of this.buttons) {
      const words = isNow(row) && button.querySelector(".words");
      if (!words) continue;
      this.#heard.add(row);
      follow(words, row, now);
    }
  }

  /** Entries whose words are followed now. @type {Set<Row>} */
  #heard = new Set();

  /** Set by the player. */
  speaking = false;
}

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });

/** A language that there is; screen readers speak in it. @param {unknown} code */
function languageOf(code) {
  try {
    return typeof code === "string" && LANGUAGES.of(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Element} words @param {Row} row @param {number} now */
function follow(words, row, now) {
  if (!words.firstElementChild?.classList.contains("word")) {
    put(words, timedWords(row).map(({ word, at }) => h("span", { class: "word", "data-at": at }, word)));
  }
  for (const word of words.querySelectorAll(".word")) word.classList.toggle("heard", Number(word.getAttribute("data-at")) <= now);
}

/** @param {Row} row */
function used(row) {
  const given = Object.entries(row.posted.parameters ?? {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(", ");
  const result = row.failed ? inline(row.posted.result.error) : inline(row.posted.result);
  return h("span", { class: "words" },
    h("code", { dir: "auto" }, short(`${row.name}(${given})`)),
    h("code", { class: row.failed ? "result bad" : "result", dir: "auto" },
      `${row.failed ? "✕" : "→"} ${short(result)}`, row.ended && `  ${ms(row.end - row.start)}`));
}

/** @param {string} text */
const short = (text) => (text.length > MOST_OF_TOOL ? `${text.slice(0, MOST_OF_TOOL)}… (${count(text.length, "character")})` : text);
