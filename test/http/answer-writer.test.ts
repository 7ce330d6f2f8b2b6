import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { AnswerWriter } from "../../src/http/answer-writer.ts";
import { FlushQueue } from "../../src/http/flush-queue.ts";
import { Outbox } from "../../src/http/outbox.ts";
import { DateHeader } from "../../src/http/response-head.ts";
import { type Pump, StreamingResponse } from "../../src/http/streaming-response.ts";

function writerInto(write: (bytes: string | Buffer) => number) {
  const date = new DateHeader(systemClock);
  const flushQueue = new FlushQueue(systemClock);
  return new AnswerWriter({ outbox: new Outbox({ write }), flushQueue, date });
}

const streamOf = (pump: Pump) => new StreamingResponse(pump, { heartbeat: ":\n\n" });
const of = (method: string) => ({ request: { method, minorVersion: 1 as const }, isLast: false });

describe("an answer writer", () => {
  test("never starts the stream of a HEAD", async () => {
    let text = "";
    let isStarted = false;
    const writer = writerInto((bytes) => {
      text += bytes;
      return bytes.length;
    });
    const response = streamOf(async () => {
      isStarted = true;
    });
    expect(await writer.write({ response, ...of("HEAD") })).toBe("written");
    expect(isStarted).toBe(false);
    expect(text).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(text).toEndWith("\r\n\r\n");
    expect(text).not.toContain("content-length");
  });

  test("says that a stream broke, and throws any other failure", async () => {
    const response = streamOf(async () => {
      throw new Error("cut");
    });
    expect(await writerInto((bytes) => bytes.length).write({ response, ...of("GET") })).toBe(
      "broken",
    );
    const failing = writerInto(() => {
      throw new Error("a bug");
    });
    const answer = failing.write({ response: new Response("a"), ...of("GET") });
    await expect(answer).rejects.toThrow("a bug");
  });
});
