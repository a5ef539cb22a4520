// What an agent of LiveKit needs around it, without network, model or room: a customer, a model, a voice and a line.
import { setTimeout as sleep } from "node:timers/promises";
import { ReadableStream } from "node:stream/web";
import * as lk from "@livekit/agents";
import { AudioFrame } from "@livekit/rtc-node";

const { SpeechEventType, SpeechStream, STT } = lk.stt;
const { SynthesizeStream, TTS } = lk.tts;
const { VADEventType } = lk;
const RATE = 24_000;
const FRAME_MS = 20;
const MS_PER_CHARACTER = 30;
const SILENT_MS = 300;

/** Waits until something is so. */
export async function until(isSo, what, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(20);
  }
}

// The customer

/** Speaks into the voice activity detection and the transcription. `said` is what the customer really said. */
export class Customer {
  said = [];

  async say(text) {
    const start = Date.now();
    this.said.push({ role: "CUSTOMER", text, start });
    this.voice.note(VADEventType.START_OF_SPEECH, 50, 0);
    for (let ms = 100; ms < 700; ms += 50) {
      await sleep(50);
      this.voice.note(VADEventType.INFERENCE_DONE, ms, 0);
    }
    const end = Date.now();
    this.words.note(SpeechEventType.FINAL_TRANSCRIPT, text);
    while (Date.now() - end < SILENT_MS) {
      await sleep(50);
      this.voice.note(VADEventType.INFERENCE_DONE, end - start, Date.now() - end);
    }
    this.voice.note(VADEventType.END_OF_SPEECH, end - start, Date.now() - end);
  }
}

export class Detection extends lk.VAD {
  label = "parts.Detection";

  constructor(customer) {
    super({ updateInterval: 50 });
    this.customer = customer;
  }

  stream() {
    return (this.customer.voice = new DetectionStream(this));
  }
}

class DetectionStream extends lk.VADStream {
  constructor(detection) {
    super(detection);
    this.drain().catch(() => {});
  }

  async drain() {
    while (!(await this.inputReader.read()).done);
  }

  note(type, speechDuration, silenceDuration) {
    const speaking = silenceDuration === 0;
    this.sendVADEvent({
      type, speechDuration, silenceDuration, speaking, frames: [], probability: 0.9, inferenceDuration: 0,
      samplesIndex: 0, timestamp: Date.now(),
      rawAccumulatedSilence: silenceDuration, rawAccumulatedSpeech: speaking ? speechDuration : 0,
    });
  }
}

export class Transcription extends STT {
  label = "parts.Transcription";

  constructor(customer) {
    super({ streaming: true, interimResults: false });
    this.customer = customer;
  }

  stream(options) {
    return (this.customer.words = new TranscriptionStream(this, undefined, options?.connOptions));
  }
}

class TranscriptionStream extends SpeechStream {
  label = "parts.TranscriptionStream";

  async run() {
    for await (const _ of this.input);
  }

  note(type, text) {
    const language = lk.asLanguageCode("en");
    this.queue.put({ type, alternatives: [{ text, language, startTime: 0, endTime: 0, confidence: 0.9 }] });
  }
}

// The model

/** Answers by a function of the last message or result: `{ text, tools: [[name, arguments, id]] }`. */
export class Model extends lk.LLM {
  constructor(answer) {
    super();
    this.answer = answer;
  }

  label() {
    return "parts.Model";
  }

  chat({ chatCtx, toolCtx, connOptions = lk.DEFAULT_API_CONNECT_OPTIONS }) {
    return new ModelStream(this, { chatCtx, toolCtx, connOptions });
  }
}

class ModelStream extends lk.LLMStream {
  constructor(model, given) {
    super(model, given);
    this.model = model;
  }

  async run() {
    const known = ["message", "function_call_output"];
    const last = this.chatCtx.items.filter((item) => known.includes(item.type)).at(-1);
    const { text, tools = [] } = this.model.answer(last?.output ?? (last?.role === "user" ? last.textContent : ""));
    for (const word of text.split(" ")) this.queue.put({ id: "answer", delta: { role: "assistant", content: `${word} ` } });
    const toolCalls = tools.map(([name, args, callId]) => lk.FunctionCall.create({ callId, name, args }));
    if (toolCalls.length) this.queue.put({ id: "answer", delta: { role: "assistant", toolCalls } });
  }
}

// The voice

export class Voice extends TTS {
  label = "parts.Voice";

  constructor() {
    super(RATE, 1, { streaming: true });
  }

  stream(options) {
    return new VoiceStream(this, options?.connOptions);
  }
}

class VoiceStream extends SynthesizeStream {
  label = "parts.VoiceStream";

  async run() {
    let text = "";
    for await (const part of this.input) {
      if (part !== SynthesizeStream.FLUSH_SENTINEL) text += part;
      else text = this.voiced(text);
    }
    this.voiced(text);
    if (!this.queue.closed) this.queue.put(SynthesizeStream.END_OF_STREAM);
  }

  /** Puts the sound of a text into the queue: silence, with the words noted on its first frame. */
  voiced(text) {
    const words = text.trim();
    if (!words) return "";
    this.markStarted();
    const samples = (RATE * FRAME_MS) / 1000;
    const frames = Math.ceil((MS_PER_CHARACTER * words.length) / FRAME_MS);
    for (let at = 1; at <= frames; at++) {
      const frame = new AudioFrame(new Int16Array(samples), RATE, 1, samples);
      if (at === 1) frame.userdata.words = words;
      this.queue.put({ requestId: "voice", segmentId: "segment", frame, final: at === frames });
    }
    return "";
  }
}

// The line

export class Microphone extends lk.AudioInput {
  constructor() {
    super();
    this.multiStream.addInputStream(new ReadableStream({ start: (controller) => { this.controller = controller; } }));
  }

  /** Lets a tenth of a second of silence in, so that the session knows that there is a line. */
  open() {
    this.controller.enqueue(new AudioFrame(new Int16Array(1_600), 16_000, 1, 1_600));
  }
}

/** Plays in real time. `said` is what was really heard to its end. */
export class Speaker extends lk.AudioOutput {
  said = [];
  playing = undefined;

  constructor() {
    super(RATE, undefined, { pause: false });
  }

  async captureFrame(frame) {
    await super.captureFrame(frame);
    if (this.playing === undefined) {
      this.playing = { start: Date.now(), ms: 0, words: [] };
      this.onPlaybackStarted(this.playing.start);
    }
    if (frame.userdata.words) this.playing.words.push(frame.userdata.words);
    this.playing.ms += (1000 * frame.samplesPerChannel) / frame.sampleRate;
  }

  flush() {
    super.flush();
    if (this.playing === undefined) return;
    const { start, ms } = this.playing;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.finish(), Math.max(0, start + ms - Date.now()));
  }

  finish() {
    const { start, ms, words } = this.playing;
    this.playing = undefined;
    this.said.push({ role: "AGENT", text: words.join(" "), start });
    this.onPlaybackFinished({ playbackPosition: ms / 1000, interrupted: false });
  }

  clearBuffer() {
    if (this.playing !== undefined) throw new Error("the agent was interrupted, which no scenario has");
  }
}
