// @ts-check
/** What is asked of the list: a search, and filters. Both are in the address. */

import { h, put } from "./dom.js";
import { number } from "./format.js";
import { FILTERS } from "./list-model.js";

const SEARCH_MS = 200;

export class Asking {
  /** @param {{search: (words: string) => void, filter: () => void}} changed */
  constructor(changed) {
    this.changed = changed;
    const asked = new URLSearchParams(location.search);
    const keys = (asked.get("filter") ?? "").split(",");
    /** Which filters are set, by their keys. */
    this.filters = new Set(keys.filter((key) => FILTERS.some((one) => one.key === key)));
    this.typing = 0;
    this.search = h("input", {
      type: "search", placeholder: "words, id, number, tool…", "aria-label": "search in words, ids, numbers and tools",
      "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false", oninput: () => this.typed(),
    });
    this.search.value = asked.get("search") ?? "";
    this.all = h("button", { class: "btn", type: "button", onclick: () => this.set([]) }, "all");
    this.buttons = FILTERS.map(({ key, label, title }) =>
      h("button", { class: "btn", type: "button", title, onclick: () => this.toggle(key) }, label, " ", h("small")));
    const group = h("div", { class: "filters", role: "group", "aria-label": "filters" }, this.all, this.buttons);
    this.element = h("div", { class: "asking", role: "search" }, this.search, group);
  }

  /** What is looked for; empty for everything. */
  get words() {
    return this.search.value.trim();
  }

  /** The filters that are set, as people read them. */
  get labels() {
    return FILTERS.filter(({ key }) => this.filters.has(key)).map(({ label }) => label);
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.look(), SEARCH_MS);
  }

  /** Looks for other words. @param {string} [words] those that were typed, if not given */
  look(words = this.words) {
    if (words !== this.words) this.search.value = words;
    this.remember();
    this.changed.search(words);
  }

  /** @param {string} key */
  toggle(key) {
    this.set(this.filters.has(key) ? [...this.filters].filter((one) => one !== key) : [...this.filters, key]);
  }

  /** @param {readonly string[]} keys */
  set(keys) {
    this.filters = new Set(keys);
    this.remember();
    this.changed.filter();
  }

  remember() {
    const query = new URLSearchParams();
    if (this.words) query.set("search", this.words);
    if (this.filters.size) query.set("filter", [...this.filters].join(","));
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  }

  /** Shows which filters are set, and how many rows each would leave. @param {readonly import("./list-model.js").Row[]} rows */
  draw(rows) {
    this.buttons.forEach((button, i) => {
      const { key = "", asks = () => false } = FILTERS[i] ?? {};
      button.setAttribute("aria-pressed", String(this.filters.has(key)));
      put(/** @type {Element} */ (button.lastElementChild), number(rows.filter(asks).length));
    });
    this.all.setAttribute("aria-pressed", String(!this.filters.size));
  }
}
