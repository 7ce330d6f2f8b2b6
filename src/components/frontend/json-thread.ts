// Parses large bodies on a side thread: one of 16 MiB takes up to 0.15 s, in which the thread of a Frontend would write
// no event of any stream. There is one thread; tenants take turns. It ends when it has had nothing to do for a while.

import type { ServiceContext, SideThread } from "dynamo";

import { unreachable } from "../../base/assert.ts";
import type { Timer } from "../../base/clock.ts";
import { DynamoError, RemoteError } from "../../base/error.ts";
import { FairQueue } from "../../base/fair-queue.ts";
import { ApiError } from "../../door/api-error.ts";
import { type BodyClient, jsonOf } from "../../door/json-body.ts";
import type { JsonAnswer } from "../../door/json-service.ts";
import { keepRawTexts } from "../../door/raw-json.ts";

/** Smaller ones take a few milliseconds. */
const LARGE_BYTES = 256 * 1024;
const MAX_IDLE_MS = 10_000;

interface Job {
  readonly bytes: Buffer;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class JsonThread {
  readonly #context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly #waiting = new FairQueue<Job>();
  #thread: SideThread | undefined;
  #job: Job | undefined;
  #idle: Timer | undefined;

  constructor(context: Pick<ServiceContext, "sideThread" | "clock">) {
    this.#context = context;
  }

  /** Takes the bytes of a large body away. Throws, or rejects with, `ApiError`; `JsonThreadError`; why the client is gone. */
  parse(bytes: Buffer, client: BodyClient): unknown {
    return bytes.length < LARGE_BYTES ? jsonOf(bytes) : this.#parseAside(bytes, client);
  }

  async #parseAside(bytes: Buffer, { tenant, signal }: BodyClient): Promise<unknown> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const job: Job = { bytes, resolve, reject };
    const leave = () => {
      this.#waiting.delete(tenant, job);
      reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    this.#waiting.push(tenant, job);
    if (this.#job === undefined) this.#next();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", leave);
      await this.#context.clock.turn(); // to take 11 MB over took a while, and so does to send them on
    }
  }

  #next(): void {
    this.#idle?.cancel();
    this.#job = this.#waiting.shift();
    if (this.#job === undefined) {
      this.#idle = this.#context.clock.after(MAX_IDLE_MS, () => this.#end());
      return;
    }
    this.#thread ??= this.#spawn();
    const bytes = movable(this.#job.bytes);
    this.#thread.post(bytes, [bytes.buffer]);
  }

  #spawn(): SideThread {
    const thread = this.#context.sideThread("json", undefined);
    thread.onMessage((message) => this.#receive(message as JsonAnswer)); // json.worker.ts
    thread.onExit((why) => {
      this.#thread = undefined;
      this.#take()?.reject(
        new JsonThreadError(`a body was not parsed: its thread has ended: ${why}`),
      );
      this.#next();
    });
    return thread;
  }

  #receive(answer: JsonAnswer): void {
    const job = this.#take();
    switch (answer.type) {
      case "parsed":
        keepRawTexts(answer.value, answer.raw);
        job?.resolve(answer.value);
        break;
      case "refused":
        job?.reject(new ApiError(answer.error));
        break;
      case "failed":
        job?.reject(new RemoteError(answer.error));
        break;
      default:
        unreachable(answer);
    }
    this.#next();
  }

  #take(): Job | undefined {
    const job = this.#job;
    this.#job = undefined;
    return job;
  }

  #end(): void {
    this.#thread?.terminate();
    this.#thread = undefined;
  }
}

/** The bytes themselves where they are all of their memory, else a copy: there may be the connection's next request. */
function movable({ buffer, byteOffset, byteLength }: Buffer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength); // HTTP bodies are not shared
  return buffer.byteLength === byteLength ? bytes : bytes.slice();
}

/** The thread died of the body, or ran out of memory. */
export class JsonThreadError extends DynamoError {
  override readonly code = "json_failed";
}
