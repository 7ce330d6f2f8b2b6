// Cuts the bytes of a connection into heads and bodies. It knows no socket and no time.

import { type BodyDecoder, bodyDecoder } from "./body-decoder.ts";
import type { HttpLimits } from "./limits.ts";
import { checkBeginning, headTooLarge, parseHead, type RequestHead } from "./request-head.ts";

const NO_BODY = bodyDecoder({ type: "none" });
const EMPTY = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;

export class RequestReader {
  readonly #limits: HttpLimits;
  #inbox: Buffer = EMPTY;
  #body: BodyDecoder = NO_BODY;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** Bytes that have arrived and were not taken. */
  get numBytes(): number {
    return this.#inbox.length;
  }

  /** Whether all of the last head's body has been taken. */
  get hasWholeBody(): boolean {
    return this.#body.isDone;
  }

  push(bytes: Buffer): void {
    this.#inbox = this.#inbox.length === 0 ? bytes : Buffer.concat([this.#inbox, bytes]);
  }

  /** The next head, or `undefined` while it is not whole. Throws `HttpFault`. */
  takeHead(): RequestHead | undefined {
    this.#skipEmptyLines();
    const { maxHeadBytes, maxHeaders } = this.#limits;
    const end = this.#inbox.indexOf("\r\n\r\n");
    const numBytes = end < 0 ? this.#inbox.length : end;
    if (numBytes > maxHeadBytes) throw headTooLarge(`more than ${maxHeadBytes} bytes`);
    if (end < 0) {
      if (numBytes > 0) checkBeginning(this.#inbox.toString("latin1"));
      return undefined;
    }
    const head = parseHead(this.#inbox.toString("latin1", 0, end), maxHeaders);
    this.#inbox = this.#inbox.subarray(end + 4);
    this.#body = head.framing.type === "none" ? NO_BODY : bodyDecoder(head.framing);
    return head;
  }

  /** Gives `take` what there is of the body; returns whether it is whole. Throws `HttpFault`. */
  takeBody(take: (chunk: Buffer) => void): boolean {
    if (!this.#body.isDone && this.#inbox.length > 0) {
      this.#inbox = this.#inbox.subarray(this.#body.decode(this.#inbox, take));
    }
    return this.#body.isDone;
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.#inbox = EMPTY;
  }

  /** RFC 9112, 2.2: some clients send an empty line behind a body. */
  #skipEmptyLines(): void {
    let at = 0;
    while (this.#inbox[at] === CR && this.#inbox[at + 1] === LF) at += 2;
    if (at > 0) this.#inbox = this.#inbox.subarray(at);
  }
}
