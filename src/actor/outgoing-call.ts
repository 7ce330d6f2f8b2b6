// The caller's side of a call: holds what has arrived until it is read, and pays for it with credit.

import { CancelledError } from "../base/error.ts";
import type { Call } from "./call.ts";
import { WrongReplyError } from "./error.ts";

/** A call's needs of the link that it went out on. */
export interface CallLink {
  sendCancel(call: number): void;
  sendCredit(call: number, count: number): void;
  /** The call has ended, for whatever reason. Called once. */
  ended(call: OutgoingCall): void;
}

type Outcome =
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: Error };

interface Reader {
  readonly resolve: (result: IteratorResult<unknown>) => void;
  readonly reject: (error: Error) => void;
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });
const END: Outcome = { type: "end" };

export class OutgoingCall implements Call {
  readonly id: number;
  readonly endpoint: string;
  readonly [Symbol.toStringTag] = "Call";
  readonly #link: CallLink;
  #window = 0; // 0 until the reply says that it is a stream
  #outcome: Outcome | undefined;

  // As a stream. Items lie in #items[#first..]; readers wait only while there are none.
  #items: unknown[] = [];
  #first = 0;
  #readers: Reader[] = [];
  #delivered = 0; // handed to the reader, who may still be at work on the last
  #done = 0; // that the reader has come back from, and that were not yet paid for
  #hasThrown = false;

  // As a promise, made when the caller asks for one.
  #answer: PromiseWithResolvers<unknown> | undefined;
  #kind: PromiseWithResolvers<"value" | "stream"> | undefined;

  constructor(id: number, endpoint: string, link: CallLink) {
    this.id = id;
    this.endpoint = endpoint;
    this.#link = link;
  }

  // The callee's half.

  receiveReply(value: unknown): void {
    this.#settle({ type: "value", value });
  }

  receiveStream(window: number): void {
    if (this.#outcome !== undefined) return;
    this.#window = window;
    this.#kind?.resolve("stream");
    if (this.#answer !== undefined) this.#refuseAwait();
  }

  receiveItem(value: unknown): void {
    if (this.#outcome !== undefined) return;
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push(value);
    } else {
      this.#delivered++;
      reader.resolve({ done: false, value });
    }
  }

  receiveEnd(): void {
    this.#settle(END);
  }

  /** The callee's error, or the link's. */
  receiveError(error: Error): void {
    this.#settle({ type: "error", error });
  }

  // The caller's half.

  cancel(): void {
    this.#abandon(new CancelledError(`the call of ${this.endpoint} was cancelled`));
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#payForDelivered();
    if (this.#first < this.#items.length) {
      this.#delivered++;
      return Promise.resolve({ done: false, value: this.#takeItem() });
    }
    if (this.#outcome !== undefined) return this.#readOutcome(this.#outcome);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#leave();
    return Promise.resolve({ done: true, value });
  }

  throw(error?: unknown): Promise<IteratorResult<unknown>> {
    this.#leave();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  // biome-ignore lint/suspicious/noThenProperty: a call is a promise, made only when it is awaited
  then<A = unknown, B = never>(
    onValue?: ((value: unknown) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#asPromise().then(onValue, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<unknown> {
    return this.#asPromise().catch(onError);
  }

  finally(onSettled?: (() => void) | null): Promise<unknown> {
    return this.#asPromise().finally(onSettled);
  }

  /** Resolves when it is known what the answer is. For a call that is itself returned as an answer. */
  kind(): Promise<"value" | "stream"> {
    if (this.#kind === undefined) {
      this.#kind = Promise.withResolvers();
      if (this.#outcome !== undefined) this.#settleKind(this.#outcome);
      else if (this.#window > 0) this.#kind.resolve("stream");
    }
    return this.#kind.promise;
  }

  #takeItem(): unknown {
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    }
    return item;
  }

  /** The reader comes back, so it has done with what it was given. Half a window is paid at once, to save messages. */
  #payForDelivered(): void {
    this.#done += this.#delivered;
    this.#delivered = 0;
    if (this.#done === 0 || this.#outcome !== undefined || this.#done < this.#window >> 1) return;
    this.#link.sendCredit(this.id, this.#done);
    this.#done = 0;
  }

  #readOutcome(outcome: Outcome): Promise<IteratorResult<unknown>> {
    switch (outcome.type) {
      case "end":
        return Promise.resolve(DONE);
      case "value":
        return Promise.reject(this.#notAStream());
      case "error":
        if (this.#hasThrown) return Promise.resolve(DONE); // once, as a generator does
        this.#hasThrown = true;
        return Promise.reject(outcome.error);
    }
  }

  #asPromise(): Promise<unknown> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers();
      if (this.#outcome !== undefined) this.#settleAnswer(this.#outcome);
      else if (this.#window > 0) this.#refuseAwait();
    }
    return this.#answer.promise;
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#link.ended(this);
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) settleReader(reader, outcome, this.#notAStream);
    this.#settleKind(outcome);
    this.#settleAnswer(outcome);
  }

  #settleKind(outcome: Outcome): void {
    if (outcome.type === "value") this.#kind?.resolve("value");
    else if (outcome.type === "end" || this.#window > 0) this.#kind?.resolve("stream");
    else this.#kind?.reject(outcome.error);
  }

  #settleAnswer(outcome: Outcome): void {
    if (outcome.type === "value") this.#answer?.resolve(outcome.value);
    else if (outcome.type === "error") this.#answer?.reject(outcome.error);
    else this.#answer?.reject(this.#notAValue());
  }

  /** The reader leaves its loop. */
  #leave(): void {
    this.#drop();
    if (this.#outcome !== undefined) return;
    this.#link.sendCancel(this.id);
    this.#settle(END);
  }

  #abandon(error: Error): void {
    if (this.#outcome !== undefined) return;
    this.#drop();
    this.#link.sendCancel(this.id);
    this.#settle({ type: "error", error });
  }

  #drop(): void {
    this.#items = [];
    this.#first = 0;
  }

  #refuseAwait(): void {
    this.#abandon(this.#notAValue());
  }

  readonly #notAStream = (): Error =>
    new WrongReplyError(`${this.endpoint} answered with a value: await it, do not iterate it`);

  #notAValue(): Error {
    return new WrongReplyError(
      `${this.endpoint} answered with a stream: iterate it, do not await it`,
    );
  }
}

function settleReader(reader: Reader, outcome: Outcome, notAStream: () => Error): void {
  if (outcome.type === "end") reader.resolve(DONE);
  else reader.reject(outcome.type === "error" ? outcome.error : notAStream());
}
