// An app over streams that a test moves by hand.

import { type AppOptions, createApp, type OpenAIApp } from "../../src/api/app.ts";
import { createLogger } from "../../src/base/log.ts";
import type { OpenAIBackend } from "../../src/door/backend.ts";
import { ManualClock } from "../manual-clock.ts";
import { FakeBackend } from "./fake-backend.ts";
import { ManualStream } from "./manual-stream.ts";

export interface Harness {
  readonly app: OpenAIApp;
  readonly clock: ManualClock;
  /** The lines that the app has logged. */
  readonly lines: string[];
  /** The streams of the requests so far, in order of arrival. */
  readonly streams: ManualStream[];
  readonly requestIds: string[];
  /** Waits until the backend has been called `count` times. */
  opened(count?: number): Promise<ManualStream>;
}

/** Requests of tests name any host; test/http/host-policy.test.ts has the rule. */
const ANY_HOST = {
  hosts: { listensOn: "localhost", allowed: ["*"] },
  origins: [],
  keys: undefined,
};

export function harness(options: Partial<AppOptions & OpenAIBackend> = {}): Harness {
  const clock = new ManualClock();
  const lines: string[] = [];
  const streams: ManualStream[] = [];
  const requestIds: string[] = [];
  const open = (requestId: string) => {
    const stream = new ManualStream();
    streams.push(stream);
    requestIds.push(requestId);
    return stream;
  };
  const streaming: Partial<OpenAIBackend> = {
    models: () => [{ id: "m", created: 1, maxModelLen: 512 }],
    chat: (_, requestId) => open(requestId),
    complete: (_, requestId) => open(requestId),
  };
  const backend: OpenAIBackend = Object.assign(new FakeBackend(), streaming, options);
  const log = createLogger("test", "debug", (line) => lines.push(line));
  const app = createApp(backend, { clock, log, admission: ANY_HOST, ...options });
  const opened = async (count = 1) => {
    for (;;) {
      const stream = streams[count - 1];
      if (stream) return stream;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { app, clock, lines, streams, requestIds, opened };
}

export function post(body: unknown, headers: Record<string, string> = {}, path = "completions") {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new Request(`http://test/v1/${path}`, { method: "POST", body: text, headers });
}

export const COMPLETION = { model: "m", prompt: "hi", max_tokens: 9 };
export const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }] };

/** The events of a stream's text, `[DONE]` included as it is. */
export function eventsOf(text: string): unknown[] {
  const events = text.split("\n\n").filter((event) => event !== "");
  return events.map((event) => {
    const data = event.replace(/^data: /, "");
    return data === "[DONE]" ? data : JSON.parse(data);
  });
}
