// A request as the app sees it. It is near enough to a fetch `Request` that tests may use one of those instead.

import type { ByteBudget } from "./byte-budget.ts";
import { bodyTooLarge, overloaded } from "./fault.ts";
import type { RequestHead } from "./request-head.ts";

/** By names in any case. */
export type RequestHeaders = Pick<Headers, "get" | "has" | "keys">;

export interface HttpRequest {
  readonly method: string;
  /** A path with its query, or a whole URL. */
  readonly url: string;
  readonly headers: RequestHeaders;
  /** Aborted as soon as the client is known to be gone. */
  readonly signal: AbortSignal;
}

/** The other end, for the app. */
export interface Connection {
  /** Distinguishes the last 2^31 connections of this server; below 2^31. */
  readonly number: number;
  /** There are too many connections: only urgent requests are to be served, such as an operator's. */
  readonly isSpare: boolean;
  /** The client's IP address. */
  readonly peer: string;
}

export interface RequestOptions {
  /** Called once, when the app asks for the body. */
  readonly onWanted: () => void;
  readonly bodies: ByteBudget;
  /** Bytes of the body that are not charged to `bodies`. */
  readonly freeBodyBytes: number;
}

const EMPTY = Buffer.alloc(0);
/** A client that states a length and sends little of it is given little memory. */
const MAX_GROWTH = 16;

export class IncomingRequest implements HttpRequest {
  readonly head: RequestHead;
  readonly headers: RequestHeaders;
  readonly #options: RequestOptions;
  /** The body so far is its first `#numBytes`. */
  #bytes: Buffer = EMPTY;
  #numBytes = 0;
  /** Bytes charged to the budget. */
  #numCharged = 0;
  #reader: { maxBytes: number; done: PromiseWithResolvers<Buffer> } | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;

  constructor(head: RequestHead, options: RequestOptions) {
    this.head = head;
    this.#options = options;
    const { headers } = head;
    this.headers = {
      get: (name) => headers.get(name.toLowerCase()) ?? null,
      has: (name) => headers.has(name.toLowerCase()),
      keys: () => headers.keys(),
    };
  }

  get method(): string {
    return this.head.method;
  }

  get url(): string {
    return this.head.url;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  /** The whole body. Once; `release` must follow. Throws `HttpFault` if it is larger, malformed or late, or 503. */
  read(maxBytes: number): Promise<Buffer> {
    const done = Promise.withResolvers<Buffer>();
    this.#reader = { maxBytes, done };
    const { framing } = this.head;
    if (this.#isAborted) done.reject(this.signal.reason);
    else if (framing.type === "length" && framing.numBytes > maxBytes)
      this.fail(bodyTooLarge(maxBytes));
    else this.#options.onWanted();
    return done.promise;
  }

  /** The body that was read, or was not, is needed no longer. Idempotent. */
  release(): void {
    this.#options.bodies.release(this.#numCharged);
    this.#numCharged = 0;
    this.#reader = undefined;
  }

  /** For the connection: a piece of the body. */
  receive(chunk: Buffer): void {
    if (!this.#reader) return; // it is dropped: the app has answered without it
    const numBytes = this.#numBytes + chunk.length;
    if (numBytes > this.#reader.maxBytes) this.fail(bodyTooLarge(this.#reader.maxBytes));
    else if (!this.#charge(numBytes))
      this.fail(overloaded("Too many large bodies are on their way."));
    else if (this.#numBytes === 0) this.#bytes = chunk;
    else this.#append(chunk);
    this.#numBytes = numBytes;
  }

  /** For the connection: the body is whole. */
  complete(): void {
    this.#reader?.done.resolve(this.#bytes.subarray(0, this.#numBytes));
    this.#bytes = EMPTY;
  }

  /** For the connection: the body will never be whole. */
  fail(reason: unknown): void {
    this.#bytes = EMPTY;
    this.#reader?.done.reject(reason);
    this.#reader = undefined;
  }

  /** For the connection: the client is gone. */
  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
    this.fail(this.#reader && this.signal.reason);
  }

  /** Charges what `numBytes` of a body cost; returns whether the budget has them. */
  #charge(numBytes: number): boolean {
    const { bodies, freeBodyBytes } = this.#options;
    const wanted = Math.max(0, numBytes - freeBodyBytes) - this.#numCharged;
    if (!bodies.canAcquire(wanted)) return false;
    bodies.acquire(wanted);
    this.#numCharged += wanted;
    return true;
  }

  /** A body of one-byte chunks costs its bytes, not an object each. */
  #append(chunk: Buffer): void {
    const numBytes = this.#numBytes + chunk.length;
    if (numBytes > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(this.#roomFor(numBytes));
      this.#bytes.copy(grown, 0, 0, this.#numBytes);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#numBytes);
  }

  /** Twice as much, but for a body that comes near to the length that it states: each copy of 10 MB takes 5 ms. */
  #roomFor(numBytes: number): number {
    const { framing } = this.head;
    const isNear = framing.type === "length" && framing.numBytes <= numBytes * MAX_GROWTH;
    return isNear ? framing.numBytes : numBytes * 2;
  }
}
