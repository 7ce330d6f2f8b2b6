// Writes one answer after the other: whole ones at once, streams as they are made.

import { BodyStream } from "./body-stream.ts";
import type { FlushQueue } from "./flush-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { RequestHead } from "./request-head.ts";
import { type AnswerFraming, type DateHeader, responseHead } from "./response-head.ts";
import { StreamingResponse } from "./streaming-response.ts";

export interface Answer {
  readonly response: Response;
  readonly request: Pick<RequestHead, "method" | "minorVersion">;
  /** No other answer follows on this connection. */
  readonly isLast: boolean;
}

export interface AnswerWriterOptions {
  readonly outbox: Outbox;
  readonly flushQueue: FlushQueue;
  readonly date: DateHeader;
}

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

export class AnswerWriter {
  readonly #options: AnswerWriterOptions;
  #state: "none" | "whole" | { readonly body: BodyStream; readonly heartbeat: string } = "none";

  constructor(options: AnswerWriterOptions) {
    this.#options = options;
  }

  /** Resolves when all of it is in the outbox, or the stream broke: the connection is to be cut then. */
  async write(answer: Answer): Promise<"written" | "broken"> {
    const { response } = answer;
    try {
      if (response instanceof StreamingResponse) return await this.#writeStream(response, answer);
      await this.#writeWhole(answer);
      return "written";
    } finally {
      this.#state = "none";
    }
  }

  /** The client may send its body; or, to a client that is gone, what makes its machine say so. */
  continue(): void {
    this.#options.outbox.write(CONTINUE);
  }

  /** Sends what means nothing and may be sent now, to find out whether the client is still there. */
  probe({ minorVersion }: Pick<RequestHead, "minorVersion">): void {
    if (typeof this.#state === "object") void this.#state.body.write(this.#state.heartbeat);
    else if (this.#state === "none" && minorVersion === 1) this.continue();
  }

  async #writeWhole(answer: Answer): Promise<void> {
    const { outbox } = this.#options;
    const { response, request } = answer;
    const body = response.body === null ? "" : await response.text();
    this.#state = "whole";
    const hasBody = response.status !== 204 && response.status !== 304;
    const numBytes = Buffer.byteLength(body);
    const head = this.#head(answer, hasBody ? { type: "length", numBytes } : { type: "none" });
    outbox.write(request.method === "HEAD" ? head : head + body);
  }

  async #writeStream(response: StreamingResponse, answer: Answer): Promise<"written" | "broken"> {
    const { outbox, flushQueue } = this.#options;
    if (answer.request.method === "HEAD") {
      outbox.write(this.#head(answer, { type: "none" })); // The stream never starts.
      return "written";
    }
    const isChunked = answer.request.minorVersion === 1;
    const head = this.#head(answer, { type: isChunked ? "chunked" : "until-close" });
    const body = new BodyStream({ head, isChunked, outbox, flushQueue });
    this.#state = { body, heartbeat: response.heartbeat };
    try {
      await response.pump(body);
    } catch {
      return "broken"; // The app throws to cut a stream, and has logged why.
    }
    body.end();
    return "written";
  }

  #head({ response, request, isLast }: Answer, framing: AnswerFraming): string {
    const persists = request.minorVersion === 0 ? "keep-alive" : undefined;
    const connection = isLast ? "close" : persists;
    return responseHead({ response, framing, connection, date: this.#options.date.text });
  }
}
