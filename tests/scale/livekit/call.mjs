// Holds a call of a real LiveKit agent, whose spans are exported by OTLP: SCENARIO URL TOKEN ID.
// The id is on the last span alone, which is exported when all others are. Prints what was really said and done.
import * as lk from "@livekit/agents";
import { context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { z } from "zod";
import { Customer, Detection, Microphone, Model, Speaker, Transcription, until, Voice } from "./parts.mjs";

const [scenario, url, token, id] = process.argv.slice(2);
lk.initializeLogger({ pretty: false, level: "silent" });
const exporter = new OTLPTraceExporter({ url, headers: { authorization: `Bearer ${token}` } });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 500 })] });
provider.register();
lk.telemetry.setTracerProvider(provider);

const used = [];
const instructions = "You help the customers of a shop.";

/** Each: what the model answers, the agent, and the customer's texts, each with how many texts of the agent follow. */
const scenarios = {
  // The agent's own first words; two plain answers.
  hours: {
    answer: (last) => ({ text: last.includes("open") ? "Yes, until six." : "You are welcome." }),
    agent: class extends lk.Agent {
      constructor() {
        super({ instructions });
      }

      async onEnter() {
        this.session.say("Hello, how can I help?");
      }
    },
    turns: [["Are you open today?", 1], ["Thank you, goodbye.", 1]],
  },
  // The model's first words; it uses a tool, and speaks before and after it.
  order: {
    answer: (last) => {
      if (last.includes("shipped")) return { text: "It was shipped on Monday." };
      if (!last.includes("order")) return { text: "Welcome to our shop." };
      return { text: "Let me look.", tools: [["find_order", '{"order_id": "A-17", "with": {"items": true}}', "call_1"]] };
    },
    agent: class extends lk.Agent {
      constructor() {
        const parameters = z.object({ order_id: z.string(), with: z.object({ items: z.boolean() }) });
        const execute = async (given) => {
          const result = { status: "shipped", items: [1, 2, null], note: "süß" };
          used.push({ name: "find_order", parameters: given, result });
          return result;
        };
        super({ instructions, tools: [lk.tool({ name: "find_order", description: "Finds an order.", parameters, execute })] });
      }

      async onEnter() {
        this.session.generateReply({ instructions: "Greet the customer." });
      }
    },
    turns: [["Where is my order?", 2]],
  },
};

const { answer, agent, turns } = scenarios[scenario];
const customer = new Customer();
const microphone = new Microphone();
const speaker = new Speaker();
const session = new lk.AgentSession({
  vad: new Detection(customer), stt: new Transcription(customer), llm: new Model(answer), tts: new Voice(),
  aecWarmupDuration: null, userAwayTimeout: null,
  turnHandling: { turnDetection: "vad", endpointing: { minDelay: 200, maxDelay: 1000 } },
});

/** Waits until the agent has said this many texts in all, and listens. */
const said = (number) =>
  until(() => speaker.said.length >= number && session.agentState === "listening", `${number} texts of the agent`);

const root = trace.getTracer("shop").startSpan("call");
await context.with(trace.setSpan(context.active(), root), async () => {
  session.input.audio = microphone;
  session.output.audio = speaker;
  await session.start({ agent: new agent() });
  microphone.open();
  let number = 1;
  await said(number);
  for (const [text, answers] of turns) {
    await customer.say(text);
    await said((number += answers));
  }
  await session.close();
});
await provider.forceFlush();
root.setAttribute("roark.external_id", id);
root.end();
await provider.shutdown();

const transcript = [...customer.said, ...speaker.said].sort((one, other) => one.start - other.start);
console.log(JSON.stringify({ transcript: transcript.map(({ role, text }) => [role, text]), tools: used }));
process.exit(0);
