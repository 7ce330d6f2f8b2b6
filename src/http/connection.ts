// One client's connection: requests are read from it one after the other, and answered in their order.
//
//   received --RequestReader--> head --> app.fetch --> response --AnswerWriter--> Outbox --> socket
//                          `--> body --^ (when the app asks for it)
//
// While an answer is on its way no more is read than `maxWaitingBytes`, so a client that sends requests without end
// costs one request at a time. A client that closes its half of the connection still gets its answers. It cannot be
// told from one that has closed altogether until something is sent to it, so it is probed: by `100 Continue` before
// an answer, by a heartbeat within one. The machine of a client that is gone replies with a reset.

import type { Socket } from "bun";

import { unreachable } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { DoorTime } from "./door-time.ts";
import { HttpFault, malformed, timedOut } from "./fault.ts";
import type { FlushQueue } from "./flush-queue.ts";
import { type Connection, type HttpRequest, IncomingRequest } from "./incoming-request.ts";
import type { HttpLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestReader } from "./request-reader.ts";
import type { DateHeader } from "./response-head.ts";
import { StreamingResponse } from "./streaming-response.ts";

/** The app behind the door. */
export interface HttpApp {
  /** Never throws. */
  fetch(request: HttpRequest, connection: Connection): Response | Promise<Response>;
  /** The answer to what is no request. */
  refuse(fault: HttpFault): Response;
}

export interface ConnectionOptions {
  readonly socket: Socket<HttpConnection | undefined>;
  readonly number: number;
  readonly app: HttpApp;
  readonly limits: HttpLimits;
  readonly bodies: ByteBudget;
  /** It is one more than `limits.maxConnections`, and ends after one request. */
  readonly isSpare: boolean;
  readonly clock: Clock;
  readonly time: DoorTime;
  readonly flushQueue: FlushQueue;
  readonly date: DateHeader;
}

/** The event that a connection waits for. Each has its timeout. */
type Wait = "request" | "head" | "body" | "app" | "client" | "linger";

const MAX_PROBE_MS = 10_000;
const NO_REQUEST = { method: "", minorVersion: 1, isPersistent: false } as const;

export class HttpConnection implements Connection {
  readonly number: number;
  readonly peer: string;
  readonly isSpare: boolean;
  readonly #options: ConnectionOptions;
  readonly #reader: RequestReader;
  readonly #outbox: Outbox;
  readonly #writer: AnswerWriter;
  #request: IncomingRequest | undefined;
  #wait: Wait = "request";
  #dueAt = 0;
  #bodyDueAt = 0;
  #isHalfClosed = false;
  #isRetiring = false;
  #isPaused = false;
  #isClosed = false;
  #probe: Timer | undefined;

  constructor(options: ConnectionOptions) {
    const { socket, number, limits, flushQueue, date } = options;
    this.number = number;
    this.peer = socket.remoteAddress;
    this.isSpare = options.isSpare;
    this.#options = options;
    this.#reader = new RequestReader(limits);
    this.#outbox = new Outbox(socket);
    this.#writer = new AnswerWriter({ outbox: this.#outbox, flushQueue, date });
    this.#waitFor("request");
  }

  /** The client has sent something. */
  received(bytes: Buffer): void {
    if (this.#wait === "linger") return;
    this.#reader.push(bytes);
    this.#advance();
  }

  /** The client will send no more. It may still read. */
  ended(): void {
    this.#isHalfClosed = true;
    this.#advance();
    if (this.#wait === "linger") this.#end();
    if (!this.#isBetweenRequests) return;
    if (this.#reader.numBytes === 0) this.#end();
    else void this.#refuse(malformed("The request ends before it is whole."));
  }

  /** The socket takes more. */
  drained(): void {
    this.#outbox.flush();
    if (this.#wait === "client") this.#waitFor("client");
  }

  /** The connection is gone. */
  closed(): void {
    this.#isClosed = true;
    this.#probe?.cancel();
    this.#outbox.close();
    this.#request?.abort();
  }

  /** It has a request, or an answer to one. */
  get isAtWork(): boolean {
    return !this.#isBetweenRequests && this.#wait !== "linger";
  }

  /** Closes as soon as no answer is on its way. */
  retire(): void {
    this.#isRetiring = true;
    if (this.#isBetweenRequests || this.#wait === "linger") this.#end();
  }

  cut(): void {
    this.#options.socket.terminate();
  }

  /** Acts on a client that has kept this connection waiting for too long. */
  checkDeadline(): void {
    if (!this.#options.time.hasCome(this.#dueAt)) return;
    if (this.#wait === "head") void this.#refuse(timedOut("The head did not arrive in time."));
    else if (this.#wait === "body") this.#loseBody(timedOut("The body did not arrive in time."));
    else if (this.#wait === "client") this.cut();
    else this.#end();
  }

  get #isBetweenRequests(): boolean {
    return this.#wait === "request" || this.#wait === "head";
  }

  #advance(): void {
    if (this.#isBetweenRequests) this.#takeHead();
    else if (this.#wait === "body") this.#takeBody();
    else if (this.#isHalfClosed) this.#probeLater(this.#options.limits.probeMs);
    this.#throttle();
  }

  #takeHead(): void {
    let head: RequestHead | undefined;
    try {
      head = this.#reader.takeHead();
    } catch (error) {
      return void this.#refuse(error);
    }
    if (head) void this.#serve(this.#requestOf(head));
    else if (this.#wait === "request" && this.#reader.numBytes > 0) this.#waitFor("head");
  }

  #requestOf(head: RequestHead): IncomingRequest {
    const { bodies, limits } = this.#options;
    const onWanted = () => this.#startBody();
    return new IncomingRequest(head, { onWanted, bodies, freeBodyBytes: limits.freeBodyBytes });
  }

  async #serve(request: IncomingRequest): Promise<void> {
    this.#request = request;
    this.#waitFor("app");
    if (this.#isHalfClosed) this.#probeLater(this.#options.limits.probeMs);
    const response = await this.#options.app.fetch(request, this);
    if (!this.#isClosed) await this.#answer(request.head, response);
  }

  async #refuse(error: unknown): Promise<void> {
    if (!(error instanceof HttpFault)) throw error;
    this.#isRetiring = true;
    await this.#answer(NO_REQUEST, this.#options.app.refuse(error));
  }

  async #answer(
    head: Pick<RequestHead, "method" | "minorVersion" | "isPersistent">,
    response: Response,
  ) {
    const isStream = response instanceof StreamingResponse;
    const isOpen = this.#dropBody() && !this.#isRetiring && !this.isSpare && head.isPersistent;
    const isLast = !isOpen || (isStream && head.minorVersion === 0);
    this.#waitFor(isStream ? "app" : "client");
    const outcome = await this.#writer.write({ response, request: head, isLast });
    if (outcome === "broken") this.cut();
    this.#waitFor("client");
    if (this.#outbox.isBehind) await this.#outbox.drained();
    if (this.#isClosed) return;
    this.#probe?.cancel();
    this.#request = undefined;
    if (isLast || this.#isRetiring) this.#linger();
    else this.#next();
  }

  #next(): void {
    this.#waitFor("request");
    if (this.#reader.numBytes > 0) void this.#options.clock.turn().then(() => this.#nextOfMany());
    else if (this.#isHalfClosed) this.#end();
    this.#throttle();
  }

  /** Requests that were sent together are answered one a turn, so that others get theirs between them. */
  #nextOfMany(): void {
    if (this.#isClosed || !this.#isBetweenRequests) return;
    if (this.#isHalfClosed) this.ended();
    else this.#advance();
  }

  /** The app asks for the body. */
  #startBody(): void {
    this.#bodyDueAt = this.#options.time.in(this.#options.limits.bodyMs);
    const { expectsContinue } = this.#request?.head ?? {};
    if (expectsContinue && !this.#reader.hasWholeBody && this.#reader.numBytes === 0) {
      this.#writer.continue();
    }
    this.#waitFor("body");
    this.#advance();
  }

  #takeBody(): void {
    const request = this.#request;
    if (!request) return;
    this.#waitFor("body");
    try {
      const isWhole = this.#reader.takeBody((chunk) => request.receive(chunk));
      if (!isWhole && this.#isHalfClosed) throw malformed("The body ends before it is whole.");
      if (!isWhole) return;
    } catch (error) {
      this.#loseBody(error);
      return;
    }
    this.#waitFor("app");
    request.complete();
    if (this.#isHalfClosed) this.#advance();
  }

  /** The rest of the body will not be understood, so no request can follow. */
  #loseBody(reason: unknown): void {
    this.#isRetiring = true;
    this.#waitFor("app");
    this.#request?.fail(reason);
  }

  /** Passes over the part of the body that the app left, if it is here. Returns whether the next request can be found. */
  #dropBody(): boolean {
    try {
      return this.#reader.takeBody(() => {});
    } catch (error) {
      if (error instanceof HttpFault) return false;
      throw error;
    }
  }

  /**
   * Ends the answers and reads on for a while: to close on bytes that are still arriving would be a reset, which
   * makes the client's machine throw the last answer away.
   */
  #linger(): void {
    if (this.#isHalfClosed) {
      this.#end();
      return;
    }
    this.#waitFor("linger");
    this.#reader.clear();
    this.#throttle();
    this.#options.socket.shutdown();
  }

  #end(): void {
    this.#options.socket.end();
  }

  #probeLater(delayMs: number): void {
    this.#probe?.cancel();
    this.#probe = this.#options.clock.after(delayMs, () => {
      if (!this.#request || this.#isClosed) return;
      if (!this.#outbox.isBehind) this.#writer.probe(this.#request.head);
      this.#probeLater(Math.min(delayMs * 2, MAX_PROBE_MS));
    });
  }

  #throttle(): void {
    const { limits, socket } = this.#options;
    const isFull = this.#reader.numBytes > limits.maxWaitingBytes && this.#wait !== "linger";
    if (isFull === this.#isPaused || this.#isClosed) return;
    this.#isPaused = isFull;
    if (isFull) socket.pause();
    else socket.resume();
  }

  #waitFor(wait: Wait): void {
    this.#wait = wait;
    this.#dueAt = this.#dueIn(wait);
  }

  #dueIn(wait: Wait): number {
    const { time, limits } = this.#options;
    switch (wait) {
      case "request":
      case "client":
        return time.in(limits.silenceMs);
      case "head":
        return time.in(limits.headMs);
      case "body":
        return Math.min(time.in(limits.silenceMs), this.#bodyDueAt);
      case "linger":
        return time.in(limits.lingerMs);
      case "app":
        return Infinity;
      default:
        return unreachable(wait);
    }
  }
}
