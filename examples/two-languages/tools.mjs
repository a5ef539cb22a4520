// A tool service in Node. Each use of a tool is a span in the trace of the process that asks for it.
//
// `run.sh` starts it. OpenTelemetry alone is used: spans go to OTEL_EXPORTER_OTLP_ENDPOINT.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { ROOT_CONTEXT, SpanKind, propagation, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "order-tools" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register(); // with the propagator for W3C trace context
const tracer = trace.getTracer("order-tools");

const orders = { "A-17": { status: "in transit", arrives: "Thursday" } };
const tools = {
  find_order: ({ order_id }) => orders[order_id] ?? { error: `there is no order ${order_id}` },
};

/** Uses the tool that the path names, in the trace of the header `traceparent`. */
async function answer(request, response) {
  const name = request.url.slice(1);
  const caller = propagation.extract(ROOT_CONTEXT, request.headers);
  const span = tracer.startSpan(`execute_tool ${name}`, { kind: SpanKind.SERVER }, caller);
  const use = { name };
  const began = Date.now();
  try {
    const parameters = await json(request);
    use.parameters = JSON.stringify(parameters);
    use.result = JSON.stringify(tools[name](parameters));
    response.setHeader("content-type", "application/json").end(use.result);
  } catch (fault) {
    use.error = String(fault);
    response.writeHead(500).end();
  } finally {
    use.duration_ms = Date.now() - began;
    span.addEvent("roark.tool_invocation", use, began);
    span.end();
  }
}

const server = createServer(answer);
server.listen(0, "127.0.0.1", () => console.log(`Tools at http://127.0.0.1:${server.address().port}`));

process.once("SIGTERM", async () => {
  await provider.shutdown(); // sends the spans that still wait
  process.exit();
});
