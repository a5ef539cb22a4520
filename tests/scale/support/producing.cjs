// An app in Node, whose exporter sends to an agent: URL STEPS START. `producing.py` is the same in Python.
const [url, steps, start] = process.argv.slice(2);
const { readFileSync } = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { trace, ROOT_CONTEXT } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");

const EXPORT_MILLIS = 2_000; // after which an exporter gives up
const PAUSE_MILLIS = 200;
const NEVER_MILLIS = 3_600_000;

// Hands a batch to an exporter until it is acknowledged: what an exporter gives up on is lost otherwise.
class Persistent {
  again = 0;

  constructor(exporter) {
    this.exporter = exporter;
  }

  export(spans, done) {
    this.exporter.export(spans, (result) => {
      if (result.code === 0) return done(result);
      this.again += 1;
      setTimeout(() => this.export(spans, done), PAUSE_MILLIS);
    });
  }

  shutdown() {
    return this.exporter.shutdown();
  }
}

const time = (at) => {
  const seconds = Number(start) + at;
  return [Math.floor(seconds), Math.floor((seconds % 1) * 1e9)];
};

async function speak(tracer) {
  const roots = new Map();
  for (const step of JSON.parse(readFileSync(steps, "utf8"))) {
    await sleep(Math.max(0, (Number(start) + step.at) * 1000 - Date.now()));
    const { key, root: name, begins } = step.trace;
    if (!roots.has(key)) roots.set(key, tracer.startSpan(name, { startTime: time(begins) }, ROOT_CONTEXT));
    let span = roots.get(key);
    if (step.event !== null) {
      span = tracer.startSpan(step.name, { startTime: time(step.begins) }, trace.setSpan(ROOT_CONTEXT, span));
      span.addEvent(step.event.name, step.event.attributes, time(step.begins));
    }
    span.setAttributes(step.attributes);
    span.end(time(step.ends));
  }
}

async function main() {
  const exporter = new Persistent(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MILLIS }));
  const options = { maxQueueSize: 100_000, scheduledDelayMillis: 100, exportTimeoutMillis: NEVER_MILLIS };
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, options)] });
  await speak(provider.getTracer("my-agent"));
  await provider.shutdown();
  console.log(exporter.again);
}

main();
