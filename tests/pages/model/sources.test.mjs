import assert from "node:assert/strict";
import { test } from "node:test";
import { callOf } from "../../../src/roark_otel/pages/static/model.js";
import { cutAt, generatedFor, sourceOf, timedWords } from "../../../src/roark_otel/pages/static/sources.js";
import { call, recorded, said, span } from "./making.mjs";

const only = (entry, spans) => {
  const found = call([entry], { spans });
  return { found, row: found.rows[0], source: sourceOf(found.spans, found.rows[0]) };
};

test("an entry's span is the one that its payload names", () => {
  const spans = [span("agent_speaking", 100, 900), { ...span("llm", 0, 90), spanId: "00f067aa0ba902b7" }];
  for (const span_id of ["00f067aa0ba902b7", "00F067AA0BA902B7"]) {
    const { source } = only(said("AGENT", 100, 900, "hi", { payload: { span_id } }), spans);
    assert.deepEqual([source.how, source.spans.map((one) => one.name)], ["named", ["llm"]]);
  }
});

test("a span that it names and the trace lacks is not replaced by a guess", () => {
  const { source } = only(said("AGENT", 100, 900, "hi", { payload: { span_id: "ffffffffffffffff" } }), [span("agent_speaking", 100, 900)]);
  assert.deepEqual(source, { spans: [], how: "named", named: "ffffffffffffffff" });
});

test("a match in time is said to be one", () => {
  assert.equal(only(said("AGENT", 100, 900), [span("agent_speaking", 101.5, 950)]).source.how, "time");
  assert.equal(only(said("AGENT", 100, 900), [span("agent_speaking", 110, 900)]).source.how, "none");
  assert.equal(only(said("AGENT", 100, 900), [span("llm", 100, 400)]).source.how, "none");
  assert.equal(only(said("AGENT", 100, 900, "hi", { payload: { span_id: 7 } }), [span("agent_speaking", 100, 900)]).source.how, "time");
});

test("what was generated is found below the span that is named, and by likeness is said to be so", () => {
  const spans = [span("agent_turn", 0, 900), { ...span("llm_node", 0, 90), parentSpanId: "agent_turn 0", attributes: { "lk.response.text": "One two three four five." } }];
  const named = only(said("AGENT", 100, 900, "One two", { payload: { span_id: "agent_turn 0", interrupted: true } }), spans);
  assert.deepEqual([generatedFor(named.found.spans, named.row).words, generatedFor(named.found.spans, named.row).how], ["One two three four five.", "named"]);
  const alike = only(said("AGENT", 100, 900, "One, two"), spans);
  assert.equal(generatedFor(alike.found.spans, alike.row).how, "likeness");
  const other = only(said("AGENT", 100, 900, "Nine ten"), spans);
  assert.equal(generatedFor(other.found.spans, other.row), null);
  const all = only(said("AGENT", 100, 900, "one two three four five"), spans);
  assert.equal(generatedFor(all.found.spans, all.row), null);
});

test("every framework's way of keeping generated words is read", () => {
  const message = JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "Hello there, how are you?" }] }]);
  for (const [name, attributes] of [
    ["llm_request", { "gen_ai.output.messages": message }], ["llm", { output: "Hello there, how are you?" }], ["tts", { text: "Hello there, how are you?" }],
    ["tts_request", { "lk.pii.input_text": "Hello there, how are you?" }], ["llm_node", { "lk.pii.response.text": "Hello there, how are you?" }],
  ]) {
    const { found, row } = only(said("AGENT", 100, 900, "Hello there"), [span(name, 0, 90, { attributes })]);
    assert.equal(generatedFor(found.spans, row)?.words, "Hello there, how are you?", name);
  }
  for (const broken of ["{", "[1]", 5, null, "[[]]", '[{"parts":5}]']) {
    const { found, row } = only(said("AGENT", 100, 900, "Hello"), [span("llm", 0, 90, { attributes: { "gen_ai.output.messages": broken } })]);
    assert.equal(generatedFor(found.spans, row), null);
  }
});

test("generated words are cut after those that were heard", () => {
  assert.deepEqual(cutAt("This is", "This is, indeed, long."), ["This is,", " indeed, long."]);
  assert.deepEqual(cutAt("", "All of it"), ["", "All of it"]);
  assert.deepEqual(cutAt("Grüß Gott", "grüß gott! Wie geht's?"), ["grüß gott!", " Wie geht's?"]);
});

test("interruptions of recorded calls show what was never heard", () => {
  const cut = recorded().filter((one) => /interruption/.test(one.name)).flatMap((one) => {
    const found = callOf(one);
    return found.interruptions.map((row) => generatedFor(found.spans, row)).filter(Boolean);
  });
  assert.ok(cut.length >= 3, `${cut.length}`);
});

test("words are heard by their share of the characters, or when the payload says", () => {
  const row = (payload) => call([said("AGENT", 1000, 2000, "aaaa bbbbb", { payload })]).rows[0];
  assert.deepEqual(timedWords(row({})), [{ word: "aaaa ", at: 1000 }, { word: "bbbbb", at: 1500 }]);
  const words = [{ text: "aaaa", startOffsetMs: 1000 }, { text: "bbbbb", startOffsetMs: 1800 }];
  assert.deepEqual(timedWords(row({ words })).map((one) => one.at), [1000, 1800]);
  assert.deepEqual(timedWords(row({ words: [{ text: "aaaa" }] })).map((one) => one.at), [1000, 1500]);
  assert.equal(timedWords(row({})).map((one) => one.word).join(""), "aaaa bbbbb");
});
