// Uses a tool in the trace of another process: URL TOKEN TRACEPARENT.
const [url, token, parent] = process.argv.slice(2);
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { trace, ROOT_CONTEXT } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");

const exporter = new OTLPTraceExporter({ url, headers: { authorization: `Bearer ${token}` } });
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const [, traceId, spanId] = parent.split("-");
const context = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true });
const span = provider.getTracer("tools").startSpan("lookup", {}, context);
span.addEvent("roark.tool_invocation", {
  name: "lookup_order",
  parameters: JSON.stringify({ id: 17 }),
  result: JSON.stringify({ status: "shipped" }),
});
span.end();
provider.shutdown();
