// @ts-check
/** The keyboard: moving among entries, playing, searching, and the list of keys. */

import { h } from "./dom.js";

/** @type {[string, string][]} */
const KEYS = [
  ["space", "play, pause"], ["j k ↓ ↑", "next, previous entry"], ["i", "next interruption"], ["s", "next slow answer"],
  ["e", "next error"], ["← →", "one second back, on"], ["+ − 0", "zoom in, out, whole call"], ["/", "search"], ["?", "these keys"],
  ["shift", "with i, s, e: the one before"],
];

/** @param {string} text */
const caps = (text) => text.split(" ").map((one) => [h("kbd", {}, one), " "]);

export function foot() {
  return h("p", { class: "foot" }, KEYS.slice(0, 6).concat(KEYS.slice(8, 9)).map(([key, says]) => h("span", {}, caps(key), says)));
}

/**
 * @param {import("./state.js").State} state @param {import("./call-list.js").List} list
 * @param {() => void} toggle @param {HTMLInputElement} search
 */
export function keys(state, list, toggle, search) {
  const { rows, interruptions, answers, failures, said } = state.call;
  const slow = answers.filter((row) => row.wait?.slow);
  const cuts = [...new Set([...interruptions, ...said.filter((row) => row.over)])].sort((a, b) => a.at - b.at);
  const help = h("dialog", { "aria-label": "keys" },
    h("h2", {}, "Keys"), h("dl", { class: "keys" }, KEYS.map(([key, says]) => [h("dt", {}, caps(key)), h("dd", {}, says)])),
    h("form", { method: "dialog" }, h("button", { class: "btn" }, "Close")));

  const go = (/** @type {import("./model.js").Row[]} */ among, /** @type {boolean} */ back) => {
    const at = state.row?.at ?? -1;
    const next = back ? among.findLast((row) => row.at < at) : among.find((row) => row.at > at);
    if (!next) return;
    list.focus(next);
    state.pick(next);
  };
  /** @type {Record<string, (event: KeyboardEvent) => void>} */
  const does = {
    " ": toggle,
    j: () => go(rows, false), ArrowDown: () => go(rows, false), k: () => go(rows, true), ArrowUp: () => go(rows, true),
    i: (event) => go(cuts, event.shiftKey), s: (event) => go(slow, event.shiftKey), e: (event) => go(failures, event.shiftKey),
    ArrowLeft: () => state.seek(state.now - 1000), ArrowRight: () => state.seek(state.now + 1000),
    "+": () => state.zoom(0.6), "=": () => state.zoom(0.6), "-": () => state.zoom(1 / 0.6), "0": () => state.look(0, state.length),
    "/": () => search.focus(), "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    const { target, key } = event;
    const typing = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
    if (typing || event.metaKey || event.ctrlKey || event.altKey || help.open) return;
    if (key === " " && target instanceof HTMLElement && target.closest("button:not(.row), summary, a")) return;
    if (key.startsWith("Arrow") && target instanceof HTMLElement && target.closest("pre, .side")) return;
    const act = does[key.length === 1 && event.shiftKey ? key.toLowerCase() : key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
  return help;
}

/**
 * A field that goes from entry to entry that has the words, and says how many there are.
 * @param {import("./state.js").State} state @param {import("./call-list.js").List} list
 */
export function finder(state, list) {
  const found = h("span", { class: "hint", role: "status" });
  const field = h("input", { type: "search", placeholder: "search this call", "aria-label": "search this call", autocomplete: "off" });
  /** @type {Map<import("./model.js").Row, string>} */
  const texts = new Map();
  const textOf = (/** @type {import("./model.js").Row} */ row) => {
    const known = texts.get(row) ?? `${row.words} ${row.name} ${row.kind === "used" ? JSON.stringify(row.posted) : ""}`.toLowerCase();
    texts.set(row, known);
    return known;
  };
  const matches = () => {
    const wanted = field.value.trim().toLowerCase();
    return wanted ? state.call.rows.filter((row) => textOf(row).includes(wanted)) : [];
  };
  const say = (/** @type {import("./model.js").Row[]} */ all) => {
    const at = state.row ? all.indexOf(state.row) + 1 : 0;
    found.textContent = !field.value.trim() ? "" : all.length ? `${at || "–"} of ${all.length}` : "not in this call";
  };
  const go = (/** @type {boolean} */ back, /** @type {boolean} */ stay) => {
    const all = matches();
    const at = state.row?.at ?? -1;
    const next = back ? all.findLast((row) => row.at < at) ?? all.at(-1) : all.find((row) => (stay ? row.at >= at : row.at > at)) ?? all[0];
    if (next) {
      list.button(next);
      state.pick(next);
    }
    say(all);
  };
  field.addEventListener("input", () => go(false, true));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(event.shiftKey, false);
    if (event.key === "Escape") field.blur();
  });
  return { field, found };
}
