import { describe, expect, test } from "bun:test";

import { StepLoop } from "../../src/engine/step-loop.ts";
import { ManualClock } from "../manual-clock.ts";

const clock = new ManualClock();

/** A loop that counts its steps, and what happens in each. */
function loopOf(onStep: (loop: StepLoop, step: number) => void | Promise<void>) {
  const seen = { numSteps: 0, failure: undefined as unknown };
  const loop: StepLoop = new StepLoop({
    clock,
    step: async () => onStep(loop, ++seen.numSteps),
    onFailure: (error) => {
      seen.failure = error;
      expect(loop.isOver).toBe(true); // so that the caller gives it nothing more
    },
  });
  return { loop, seen };
}

describe("a loop of steps", () => {
  test("sleeps until it is woken, and wakes to end", async () => {
    const { loop, seen } = loopOf((self) => self.sleep());
    const running = loop.run();
    for (let turn = 0; turn < 5; turn++) await clock.turn();
    expect(seen.numSteps).toBe(1);
    loop.wake();
    for (let turn = 0; turn < 5; turn++) await clock.turn();
    expect(seen.numSteps).toBe(2);
    await loop.end();
    await running;
    expect(seen.numSteps).toBe(2);
  });

  test("has ended when the step that runs has ended, and begins no other", async () => {
    const step = Promise.withResolvers<void>();
    const { loop, seen } = loopOf(() => step.promise);
    const running = loop.run();
    let hasEnded = false;
    const ending = loop.end().then(() => {
      hasEnded = true;
    });
    for (let turn = 0; turn < 5; turn++) await clock.turn();
    expect([loop.isOver, hasEnded]).toEqual([true, false]);
    step.resolve();
    await Promise.all([ending, running]);
    expect(seen).toEqual({ numSteps: 1, failure: undefined });
  });

  test("that was ended before it ran does nothing", async () => {
    const { loop, seen } = loopOf(() => {});
    await loop.end();
    await loop.run();
    expect(seen.numSteps).toBe(0);
  });

  test("fails with the step that throws, and runs once", async () => {
    const failure = new Error("the device is gone");
    const { loop, seen } = loopOf(() => {
      throw failure;
    });
    await expect(loop.run()).rejects.toThrow(failure);
    expect(seen).toEqual({ numSteps: 1, failure });
    await loop.end();
    await expect(loopOf(async (self) => self.run()).loop.run()).rejects.toThrow("runs once");
  });
});
