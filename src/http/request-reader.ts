// Cuts the bytes of a connection into heads and bodies. It knows no socket and no time.

import { type BodyDecoder, bodyDecoder } from "./body-decoder.ts";
import { HeadScanner } from "./head-scanner.ts";
import { Inbox } from "./inbox.ts";
import type { HttpLimits } from "./limits.ts";
import { headTooLarge, parseHead, type RequestHead } from "./request-head.ts";

const NO_BODY = bodyDecoder({ type: "none" });
const CR = 0x0d;
const LF = 0x0a;

export class RequestReader {
  readonly #limits: HttpLimits;
  readonly #inbox = new Inbox();
  #scanner = new HeadScanner();
  #body: BodyDecoder = NO_BODY;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** Bytes that have arrived and were not taken. */
  get numBytes(): number {
    return this.#inbox.numBytes;
  }

  /** All of the last head's body has been taken. */
  get hasWholeBody(): boolean {
    return this.#body.isDone;
  }

  push(bytes: Buffer): void {
    this.#inbox.push(bytes);
  }

  /** The next head, or `undefined` while it is not whole. Throws `HttpFault`. */
  takeHead(): RequestHead | undefined {
    this.#skipEmptyLines();
    const { maxHeadBytes, maxHeaders } = this.#limits;
    const { bytes } = this.#inbox;
    if (bytes.length === 1 && bytes[0] === CR) return undefined; // half an empty line
    const end = this.#scanner.scan(bytes.subarray(0, maxHeadBytes + 4));
    if (end === undefined) {
      if (bytes.length > maxHeadBytes + 4) throw headTooLarge(`more than ${maxHeadBytes} bytes`);
      return undefined;
    }
    const head = parseHead(bytes.toString("latin1", 0, end), maxHeaders);
    this.#inbox.take(end + 4);
    this.#scanner = new HeadScanner();
    this.#body = head.framing.type === "none" ? NO_BODY : bodyDecoder(head.framing);
    return head;
  }

  /** Gives `take` what there is of the body; returns whether it is whole. Throws `HttpFault`. */
  takeBody(take: (chunk: Buffer) => void): boolean {
    if (!this.#body.isDone && this.#inbox.numBytes > 0) {
      this.#inbox.take(this.#body.decode(this.#inbox.bytes, take));
    }
    return this.#body.isDone;
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.#inbox.clear();
  }

  /** RFC 9112, 2.2: some clients send an empty line behind a body. */
  #skipEmptyLines(): void {
    const { bytes } = this.#inbox;
    let at = 0;
    while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    this.#inbox.take(at);
  }
}
