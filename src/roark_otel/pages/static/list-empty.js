// @ts-check
/** What stands where there is no call yet: how to send one, and what has arrived so far. */

import { h, put } from "./dom.js";
import { scopesText, spansText } from "./list-model.js";

/** The lines to set for an app. @param {string} address of the sandbox */
export const exportsOf = (address) => [
  "export ROARK_API_KEY=anything",
  `export ROARK_BASE_URL=${address}`,
  `export ROARK_RECORDING_URL_TEMPLATE='${address}/recordings/{external_id}.wav'`,
];

/** @param {string} address */
export function teaching(address) {
  const lines = exportsOf(address).join("\n");
  const code = h("pre", { tabindex: 0, "aria-label": "the lines to set" }, lines);
  const copied = h("span", { role: "status", class: "dim" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(lines);
      put(copied, "copied");
    } catch {
      getSelection()?.selectAllChildren(code); // a page at a public address may not copy
      put(copied, "selected: copy them with the keyboard");
    }
  };
  const line = h("p", { class: "arrived", role: "status" });
  const element = h(
    "section",
    { class: "panel teach", "aria-labelledby": "teach" },
    h("h2", { id: "teach" }, "No call yet"),
    h("p", {}, "Set these for your app, and its calls arrive here:"),
    h("div", { class: "lines" }, code, h("button", { class: "btn", type: "button", onclick: () => void copy() }, "Copy")),
    copied,
    h("p", {}, "With ", h("code", {}, "ROARK_EXPORT_TRACES=true"), " their spans arrive too, and a call's page says why the customer waited."),
    h("p", {}, "Two calls to look at, without an app: ", h("code", {}, "roark-otel demo --open")),
    line,
  );
  /** @param {import("./list-model.js").Spans} spans */
  const show = (spans) => {
    const scopes = scopesText(spans);
    line.classList.toggle("note", spans.withoutId > 0);
    put(
      line,
      spansText(spans, address),
      spans.arrived > 0 && scopes && ` (${scopes})`,
      spans.withoutId > 0 && [
        ". Set it on a span of the conversation: ",
        h("code", {}, 'with call_attributes(external_id="call-1"): …'),
      ],
    );
  };
  return { element, show };
}
