import assert from "node:assert/strict";
import { test } from "node:test";
import { chipsOf, flat, issuesByRow, markedLines, peopleOf, soundOf, warningsOf } from "../../../src/roark_otel/pages/static/facts.js";
import { clock, count, ms, percents, seconds, utc, visible } from "../../../src/roark_otel/pages/static/format.js";
import { callOf } from "../../../src/roark_otel/pages/static/model.js";
import { peaksOf, reduce, unclaimed } from "../../../src/roark_otel/pages/static/sound.js";
import { call, said } from "./making.mjs";

test("control characters, overrides of direction, tags and lone surrogates are seen; letters of any language stay", () => {
  assert.equal(visible("a\u202eb\u0007c\ud800d\u2028\u{e0041}\x7f"), "a\\u202eb\\u0007c\\ud800d\\u2028\\udb40\\udc41\\u007f");
  for (const text of ["two\nlines\tand a tab", "مرحبا بك", "👩‍👩‍👧 🇦🇹", "नमस्ते", "e\u0301"]) assert.equal(visible(text), text);
});

test("times and numbers are written as people read them", () => {
  assert.deepEqual([0, 6125, 59_999, 3_723_004].map((at) => clock(at)), ["0:00.000", "0:06.125", "0:59.999", "1:02:03.004"]);
  assert.deepEqual([-200, -61_000].map((at) => clock(at, 1)), ["-0:00.2", "-1:01.0"]);
  assert.deepEqual([seconds(18_905), ms(1516.4), count(1, "tool"), count(2, "entry", "entries")], ["0:18", "1,516 ms", "1 tool", "2 entries"]);
  assert.deepEqual([utc("2026-11-23T10:28:49+01:00"), utc("soon")], ["2026-11-23 09:28:49 UTC", "soon"]);
});

test("whole percents add up to 100", () => {
  for (const parts of [[1, 1, 1], [2, 2, 2, 1], [0, 0, 5], [999, 1, 0, 1], [1 / 3, 1 / 7, 1 / 11]]) {
    assert.equal(percents(parts).reduce((a, b) => a + b, 0), 100);
  }
  assert.deepEqual(percents([0, 0]), [0, 0]);
});

test("what a call lost is warned of, and what is nothing is not", () => {
  const names = (properties) => warningsOf(call([said("AGENT", 0, 1)], { properties })).map((one) => one.name);
  assert.deepEqual(names({ roark_unlinked: true, roark_clamped: 3, roark_recording: "fallback" }), ["roark_unlinked", "roark_clamped", "roark_recording"]);
  assert.deepEqual(names({ roark_unlinked: false, roark_clamped: 0, roark_dropped_fields: "", roark_incomplete: null }), []);
});

test("a call without any words says why, and one with a word does not", () => {
  const names = (...words) => warningsOf(call(words.map((text, i) => said("AGENT", i, i, text)))).map((one) => one.name);
  assert.deepEqual([names("", ""), names("", "hi"), names()], [["no words"], [], []]);
});

test("a refused request shows its fields where they stand, and the rest above", () => {
  const issues = ["transcript[1].text", "transcript.1.role", "toolInvocations[0]", "startedAt", null].map((field) => ({ field, message: "no" }));
  const found = call([said("AGENT", 0, 1), said("AGENT", 2, 3)], { receipt: { status: 422, issues } });
  const byRow = issuesByRow(found);
  assert.deepEqual([...byRow].map(([path, all]) => [path, all.length]), [["transcript[1]", 2], ["toolInvocations[0]", 1], ["", 2]]);
  assert.match(warningsOf(found)[0].says, /5 fields/);
  assert.equal(chipsOf(found)[0].text, "✕ refused, 422");
});

test("the body of a refused request is marked where its fields are", () => {
  const body = { a: { b: ["x", { c: 1 }], d: {} }, "e.f": null };
  const issues = [["a.b[1].c", "no"], ["a.b.1.c", "twice"], ["a.d", "empty"], ["gone", "missing"]].map(([field, message]) => ({ field, message }));
  const lines = markedLines(body, issues);
  assert.equal(lines.map((one) => one.text).join("\n"), JSON.stringify(body, null, 2));
  assert.deepEqual(lines.filter((one) => one.message).map((one) => [one.text.trim(), one.message]), [['"c": 1', "no; twice"], ['"d": {}', "empty"]]);
});

test("an answer without fields is quoted", () => {
  const found = call([], { receipt: { status: 409, answer: { error: { message: "The id is in use" } } } });
  assert.deepEqual(warningsOf(found).map((one) => [one.name, one.says, one.bad]), [["HTTP 409", "The id is in use", true]]);
});

test("sound is loaded only where the document says that the page may", () => {
  const of = (recording, recordingUrl) => soundOf(callOf({ body: { recordingUrl }, recording }));
  assert.deepEqual(of({ url: "/r/a.ogg", here: true }), { state: "here", url: "/r/a.ogg" });
  assert.deepEqual(of({ url: "https://r.example.com/a.wav", here: false }), { state: "elsewhere", url: "https://r.example.com/a.wav", host: "r.example.com" });
  assert.equal(of({ url: "https://r.example.com/a.wav", here: "yes" }).state, "elsewhere");
  assert.deepEqual(of(null, "https://r.example.com/a.wav").state, "elsewhere");
  assert.deepEqual(of({ url: "javascript:alert(1)" }).host, "javascript:alert(1)");
  assert.deepEqual([of(null), of({ url: 5 })], [{ state: "none" }, { state: "none" }]);
});

test("everybody who took part is named, with all that was posted", () => {
  const people = peopleOf({ agents: [{ name: "A", endpoint: { type: "phone", value: "+15550100" } }, { customId: "b" }, 5], customer: { phoneNumberE164: null } });
  assert.deepEqual(people.map((one) => [one.role, one.title]), [["agent", "A"], ["agent", "b"], ["customer", "unknown number"]]);
  assert.deepEqual(people[0].facts, [["name", "A"], ["endpoint.type", "phone"], ["endpoint.value", "+15550100"]]);
  assert.deepEqual(flat([1, { a: [] }]), [["[0]", "1"], ["[1].a", "[]"]]);
});

test("peaks are the loudest of every 10 ms, and sound that no entry claims is found", () => {
  const samples = new Float32Array(800).fill(0.1);
  samples[405] = -0.5;
  assert.deepEqual([...reduce(samples, 8000)].map((one) => Math.round(one * 10)), [2, 2, 2, 2, 2, 10, 2, 2, 2, 2]);
  assert.deepEqual([...reduce(new Float32Array(80), 8000)], [0]);
  const buffer = { numberOfChannels: 1, sampleRate: 8000, duration: 0.1, getChannelData: () => samples };
  assert.deepEqual([peaksOf(buffer).mono, peaksOf(buffer).length], [true, 100]);
  const peaks = new Float32Array(300).map((_, i) => (i >= 100 && i < 200 ? 1 : 0));
  assert.deepEqual(unclaimed(peaks, []), [[1000, 2000]]);
  assert.deepEqual(unclaimed(peaks, [{ start: 1000, end: 2000 }]), []);
  assert.deepEqual(unclaimed(peaks, [{ start: 0, end: 900 }, { start: 1040, end: 1500 }]), [[1570, 2000]]);
  assert.deepEqual(unclaimed(peaks, [{ start: 1000, end: 1850 }]), [], "too short to be speech");
});
