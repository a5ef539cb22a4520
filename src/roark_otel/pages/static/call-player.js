// @ts-check
/** Plays the recording, and reads its waves. */

import { h, put } from "./dom.js";
import { clock, seconds } from "./format.js";
import { soundOf } from "./facts.js";
import { peaksOf } from "./sound.js";

const RATE = 8000;
/** Waves of a longer recording would take too much memory. */
const LONGEST_WAVE_S = 3600;

/**
 * @param {import("./state.js").State} state @param {import("./call-list.js").List} list
 * @returns {{bar: HTMLElement, toggle: () => void}}
 */
export function player(state, list) {
  const sound = soundOf(state.call);
  const time = h("span", { class: "clock" }, clock(0));
  const hint = h("span", { class: "hint", role: "status" });
  const button = h("button", { class: "play", type: "button", "aria-label": "play", disabled: sound.state !== "here" }, "▶");
  const bar = h("div", { class: "bar" }, button, time, h("span", { class: "dim" }, `/ ${seconds(state.length)}`), hint, legend());
  state.on("now", () => put(time, clock(state.now)));
  if (sound.state === "here") return { bar, toggle: play(state, list, sound.url, button, hint) };
  if (sound.state === "none") put(hint, "no recording URL");
  else {
    const link = h("a", { href: sound.url, rel: "noreferrer noopener", target: "_blank" }, sound.host);
    put(hint, "not played here: the recording is at ", link, ", and this page may load nothing from another host");
  }
  return { bar, toggle: () => {} };
}

const legend = () => h("ul", { class: "legend", "aria-label": "legend" },
  h("li", {}, h("i", { class: "sign waits" }), "the customer waits"), h("li", {}, h("i", { class: "sign both" }), "both talk"),
  h("li", {}, h("i", { class: "sign torn" }, "⌇"), "cut off"), h("li", {}, h("i", { class: "sign grey" }), "sound in no entry"));

/**
 * @param {import("./state.js").State} state @param {import("./call-list.js").List} list
 * @param {string} url @param {HTMLButtonElement} button @param {HTMLElement} hint
 */
function play(state, list, url, button, hint) {
  const audio = h("audio", { src: url, preload: "auto" });
  const fail = (/** @type {string} */ why) => put(hint, why);
  /** @type {number | null} a seek before the sound is known */
  let wanted = null;
  const toggle = () => {
    if (!audio.paused) return audio.pause();
    audio.play().catch((error) => fail(`the sound cannot be played: ${error.message}`));
  };
  const step = () => {
    if (audio.paused) return;
    state.moveTo(audio.currentTime * 1000);
    const current = state.rowAt(state.now);
    if (current && current !== state.row) state.pick(current, { seek: false });
    requestAnimationFrame(step);
  };
  const show = () => {
    list.speaking = !audio.paused;
    put(button, audio.paused ? "▶" : "❚❚");
    button.setAttribute("aria-label", audio.paused ? "play" : "pause");
    state.moveTo(state.now);
    step();
  };
  state.moveSound = (at) => {
    if (audio.readyState > 0) audio.currentTime = at / 1000;
    else wanted = at;
  };
  audio.addEventListener("loadedmetadata", () => {
    if (wanted !== null) audio.currentTime = wanted / 1000;
    wanted = null;
  });
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, show);
  audio.addEventListener("error", () => {
    button.disabled = true;
    fail("the sound cannot be loaded or decoded; the lanes are drawn without it");
  });
  button.addEventListener("click", toggle);
  button.after(audio);
  audio.addEventListener("loadedmetadata", () => {
    if (audio.duration > LONGEST_WAVE_S) return fail("the waves of a recording over an hour are not drawn");
    listen(url).then((peaks) => state.hear(peaks), () => fail("the sound cannot be decoded; the lanes are drawn without its waves"));
  }, { once: true });
  return () => !button.disabled && toggle();
}

/** @param {string} url */
async function listen(url) {
  const bytes = url.startsWith("data:") ? decoded(url) : await (await fetch(url)).arrayBuffer();
  return peaksOf(await new OfflineAudioContext(2, 1, RATE).decodeAudioData(bytes));
}

/** The bytes of a data: URI; a page from disk may fetch none. @param {string} url */
function decoded(url) {
  const text = atob(url.slice(url.indexOf(",") + 1));
  return Uint8Array.from(text, (one) => one.charCodeAt(0)).buffer;
}
