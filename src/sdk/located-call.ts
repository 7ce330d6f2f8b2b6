// A call to an instance whose actor is yet to be asked for: it begins when the answer is there. A cancel reaches it before
// that too, be it the reader's or that of the call within which it was made.

import type { Actor } from "../actor/actor.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { Call } from "../actor/call.ts";
import { CancelledError } from "../base/error.ts";
import { ClientCall, END } from "./client-call.ts";

export class LocatedCall extends ClientCall {
  /** In an object, since a promise of a call would wait for its answer. */
  readonly #opened = Promise.withResolvers<{ readonly call: Call }>();
  #call: Call | undefined;
  #isCancelled = false;

  constructor(
    actor: Pick<Actor, "adopt">,
    located: Promise<ActorId>,
    open: (target: ActorId) => Call,
  ) {
    super();
    this.#opened.promise.catch(() => {}); // its reader, if there is one, has the error
    const disown = actor.adopt(this);
    located.then(
      (target) => {
        disown();
        if (this.#isCancelled) return;
        this.#call = open(target);
        this.#opened.resolve({ call: this.#call });
      },
      (error) => {
        disown();
        this.#opened.reject(error);
      },
    );
  }

  async settle(): Promise<unknown> {
    const { call } = await this.#opened.promise;
    return call;
  }

  async next(): Promise<IteratorResult<unknown>> {
    const { call } = await this.#opened.promise;
    return call.next();
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (this.#call === undefined) this.cancel();
    else await this.#call.return?.();
    return END;
  }

  cancel(): void {
    this.#isCancelled = true;
    if (this.#call !== undefined) this.#call.cancel();
    else this.#opened.reject(new CancelledError("the call was cancelled before it began"));
  }

  async kind(): Promise<"value" | "stream"> {
    const { call } = await this.#opened.promise;
    return call.kind();
  }
}
