// @ts-check
/** The bar above every page, and the switch between light and dark. */

import { h } from "./dom.js";

const KEY = "roark-otel-theme";

/** What the reader chose before; from a file some browsers keep nothing. */
function chosen() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function isDark() {
  const set = document.documentElement.dataset["theme"];
  return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Sets the theme that was chosen; without a choice it is the system's. */
export function applyTheme() {
  const theme = chosen();
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is left.
  }
  dispatchEvent(new Event("themechange"));
}

/**
 * Makes the bar.
 * @param {import("./dom.js").Kid} crumbs what follows the name: links and text
 * @param {...import("./dom.js").Kid} buttons
 */
export function topBar(crumbs, ...buttons) {
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main" }, "Skip to content"),
    h("nav", { "aria-label": "where you are" }, crumbs),
    h("span", { class: "space" }),
    buttons,
    h("button", { class: "btn icon", type: "button", "aria-label": "light or dark", title: "light or dark", onclick: switchTheme }, "◐"),
  );
}
