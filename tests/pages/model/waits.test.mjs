import assert from "node:assert/strict";
import { test } from "node:test";
import { isTogether, longestOf, stagesOf } from "../../../src/roark_otel/pages/static/waits.js";
import { callOf } from "../../../src/roark_otel/pages/static/model.js";
import { recorded, span, used, waited } from "./making.mjs";

const stages = (spans, tools) => Object.fromEntries(stagesOf(waited(spans, tools), 1000, 2000).map((one) => [one.label, one]));
const times = (spans, tools) => Object.fromEntries(Object.entries(stages(spans, tools)).map(([label, one]) => [label, one.ms]));

test("stages that run side by side keep their own times, and nothing is summed", () => {
  const found = times([span("eou_wait", 1000, 1800), span("llm_node", 1300, 1900), span("tts_node", 1850, 2400)]);
  assert.deepEqual(found, { "end of turn": 800, LLM: 600, TTS: 150 });
  assert.equal(longestOf(Object.values(stages([span("eou_wait", 1000, 1800), span("llm", 1700, 2000)]))).label, "end of turn");
});

test("stages are said to run side by side only where they do", () => {
  assert.equal(isTogether(Object.values(stages([span("llm", 1000, 1500), span("tts", 1500, 2000)]))), false);
  assert.equal(isTogether(Object.values(stages([span("llm", 1000, 1600), span("tts", 1500, 2000)]))), true);
});

test("what no span covers is untraced, and said to be", () => {
  assert.deepEqual(times([span("stt", 900, 1200), span("tts", 1700, 2100)]), { STT: 200, untraced: 500, TTS: 300 });
  assert.deepEqual(stages([span("llm", 1100, 2000)]).untraced.pieces, [[1000, 1100]]);
  assert.deepEqual(times([span("llm", 1010, 2000)]), { LLM: 990 }, "a step from span to span is none");
});

test("spans within spans of the same stage count once", () => {
  const nested = [span("llm_node", 1000, 1500), { ...span("llm_request", 1100, 1500), parentSpanId: "llm_node 1000" }, span("tts", 1500, 2000)];
  assert.deepEqual(times(nested), { LLM: 500, TTS: 500 });
});

test("a tool that runs while the agent speaks is not on the way to the answer", () => {
  const found = stages([span("eou_wait", 1000, 1900), span("llm_node", 1100, 1300), span("tts_node", 1900, 2000), span("function_tool", 1850, 2600)]);
  assert.equal(found.tool.ms, 0);
  assert.deepEqual(found.tool.beside, [[1850, 2000]]);
});

test("nor is a quick tool during speech that was begun before it was done", () => {
  const found = stages([span("llm", 1000, 1300), span("tts", 1300, 2000), span("execute_tool x", 1350, 1500)]);
  assert.deepEqual([found.tool.pieces, found.tool.beside], [[], [[1350, 1500]]]);
});

test("a tool before the model's second answer is on the way", () => {
  const spans = [span("llm", 1000, 1100), span("llm", 1600, 1800), span("tts", 1800, 2000)];
  assert.deepEqual(times([...spans, span("function_tool", 1100, 1600)]), { LLM: 300, tool: 500, TTS: 200 });
  assert.deepEqual(times(spans, [used("find", 1100, 1600)]), { LLM: 300, tool: 500, TTS: 200 }, "of the call, where no span has it");
});

test("work without a name of its own has its span's; the talk itself and what holds all of it are none", () => {
  const spans = [span("conversation", 0, 9000), span("agent_speaking", 1990, 3000), span("user speech", 0, 1005), span("lookup in cache", 1000, 1400), span("tts", 1400, 2000)];
  assert.deepEqual(times(spans), { "lookup in cache": 400, TTS: 600 });
});

test("operations of conventions count before names", () => {
  const attributes = (name) => ({ attributes: { "gen_ai.operation.name": name } });
  const spans = [span("a", 1000, 1200, attributes("chat")), span("b", 1200, 1500, attributes("execute_tool")), span("c", 1500, 2000, { attributes: { "openinference.span.kind": "LLM" } })];
  assert.deepEqual(times(spans), { LLM: 700, tool: 300 });
});

test("speech that goes on from the answer before does not hide what was waited for", () => {
  assert.deepEqual(times([span("tts", 0, 1100), span("llm", 1200, 1700), span("tts", 1700, 2000)]), { TTS: 400, untraced: 100, LLM: 500 });
});

test("without a trace there are no stages", () => {
  assert.deepEqual(times([], [used("find", 1100, 1600)]), {});
});

test("no stage of a recorded call is longer than its wait, and pieces never meet", () => {
  let seen = 0;
  for (const document of recorded()) {
    const call = callOf(document);
    for (const { wait } of call.answers) {
      for (const stage of stagesOf(call, wait.from, wait.to)) {
        seen++;
        assert.ok(stage.ms <= wait.ms + 1e-6, `${stage.label} of ${document.body.externalId}`);
        stage.pieces.forEach(([from, to], i) => assert.ok(from >= wait.from && to <= wait.to && (i === 0 || from > stage.pieces[i - 1][1])));
      }
    }
  }
  assert.ok(seen > 100);
});
