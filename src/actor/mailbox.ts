// Counts the calls that an actor has accepted and that have not ended, and refuses those that are too many.

import type { DynamoError } from "../base/error.ts";
import { ActorStoppingError, MailboxFullError } from "./error.ts";

export class Mailbox {
  readonly #tag: string;
  readonly #maxCalls: number;
  #depth = 0;
  #stopping = false;
  #idle: (() => void)[] = [];

  constructor(options: { readonly tag: string; readonly maxCalls: number }) {
    this.#tag = options.tag;
    this.#maxCalls = options.maxCalls;
  }

  get depth(): number {
    return this.#depth;
  }

  /** Takes one more call, or says why not. */
  accept(): DynamoError | undefined {
    if (this.#stopping) return new ActorStoppingError(`${this.#tag} is stopping`);
    if (this.#depth >= this.#maxCalls) {
      return new MailboxFullError(
        `${this.#tag} has ${this.#depth} calls in its mailbox, its limit: try again later, or give it a larger mailbox`,
        { maxCalls: this.#maxCalls },
      );
    }
    this.#depth++;
    return undefined;
  }

  /** An accepted call has ended. */
  release(): void {
    this.#depth--;
    if (this.#depth > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  /** Accepts no more. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when no accepted call is left. */
  idle(): Promise<void> {
    if (this.#depth === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
