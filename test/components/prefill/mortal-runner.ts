import type { RunnerLimits, StepShape } from "../../../src/engine/model-runner.ts";
import { type FakeMemory, FakeRunner } from "../../engine/fake-runner.ts";

/** True while an instance's native part runs: it outlives its thread by a step. */
export interface Life {
  isOver: boolean;
  step: Promise<void> | undefined;
}

/** A runner whose step goes on when its thread has died, and that begins none after that. */
export class MortalRunner extends FakeRunner {
  readonly #life: Life;
  #stepEnded: (() => void) | undefined;

  constructor(limits: RunnerLimits, onStep: () => Promise<void>, memory: FakeMemory, life: Life) {
    super(limits, onStep, memory);
    this.#life = life;
  }

  override submit(shape: StepShape): void {
    if (this.#life.isOver) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#life.step = promise;
    this.#stepEnded = resolve;
    super.submit(shape);
  }

  override async wait(): Promise<void> {
    const stepEnded = this.#stepEnded;
    this.#stepEnded = undefined;
    if (stepEnded === undefined) return new Promise(() => {}); // The thread is dead.
    await super.wait();
    stepEnded();
  }
}
