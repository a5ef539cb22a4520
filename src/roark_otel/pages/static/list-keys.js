// @ts-check
/** The keys of the list, and what says so. */

import { h } from "./dom.js";

const KEYS = [
  ["/", "search"], ["j k", "next, previous"], ["Enter", "open"], ["x", "choose for a comparison"],
  ["c", "compare the two"], ["n", "show new rows"], ["?", "these keys"],
];

/** What has a key of its own while it is focused. */
const WRITING = "input:not([type=checkbox]), textarea, select";

/**
 * @typedef {object} Acts
 * @property {HTMLInputElement} search
 * @property {HTMLElement} list
 * @property {(link: HTMLElement | null) => void} pick
 * @property {() => void} compare
 * @property {() => void} news
 */

/** The names of rows that are shown. @param {HTMLElement} list */
const links = (list) => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".row:not([hidden]) a.name")]);

/** The name in the row that has the focus. @param {HTMLElement} list */
const current = (list) => /** @type {HTMLElement | null} */ (document.activeElement?.closest(".row")?.querySelector("a.name") ?? null);

/** @param {HTMLElement} list @param {number} by */
function move(list, by) {
  const all = links(list);
  const from = current(list);
  all[from ? all.indexOf(from) + by : 0]?.focus();
}

/** Clears the search first, as browsers do, and leaves it then. @param {HTMLInputElement} search @param {Event} event */
function leave(search, event) {
  event.preventDefault();
  if (!search.value) return search.blur();
  search.value = "";
  search.dispatchEvent(new Event("input"));
}

/** @param {Acts} acts @returns {HTMLDialogElement} what lists the keys */
export function listenToKeys({ search, list, pick, compare, news }) {
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { class: "keys", "aria-label": "keys" },
    h("dl", { class: "kv" }, KEYS.map(([key = "", does]) => [h("dt", {}, key.split(" ").map((one) => [h("kbd", {}, one), " "])), h("dd", {}, does)])),
    h("button", { class: "btn", type: "button", onclick: () => dialog.close() }, "Close"),
  );
  /** @type {Record<string, () => void>} */
  const does = {
    "/": () => search.focus(),
    j: () => move(list, 1),
    k: () => move(list, -1),
    ArrowDown: () => move(list, 1),
    ArrowUp: () => move(list, -1),
    x: () => pick(current(list)),
    c: compare,
    n: news,
    "?": () => dialog.showModal(),
  };
  addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
    if (target instanceof Element && target.matches(WRITING)) {
      if (event.key === "Escape" && target === search) leave(search, event);
      return;
    }
    const isArrow = event.key.startsWith("Arrow");
    const act = Object.hasOwn(does, event.key) ? does[event.key] : undefined;
    if (!act || (isArrow && !current(list))) return; // else arrows scroll
    event.preventDefault();
    act();
  });
  return dialog;
}
