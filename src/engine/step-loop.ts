// The life of an engine: one step after the other, from `run()` to `end()` or to the step that fails. It has no
// thread of its own: between steps it gives the event loop one turn, in which new work and aborts arrive.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";

export interface StepLoopOptions {
  readonly clock: Clock;
  /** One step; or `sleep()`, where there is nothing to do. */
  readonly step: () => Promise<void>;
  /** The step threw: there will be no other. */
  readonly onFailure: (error: unknown) => void;
}

export class StepLoop {
  readonly #options: StepLoopOptions;
  #state: "new" | "running" | "failed" | "ended" = "new";
  readonly #lastStepEnded = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;

  constructor(options: StepLoopOptions) {
    this.#options = options;
  }

  /** True if nothing more is done: it has failed, or is to end. */
  get isOver(): boolean {
    return this.#state === "failed" || this.#state === "ended";
  }

  /** Ends after `end()`; fails if a step fails. */
  async run(): Promise<void> {
    if (this.#state === "ended") return;
    assert(this.#state === "new", "an engine runs once");
    this.#state = "running";
    try {
      while (!this.isOver) {
        await this.#options.step();
        await this.#options.clock.turn();
      }
    } catch (error) {
      this.#state = "failed";
      this.#options.onFailure(error);
      throw error;
    } finally {
      this.#lastStepEnded.resolve();
    }
  }

  /** For the step: until `wake()`. */
  async sleep(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  wake(): void {
    this.#wake?.();
  }

  /** No step begins any more. Resolves when the running one has ended. */
  async end(): Promise<void> {
    const hasRun = this.#state !== "new";
    this.#state = "ended";
    this.wake();
    if (hasRun) await this.#lastStepEnded.promise;
  }
}
