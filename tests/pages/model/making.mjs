// Makes documents of calls for the tests beside it.
import { readFileSync } from "node:fs";
import { callOf } from "../../../src/roark_otel/pages/static/model.js";

export const STATIC = new URL("../../../src/roark_otel/pages/static/", import.meta.url);

/** An utterance. */
export const said = (role, startOffsetMs, endOffsetMs, text = "some words", more = {}) => ({ role, startOffsetMs, endOffsetMs, text, ...more });

/** A tool use. */
export const used = (name, startOffsetMs, endOffsetMs, result = "done") => ({ name, parameters: {}, result, startOffsetMs, endOffsetMs });

/** A span. */
export const span = (name, startMs, endMs, more = {}) => ({ spanId: `${name} ${startMs}`, parentSpanId: null, name, startMs, endMs, attributes: {}, ...more });

/** A call that says that waits of up to ten seconds were measured. */
export const call = (transcript, { tools = [], spans = [], properties = {}, ...document } = {}) =>
  callOf({ body: { externalId: "a", transcript, toolInvocations: tools, properties: { response_latency_max_ms: 10_000, ...properties } }, spans, ...document });

/** A question until 1000 and an answer from 2000, with what happened between. */
export const waited = (spans, tools = []) => call([said("CUSTOMER", 0, 1000), said("AGENT", 2000, 3000)], { spans, tools });

/** The documents of recorded calls: bodies as they arrived, and spans as they were recorded. */
export const recorded = () => JSON.parse(readFileSync(process.env.RECORDED_CALLS, "utf8"));
