import { expect, test } from "bun:test";

import { afterAwake } from "../../src/base/awake-timer.ts";
import { ManualClock } from "../manual-clock.ts";

test("a limit fires once, after its time", async () => {
  const clock = new ManualClock();
  let fired = 0;
  afterAwake(clock, 1600, () => fired++);
  await clock.advance(1599);
  expect(fired).toBe(0);
  await clock.advance(1);
  await clock.advance(10_000);
  expect(fired).toBe(1);
  expect(clock.numTimers).toBe(0);
});

test("a jump of the clock counts for a slice of the limit", async () => {
  const clock = new ManualClock();
  let fired = 0;
  afterAwake(clock, 1600, () => fired++);
  await clock.advance(800);
  clock.jump(40_000);
  await clock.advance(699);
  expect(fired).toBe(0);
  await clock.advance(1);
  expect(fired).toBe(1);
});

test("a limit that was cancelled does not fire, in whichever slice", async () => {
  const clock = new ManualClock();
  for (const elapsedMs of [0, 500, 1599]) {
    const limit = afterAwake(clock, 1600, () => expect.unreachable());
    await clock.advance(elapsedMs);
    limit.cancel();
    await clock.advance(5000);
  }
  expect(clock.numTimers).toBe(0);
});
