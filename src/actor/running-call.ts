// The callee's side of a call: runs the endpoint, sends the answer, and ends it when the caller does not want it any more.
//
//   begin ── value ──────────────────────────> reply ─────────> ended
//     └───── async iterable ─> stream ─> item … (while there is credit) ─> end
//   a throw anywhere ────────────────────────> error
//   cancel: the calls that this call has opened fail now, then its iterator gets return()

import type { AsyncLocalStorage } from "node:async_hooks";

import { DynamoError, errorCode, toWireError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Envelope } from "./envelope.ts";
import type { Mailbox } from "./mailbox.ts";
import { OutgoingCall } from "./outgoing-call.ts";
import type { PulseWriter } from "./pulse.ts";

/** Runs an endpoint. Returns a value, a promise, or an async iterable, which becomes a stream; a throw is an answer. */
export type Handler = (endpoint: string, args: readonly unknown[]) => unknown;

/** State that all running calls of an actor share. */
export interface CallContext {
  readonly handler: Handler;
  readonly windowOf: (endpoint: string) => number;
  readonly mailbox: Mailbox;
  /** Which running call the current code belongs to. */
  readonly current: AsyncLocalStorage<RunningCall>;
  readonly counters: { callsTotal: number; errorsTotal: number; openStreams: number };
  readonly log: Logger;
  /** Is told what the thread begins or resumes. */
  readonly pulse: PulseWriter;
}

/** A running call's needs of the link that it came in on. */
export interface AnswerLink {
  readonly isCongested: boolean;
  send(envelope: Envelope): void;
  whenRoom(resume: () => void): void;
  /** The call has ended and left the mailbox. Called once. */
  ended(call: number): void;
}

/** Work that a call has begun and its cancel ends. */
export interface Cancellable {
  cancel(): void;
}

export class RunningCall {
  readonly #context: CallContext;
  readonly #link: AnswerLink;
  readonly #id: number;
  readonly #endpoint: string;
  readonly #opened = new Set<Cancellable>();
  #iterator: AsyncIterator<unknown> | undefined;
  #credit = 0;
  #isPulling = false;
  #isCancelled = false;
  #hasEnded = false;

  /** The mailbox has accepted the call. */
  constructor(options: {
    readonly context: CallContext;
    readonly link: AnswerLink;
    readonly id: number;
    readonly endpoint: string;
  }) {
    this.#context = options.context;
    this.#link = options.link;
    this.#id = options.id;
    this.#endpoint = options.endpoint;
  }

  begin(args: readonly unknown[]): void {
    this.#context.current.run(this, () => this.#begin(args));
  }

  /** The endpoint has called another actor: a cancel goes there too. */
  adopt(call: Cancellable): void {
    if (!this.#isCancelled && !this.#hasEnded) this.#opened.add(call);
  }

  /** That call has ended. */
  disown(call: Cancellable): void {
    this.#opened.delete(call);
  }

  addCredit(count: number): void {
    this.#credit += count;
    if (!this.#isPulling) this.#resume();
  }

  /** The caller does not want the answer any more, or is gone. */
  cancel(): void {
    if (this.#isCancelled || this.#hasEnded) return;
    this.#isCancelled = true;
    for (const call of [...this.#opened]) call.cancel();
    if (this.#iterator !== undefined) this.#return(this.#iterator);
  }

  /** Answers with `error` and cancels. */
  abort(error: DynamoError): void {
    if (this.#isCancelled || this.#hasEnded) return;
    this.#answerError(error);
    this.cancel();
  }

  #begin(args: readonly unknown[]): void {
    let result: unknown;
    this.#context.pulse.enter(this.#endpoint);
    try {
      result = this.#context.handler(this.#endpoint, args);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (result instanceof OutgoingCall) this.#forward(result);
    else if (isAsyncIterable(result)) this.#stream(result);
    else if (result instanceof Promise) void result.then(this.#onValue, this.#fail);
    else this.#onValue(result);
  }

  /** The answer of another actor is the answer, whatever it turns out to be. */
  #forward(call: OutgoingCall): void {
    const onKind = (kind: "value" | "stream") => {
      if (kind === "stream") this.#stream(call);
      else void call.then(this.#onValue, this.#fail);
    };
    void call.kind().then(onKind, this.#fail);
  }

  readonly #onValue = (value: unknown): void => {
    if (isAsyncIterable(value)) {
      this.#stream(value);
      return;
    }
    if (!this.#isCancelled && !this.#send({ type: "reply", call: this.#id, value })) return;
    this.#end();
  };

  #stream(iterable: AsyncIterable<unknown>): void {
    const iterator = iterable[Symbol.asyncIterator]();
    this.#iterator = iterator;
    this.#context.counters.openStreams++;
    if (this.#isCancelled) {
      this.#return(iterator);
      return;
    }
    this.#credit = this.#context.windowOf(this.#endpoint);
    this.#link.send({ type: "stream", call: this.#id, window: this.#credit });
    this.#pull();
  }

  // Per item: one next(), one microtask, one frame; < 1 µs beside the producer's own work.
  readonly #pull = (): void => {
    const iterator = this.#iterator;
    if (iterator === undefined || this.#isPulling || this.#isCancelled || this.#hasEnded) return;
    if (this.#credit === 0) return; // addCredit resumes
    if (this.#link.isCongested) {
      this.#link.whenRoom(this.#resume);
      return;
    }
    this.#isPulling = true;
    this.#context.pulse.enter(this.#endpoint);
    let step: Promise<IteratorResult<unknown>>;
    try {
      step = iterator.next();
    } catch (error) {
      this.#onThrow(error);
      return;
    }
    void step.then(this.#onStep, this.#onThrow);
  };

  /** Goes on pulling within this call: a credit and a bell come from outside of it. */
  readonly #resume = (): void => this.#context.current.run(this, this.#pull);

  readonly #onStep = (step: IteratorResult<unknown>): void => {
    this.#isPulling = false;
    if (this.#isCancelled || this.#hasEnded) return;
    if (step.done === true) {
      this.#link.send({ type: "end", call: this.#id });
      this.#end();
      return;
    }
    this.#credit--;
    if (this.#send({ type: "item", call: this.#id, value: step.value })) this.#pull();
  };

  readonly #onThrow = (error: unknown): void => {
    this.#isPulling = false;
    if (!this.#isCancelled) this.#fail(error);
  };

  /** False if the value cannot travel: then that is the answer, and the iterator is told to end. */
  #send(envelope: Envelope): boolean {
    try {
      this.#link.send(envelope);
      return true;
    } catch (error) {
      this.#answerError(error);
      if (this.#iterator === undefined) this.#end();
      else this.cancel();
      return false;
    }
  }

  /** The endpoint threw. */
  readonly #fail = (error: unknown): void => {
    if (!this.#isCancelled) this.#answerError(error);
    else this.#report(error);
    this.#end();
  };

  #answerError(error: unknown): void {
    this.#context.counters.errorsTotal++;
    this.#report(error);
    this.#link.send({ type: "error", call: this.#id, error: toWireError(error) });
  }

  #report(error: unknown): void {
    if (error instanceof DynamoError) return; // expected, and the caller's to judge
    const { message, stack } = toWireError(error);
    this.#context.log.error(`${this.#endpoint} threw: ${stack ?? message}`);
  }

  /** Ends the iterator of a cancelled call. The call has ended when its `finally` has. */
  #return(iterator: AsyncIterator<unknown>): void {
    this.#context.current.run(this, () => {
      let returned: Promise<unknown> | undefined;
      try {
        returned = iterator.return?.();
      } catch (error) {
        this.#report(error);
      }
      if (returned === undefined) return this.#end();
      void returned.then(
        () => this.#end(),
        (error: unknown) => {
          if (errorCode(error) !== "cancelled") this.#report(error);
          this.#end();
        },
      );
    });
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#iterator !== undefined) this.#context.counters.openStreams--;
    this.#opened.clear();
    this.#context.mailbox.release();
    this.#link.ended(this.#id);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
