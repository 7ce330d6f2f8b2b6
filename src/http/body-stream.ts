// The body of a streamed answer on its way to the socket. Pieces of one turn of the event loop leave as one write.

import type { Clock } from "../base/clock.ts";
import type { Outbox } from "./outbox.ts";
import type { BodySink } from "./streaming-response.ts";

export interface BodyStreamOptions {
  readonly head: string;
  readonly isChunked: boolean;
  readonly outbox: Outbox;
  readonly clock: Clock;
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

  write(text: string): Promise<void> | undefined {
    this.#pending += text;
    if (this.#pending.length > MAX_PENDING) this.#flush("");
    else this.#schedule();
    const { outbox } = this.#options;
    return outbox.isBehind ? outbox.drained() : undefined;
  }

  end(): void {
    this.#flush(this.#options.isChunked ? "0\r\n\r\n" : "");
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void this.#options.clock.turn().then(() => {
      this.#isScheduled = false;
      this.#flush("");
    });
  }

  #flush(ending: string): void {
    const { isChunked, outbox } = this.#options;
    const text = this.#head + (isChunked ? chunk(this.#pending) : this.#pending) + ending;
    this.#head = "";
    this.#pending = "";
    if (text !== "") outbox.write(text);
  }
}

function chunk(text: string): string {
  return text === "" ? "" : `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
