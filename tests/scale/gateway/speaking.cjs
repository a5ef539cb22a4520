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
for (const text of ["Hello", "Good day"]) {
  const turn = tracer.startSpan("turn", {}, trace.setSpan(ROOT_CONTEXT, root));
  turn.addEvent("roark.transcript", { role: "customer", text });
  turn.end();
}
root.end();
provider.shutdown();
