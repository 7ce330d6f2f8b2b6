// The body of a streamed answer on its way to the socket. Pieces of one turn of the event loop leave as one write.

import type { FlushQueue } from "./flush-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { BodySink } from "./streaming-response.ts";

export interface BodyStreamOptions {
  readonly head: string;
  readonly isChunked: boolean;
  readonly outbox: Outbox;
  readonly flushQueue: FlushQueue;
}

/** Held back within one turn at most, in UTF-16 code units. */
const MAX_PENDING = 32 * 1024;

export class BodyStream implements BodySink {
  readonly #options: BodyStreamOptions;
  #head: string;
  #pending = "";
  #isScheduled = false;

  constructor(options: BodyStreamOptions) {
    this.#options = options;
    this.#head = options.head;
    this.#schedule();
  }

  // per event
  write(text: string): Promise<void> | undefined {
    this.#pending += text;
    if (this.#pending.length > MAX_PENDING) this.flush();
    else this.#schedule();
    const { outbox } = this.#options;
    return outbox.isBehind ? outbox.drained() : undefined;
  }

  end(): void {
    this.#send(this.#options.isChunked ? "0\r\n\r\n" : "");
  }

  /** The turn ends. */
  flush(): void {
    this.#isScheduled = false;
    this.#send("");
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.flushQueue.add(this);
  }

  #send(ending: string): void {
    const { isChunked, outbox } = this.#options;
    const body = isChunked && this.#pending !== "" ? chunk(this.#pending) : this.#pending;
    const text = this.#head + body + ending;
    this.#head = "";
    this.#pending = "";
    if (text !== "") outbox.write(text);
  }
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
