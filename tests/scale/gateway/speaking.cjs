// Holds a conversation whose spans an exporter of Node sends: PACKAGE URL TOKEN.
const [package_, url, token] = process.argv.slice(2);
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { trace, ROOT_CONTEXT } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${package_}`);

const exporter = new OTLPTraceExporter({ url, compression: "gzip", headers: { authorization: `Bearer ${token}` } });
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const tracer = provider.getTracer("app");
const root = tracer.startSpan(
  "call",
  { attributes: { "roark.external_id": "node-1", "roark.conversation.root": true } },
  ROOT_CONTEXT,
);
// Each span has a clock of its own, which begins at a whole ms: within one ms the second word could come first.
const began = Date.now();
for (const [number, text] of ["Hello", "Good day"].entries()) {
  const turn = tracer.startSpan("turn", {}, trace.setSpan(ROOT_CONTEXT, root));
  turn.addEvent("roark.transcript", { role: "customer", text }, began + number);
  turn.end();
}
root.end();
provider.shutdown();
