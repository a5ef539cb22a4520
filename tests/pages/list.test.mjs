import assert from "node:assert/strict";
import test from "node:test";
import { diffWords } from "../../src/roark_otel/pages/static/compare-words.js";
import { axisOf, pathOf } from "../../src/roark_otel/pages/static/list-axis.js";
import { stateText } from "../../src/roark_otel/pages/static/list-live.js";
import { FILTERS, listingOf, nameOf, passes, refusal, rowOf, scopesText, shownText, spansOf, spansText } from "../../src/roark_otel/pages/static/list-model.js";
import { MOST_ROWS, Shelf } from "../../src/roark_otel/pages/static/list-shelf.js";

const CALL = { seq: 1, kind: "call", id: "id-1", externalId: "call-1", receivedAt: "2026-11-24T17:23:04.000Z", linked: 1, status: 201 };
const AT = "http://127.0.0.1:4319";
const row = (more = {}) => rowOf({ ...CALL, ...more });
const listing = (rows, total = rows.length) => ({ ...listingOf({}), rows, total, seq: Math.max(0, ...rows.map((one) => one.seq)) });

test("whatever a row is, it can be shown", () => {
  for (const value of [null, 3, "x", [], {}, { seq: "1", said: "no", tools: {}, fields: null, answersMs: [null, "5", NaN, {}], lengthMs: -5, externalId: { a: 1 } }]) {
    const found = rowOf(value);
    assert.equal(found.seq, 0);
    assert.deepEqual([found.said, found.tools, found.fields, found.medianMs, found.lengthMs], [[], [], [], null, 0]);
    assert.ok(nameOf(found));
    for (const { asks } of FILTERS) assert.equal(typeof asks(found), "boolean");
  }
  assert.equal(listingOf(null).rows.length, 0);
  assert.equal(listingOf({ rows: [CALL, 5, null], total: "many" }).total, 1);
});

test("the middle answer is by nearest rank, the slowest is the longest", () => {
  const of = (answersMs) => [row({ answersMs }).medianMs, row({ answersMs }).slowestMs];
  assert.deepEqual(of([]), [null, null]);
  assert.deepEqual(of([300]), [300, 300]);
  assert.deepEqual(of([900, 300]), [300, 900]);
  assert.deepEqual(of([1516, 488, 3229]), [1516, 3229]);
});

test("filters are questions, and several ask for all of them", () => {
  const keys = (one) => FILTERS.filter(({ asks }) => asks(one)).map(({ key }) => key);
  assert.deepEqual(keys(row()), []);
  assert.deepEqual(keys(row({ answersMs: [800] })), []);
  assert.deepEqual(keys(row({ answersMs: [200, 801] })), ["slow"]);
  assert.deepEqual(keys(row({ interruptions: 1, toolsFailed: 2, linked: 0 })), ["interrupted", "tool-failed", "no-trace"]);
  assert.deepEqual(keys(row({ kind: "refused", linked: 0, id: null, status: 422 })), ["refused"]);
  const one = row({ answersMs: [900], interruptions: 1 });
  assert.ok(passes(one, new Set()) && passes(one, new Set(["slow", "interrupted"])));
  assert.ok(!passes(one, new Set(["slow", "refused"])));
});

test("how many of how many are shown", () => {
  assert.equal(shownText(14, 14, 14), "14 requests, all shown");
  assert.equal(shownText(1, 1, 1), "1 request, all shown");
  assert.equal(shownText(3, 14, 14), "3 of 14 shown");
  assert.equal(shownText(500, 500, 1234), "500 of 1,234 shown: the newest 500 are here, the search finds older ones");
  assert.equal(shownText(0, 500, 1234), "0 of 1,234 shown: the newest 500 are here, the search finds older ones");
});

test("a request has a name and a reason whatever it lacks", () => {
  assert.equal(nameOf(row({ externalId: null })), "id-1");
  assert.equal(nameOf(row({ externalId: "", id: null, seq: 7 })), "request 7");
  assert.equal(refusal(row({ status: 422, fields: ["recordingUrl", "startedAt"] })), "refused with 422: recordingUrl · startedAt");
  assert.equal(refusal(row({ status: 400, fields: [] })), "refused with 400: the request as a whole");
  const many = refusal(row({ status: 400, fields: Array.from({ length: 9 }, () => "f".repeat(300)) }));
  assert.ok(many.length < 400 && many.endsWith("… · and 4 more"));
});

test("spans without an id are said where a beginner looks", () => {
  const said = (value) => spansText(spansOf(value), AT);
  assert.match(said({}), /^No span has arrived at http:\/\/127\.0\.0\.1:4319\/v1\/traces/);
  assert.equal(said({ arrived: 3, withoutId: 3 }), "3 spans arrived, none carries roark.external_id");
  assert.equal(said({ arrived: 1, withoutId: 1 }), "1 span arrived, it carries no roark.external_id");
  assert.equal(said({ arrived: 5, withoutId: 2 }), "5 spans arrived, 2 of them without roark.external_id");
  assert.match(said({ arrived: 5, withoutId: 0 }), /^5 spans arrived, with roark\.external_id/);
  assert.equal(scopesText(spansOf({ scopes: { b: 1, a: 3, "": 2 } })), "a 3, no scope 2, b 1");
  assert.match(scopesText(spansOf({ scopes: { a: 1, b: 1, c: 1, d: 1, e: 1 } })), /, …$/);
});

test("the page says since when it is not connected", () => {
  assert.equal(stateText({ kind: "lost", since: new Date(2026, 10, 24, 17, 23, 59) }, AT), "✕ not connected since 17:23, trying again");
  assert.equal(stateText({ kind: "connected" }, AT), "● listening at http://127.0.0.1:4319");
  assert.equal(stateText({ kind: "refused", status: 401 }, AT), "✕ the sandbox answered 401: open the link that it printed");
  assert.equal(stateText({ kind: "refused", status: 500 }, AT), "✕ the sandbox answered 500, trying again");
});

test("one axis fits all calls but those far longer than the others", () => {
  assert.deepEqual(axisOf([]), { ms: 1000, step: 1000 });
  assert.deepEqual(axisOf([24_377, 18_905, 2_000]), { ms: 25_000, step: 5_000 });
  assert.deepEqual(axisOf([3_600_000]), { ms: 3_600_000, step: 900_000 });
  assert.deepEqual(axisOf([20_000, 21_000, 4 * 3_600_000]), { ms: 25_000, step: 5_000 });
  assert.deepEqual(axisOf([0, 0, 0]), { ms: 1000, step: 1000 });
  for (const lengths of [[1], [999], [2 ** 52], [1000, 2 ** 53], [59_999, 60_000], [90_000, 86_400_000 * 30]]) {
    const { ms, step } = axisOf(lengths);
    assert.ok(ms / step <= 6 && Number.isInteger(ms / step), `${lengths}`);
    assert.ok(ms >= Math.min(...lengths));
  }
});

test("the axis stays as it is while usual calls arrive", () => {
  assert.deepEqual(axisOf([21_000, 3_000]), axisOf([21_000, 3_000, 24_900, 700]));
});

test("pieces are paths", () => {
  assert.equal(pathOf([[0, 10], [20, 20]], [2, 5]), "M0 2H10v5H0zM20 2H20v5H20z");
  assert.equal(pathOf([], [0, 1]), "");
});

test("rows wait until they are let in, the newest first", () => {
  const shelf = new Shelf();
  shelf.replace(listing([row({ seq: 2 }), row({ seq: 1 })]));
  assert.equal(shelf.take(row({ seq: 4 })), "new");
  assert.equal(shelf.take(row({ seq: 3 })), "new");
  assert.equal(shelf.take(row({ seq: 3 })), "same");
  assert.equal(shelf.take(row({ seq: 3, linked: 2 })), "same");
  assert.equal(shelf.take(row({ seq: 1, linked: 2 })), "changed");
  assert.deepEqual([shelf.rows.map((one) => one.seq), shelf.waiting.map((one) => one.seq), shelf.total], [[2, 1], [4, 3], 4]);
  const { came, gone } = shelf.letIn();
  assert.deepEqual([came.map((one) => one.seq), gone], [[4, 3], []]);
  assert.deepEqual(shelf.rows.map((one) => [one.seq, one.linked]), [[4, 1], [3, 2], [2, 1], [1, 2]]);
});

test("a list that is read again brings what was missed, and what has changed", () => {
  const shelf = new Shelf();
  shelf.replace(listing([row({ seq: 2 }), row({ seq: 1 })], 40));
  const changed = shelf.merge(listing([row({ seq: 4 }), row({ seq: 3 }), row({ seq: 2, linked: 3 })], 42));
  assert.deepEqual([changed.map((one) => one.seq), shelf.waiting.map((one) => one.seq), shelf.total], [[2], [4, 3], 42]);
});

test("a page keeps so many rows", () => {
  const shelf = new Shelf();
  shelf.replace(listing(Array.from({ length: MOST_ROWS }, (_, n) => row({ seq: n + 10 }))));
  assert.equal(shelf.take(row({ seq: 3 })), "same");
  shelf.take(row({ seq: MOST_ROWS + 50 }));
  const { gone } = shelf.letIn();
  assert.deepEqual([gone.map((one) => one.seq), shelf.rows.length, shelf.total], [[10], MOST_ROWS, MOST_ROWS + 1]);
});

const marked = (before, after) => diffWords(before, after).map((runs) => runs.map(({ text, differs }) => (differs ? `[${text}]` : text)).join(""));

test("words that differ", () => {
  assert.deepEqual(marked("It was shipped.", "It was shipped."), ["It was shipped.", "It was shipped."]);
  assert.deepEqual(marked("Where is my order?", "Where is my lovely order?"), ["Where is my order?", "Where is my [lovely] order?"]);
  assert.deepEqual(marked("Thursday is too late. Can it", "Thursday is too late, can it"), ["Thursday is too late[. Can] it", "Thursday is too late[, can] it"]);
  assert.deepEqual(marked("", "Yes"), ["", "[Yes]"]);
  assert.deepEqual(marked("a  b", "a b"), ["a  b", "a b"]);
  assert.deepEqual(marked(" lead", "lead "), [" lead", "lead "]);
  assert.deepEqual(marked("我的订单", "我们的订单"), ["我的订单", "我[们]的订单"]);
  assert.deepEqual(marked("हिन्दी बोलो", "हिन्दी बोलिए"), ["हिन्दी [बोलो]", "हिन्दी [बोलिए]"]);
  assert.deepEqual(marked('f(id=17) -> {"a": 1}', 'f(id=18) -> {"a": 1}'), ['f(id=[17]) -> {"a": 1}', 'f(id=[18]) -> {"a": 1}']);
});

test("both texts are whole, however they differ", () => {
  const words = ["yes", "no", " ", "  ", "\n", "é", "e\u0301", "🚲", "订", "ส", "\u202e", "\0", "-", "a_b", "<b>"];
  let chance = 7;
  const next = (n) => (chance = (chance * 1103515245 + 12345) % 2 ** 31) % n;
  for (let i = 0; i < 500; i++) {
    const [one, other] = [0, 1].map(() => Array.from({ length: next(30) }, () => words[next(words.length)]).join(""));
    const [left, right] = diffWords(one, other);
    assert.equal(left.map((run) => run.text).join(""), one);
    assert.equal(right.map((run) => run.text).join(""), other);
    const same = (runs) => runs.filter((run) => !run.differs).map((run) => run.text).join("").replace(/\s+/g, "");
    assert.equal(same(left), same(right));
  }
});

test("texts of a megabyte are compared in time", () => {
  const long = "word ".repeat(100_000);
  const [left] = diffWords(`${long}one ${"x ".repeat(5_000)}`, `${long}other ${"y ".repeat(5_000)}`);
  assert.equal(left.length, 3);
});
