import assert from "node:assert/strict";
import { test } from "node:test";
import { callOf, responses } from "../../../src/roark_otel/pages/static/model.js";
import { call, recorded, said, used } from "./making.mjs";

test("shares of the floor add up to 100, with both as a share of its own", () => {
  const found = call([said("AGENT", 0, 1000), said("CUSTOMER", 700, 2000), said("AGENT", 2300, 2999)]);
  assert.deepEqual(found.floor.map((part) => part.who), ["agent", "both", "customer", "silence"]);
  assert.deepEqual(found.floor.map((part) => part.ms), [1399, 300, 1000, 300]);
  for (const one of recorded()) {
    const { floor, rows } = callOf(one);
    if (rows.length) assert.equal(floor.reduce((sum, part) => sum + part.percent, 0), 100, one.body.externalId);
  }
});

test("who talks over whom is found, whatever the order of entries", () => {
  const entries = [said("AGENT", 5000, 9000), said("AGENT", 0, 1000), said("CUSTOMER", 8700, 9500), said("CUSTOMER", 2000, 2500)];
  const found = call(entries);
  assert.deepEqual(found.overlaps, [{ from: 8700, to: 9000 }]);
  assert.deepEqual(found.rows.filter((row) => row.over).map((row) => [row.path, row.over]), [["transcript[2]", { from: 8700, to: 9000, whom: "agent" }]]);
});

test("an interruption is what a payload says, or the customer talking on over the agent", () => {
  const found = call([
    said("AGENT", 0, 1000, "cut by the app", { payload: { interrupted: true } }),
    said("AGENT", 2000, 3000, "talked over"),
    said("CUSTOMER", 2900, 4000),
    said("AGENT", 5000, 7000, "went on"),
    said("CUSTOMER", 5500, 5700, "mhm"),
    said("CUSTOMER", 8000, 9000, "never the agent", { payload: { interrupted: true } }),
  ]);
  assert.deepEqual(found.interruptions.map((row) => row.words), ["cut by the app", "talked over"]);
});

test("a wait is one of which both edges were measured", () => {
  const answers = (...entries) => call(entries, { properties: { response_latency_max_ms: 900 } }).answers.map((row) => row.wait.ms);
  assert.deepEqual(answers(said("CUSTOMER", 0, 1000), said("AGENT", 1500, 2000)), [500]);
  assert.deepEqual(answers(said("CUSTOMER", 0, 1000), said("AGENT", 3000, 4000)), [], "longer than any that the call states");
  assert.deepEqual(answers(said("CUSTOMER", 0, undefined), said("AGENT", 500, 900)), [], "its end is not known");
  assert.deepEqual(answers(said("CUSTOMER", 0, 1000, "typed", { payload: { way: "typed" } }), said("AGENT", 1500, 2000)), []);
  assert.deepEqual(answers(said("CUSTOMER", 0, 1000), said("AGENT", 900, 2000)), [], "the agent was first");
  const unstated = callOf({ body: { transcript: [said("CUSTOMER", 0, 1000), said("AGENT", 1500, 2000)] } });
  assert.deepEqual(unstated.answers, []);
});

test("the middle and the longest wait, by nearest rank", () => {
  const found = call([0, 300, 100, 200].flatMap((ms, i) => [said("CUSTOMER", i * 9000, i * 9000 + 100), said("AGENT", i * 9000 + 101 + ms, i * 9000 + 900)]));
  assert.deepEqual(responses(found), { p50: 101, max: 301, all: [1, 101, 201, 301] });
  assert.equal(responses(call([])), null);
});

test("tools that run at the same time are drawn below one another, three at most", () => {
  const tools = [used("a", 0, 100), used("b", 50, 150), used("c", 60, 70), used("d", 65, 80), used("e", 120, 130)];
  assert.deepEqual(call([], { tools }).used.map((row) => row.level), [0, 1, 2, 2, 0]);
});

test("a tool failed if its result has an error that is something", () => {
  const results = [{ error: "no" }, { error: null }, { error: "" }, { error: {} }, { error: { code: 5 } }, "error", { ok: 1 }];
  const found = call([], { tools: results.map((result, i) => used("t", i, i, result)) });
  assert.deepEqual(found.used.map((row) => row.failed), [true, false, false, false, true, false, false]);
});

for (const document of [
  null, 5, "x", [], {}, { body: null }, { body: [] }, { body: { transcript: {}, toolInvocations: "x", properties: 5 }, spans: {} },
  { body: { transcript: [null, 5, "x", [], {}, { role: {}, text: [], startOffsetMs: "1", endOffsetMs: NaN, payload: "x", agent: 5 }] } },
  { body: { transcript: [said("AGENT", 1e300, -1e300), said("CUSTOMER", -5000, -9000), said("X", 2 ** 60, 5)] }, spans: [null, { startMs: Infinity, events: [5, {}] }] },
]) {
  test(`nothing that a document has stops the page: ${JSON.stringify(document).slice(0, 60)}`, () => {
    const found = callOf(document);
    assert.ok(Number.isFinite(found.length) && found.length > 0);
    assert.ok(found.rows.every((row) => Number.isFinite(row.start) && row.end >= row.start));
  });
}
