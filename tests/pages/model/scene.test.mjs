import assert from "node:assert/strict";
import { test } from "node:test";
import { callOf } from "../../../src/roark_otel/pages/static/model.js";
import { density, sceneOf } from "../../../src/roark_otel/pages/static/scene.js";
import { State } from "../../../src/roark_otel/pages/static/state.js";
import { call, recorded, said, span, used } from "./making.mjs";

const whole = (found, width = 1000, sound = null) => sceneOf(found, { from: 0, to: found.length }, width, sound);
const boxes = (scene) => scene.shapes.filter((shape) => shape.type === "box");
const texts = (scene) => scene.shapes.filter((shape) => shape.type === "text");
const meet = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** Many short turns with waits between. */
const busy = (n) => call(Array.from({ length: n }, (_, i) => (i % 2 ? said("AGENT", i * 1000 + 700, i * 1000 + 990) : said("CUSTOMER", i * 1000, i * 1000 + 950))),
  { tools: Array.from({ length: n }, (_, i) => used(`a_tool_with_a_long_name_${i}`, i * 500, i * 500 + 400, i % 2 ? "ok" : { error: "no" })) });

test("labels of waits meet no bar and no other label, in any call at any width", () => {
  const calls = [...recorded().map(callOf), busy(20), busy(80), busy(400)];
  for (const found of calls) {
    for (const width of [300, 358, 700, 1000, 1400]) {
      const scene = whole(found, width);
      const waits = texts(scene).filter((one) => / ms$/.test(one.text));
      const agents = boxes(scene).filter((box) => box.row?.who === "agent");
      waits.forEach((label, i) => {
        assert.ok(!agents.some((bar) => meet(label, bar)), `${found.body.externalId} ${width}: ${label.text}`);
        assert.ok(!waits.slice(i + 1).some((other) => meet(label, other)));
      });
    }
  }
});

test("names of tools meet no bar of another tool and no other name", () => {
  for (const found of [...recorded().map(callOf), busy(20), busy(80)]) {
    for (const width of [358, 1000]) {
      const scene = whole(found, width);
      const bars = boxes(scene).filter((box) => box.row?.kind === "used");
      const names = texts(scene).filter((one) => one.color === "--tool" || one.color === "--bad").filter((one) => one.text !== "tools");
      names.forEach((name, i) => {
        const others = bars.filter((bar) => bar.x > name.x + 1 || bar.x + bar.w < name.x - 5);
        assert.ok(!others.some((bar) => meet(name, bar)), `${found.body.externalId} ${width}: ${name.text}`);
        assert.ok(!names.slice(i + 1).some((other) => meet(name, other)));
      });
    }
  }
});

test("a slow wait is hatched in another colour, and is labelled slow", () => {
  const scene = whole(call([said("CUSTOMER", 0, 1000), said("AGENT", 2500, 4000), said("CUSTOMER", 4500, 5000), said("AGENT", 5400, 6000)]));
  assert.deepEqual(boxes(scene).filter((box) => box.hatch).map((box) => box.fill), ["--slow", "--dim"]);
  assert.deepEqual(texts(scene).filter((one) => / ms$/.test(one.text)).map((one) => one.text), ["slow: 1,500 ms", "400 ms"]);
});

test("both talking is a band over both lanes, and who was cut off has a torn edge", () => {
  const scene = whole(call([said("AGENT", 0, 2000), said("CUSTOMER", 1800, 3000)]));
  const band = boxes(scene).find((box) => box.fill === "--overlap");
  const [agent, customer] = ["agent", "customer"].map((who) => boxes(scene).find((box) => box.row?.who === who));
  assert.ok(band.y < customer.y && band.y + band.h > agent.y + agent.h);
  const torn = scene.shapes.filter((shape) => shape.type === "line" && shape.points.length > 2);
  assert.deepEqual(torn.map((line) => line.points[0][0]), [agent.x + agent.w]);
});

test("stages that run side by side are strips of their own", () => {
  const scene = whole(call([said("AGENT", 0, 2000)], { spans: [span("llm", 100, 900), span("tts", 500, 1000), span("other", 0, 1500)] }));
  const strips = boxes(scene).filter((box) => box.h === 5);
  assert.deepEqual(strips.map((box) => box.title()), ["LLM: llm, 800 ms", "TTS: tts, 500 ms"]);
  assert.notEqual(strips[0].y, strips[1].y);
});

test("sound is drawn within the entries that claim it, and grey where none does", () => {
  const peaks = new Float32Array(400).fill(0.5);
  const sound = { customer: new Float32Array(400), agent: peaks, mono: false, length: 4000 };
  const waves = whole(call([said("AGENT", 0, 1000), said("CUSTOMER", 3800, 4000)]), 1000, sound).shapes.filter((shape) => shape.type === "wave");
  const [grey] = waves.filter((wave) => wave.color === "--dim");
  const claimed = waves.find((wave) => wave.color === "--agent");
  assert.ok(grey.at[0][0] > claimed.at.at(-1)[0]);
});

test("only what is in the window is drawn", () => {
  const found = busy(2000);
  assert.ok(boxes(sceneOf(found, { from: 100_000, to: 120_000 }, 1000, null)).length < 120);
  assert.ok(boxes(whole(found)).length > 2000);
});

test("the axis has a few marks, however long or short a call says that it was", () => {
  for (const end of [0, 1, 90, 5000, 3_600_000, 2 ** 40, 2 ** 52]) {
    const marks = whole(call([said("AGENT", 0, end)])).shapes.filter((shape) => shape.type === "line");
    assert.ok(marks.length >= 1 && marks.length < 20, `${end}: ${marks.length}`);
  }
});

test("density is the share of time that is spoken", () => {
  const rows = call([said("AGENT", 0, 1500), said("AGENT", 500, 1000), said("AGENT", 3000, 4000)]).said;
  assert.deepEqual([...density(rows, 4000, 4)], [1, 0.5, 0, 1]);
});

test("a long call is opened at a window of it, which moves with the entry and the moment", () => {
  const state = new State(busy(400));
  assert.ok(state.zoomed && state.view.from === 0);
  state.pick(state.call.rows.at(-1));
  assert.ok(state.view.to >= state.call.rows.at(-1).start && state.view.to <= state.length);
  state.seek(0);
  assert.equal(state.view.from, 0);
  const before = state.view.to - state.view.from;
  state.zoom(0.5);
  assert.ok(Math.abs(state.view.to - state.view.from - before / 2) < 1);
  state.zoom(1e9);
  assert.deepEqual([state.view.from, state.view.to, state.zoomed], [0, state.length, false]);
  assert.equal(new State(busy(40)).zoomed, false);
});

test("the entry at a moment is the last that had begun", () => {
  const state = new State(call([said("AGENT", 0, 1000), said("CUSTOMER", 1500, 2000)]));
  assert.deepEqual([-5, 0, 1498, 1499, 9e9].map((at) => state.rowAt(at)?.start), [0, 0, 0, 1500, 1500]);
  assert.equal(new State(call([])).rowAt(5), null);
});
