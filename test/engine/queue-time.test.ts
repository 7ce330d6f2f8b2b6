import { describe, expect, test } from "bun:test";

import { OutputLengths } from "../../src/engine/output-lengths.ts";
import { QueueTime } from "../../src/engine/queue-time.ts";
import { TurnBudget } from "../../src/engine/turn-budget.ts";

function queued(numAhead: number, numOwn = 0, numTotal = numAhead) {
  return { numAhead, numOwn, numTotal };
}

describe("the length of a queue", () => {
  test("is not known before steps were measured for a while, and then none is refused", () => {
    const time = new QueueTime(1000);
    expect(time.refusal(queued(1e9), 0)).toBeUndefined();
    time.observe(100, 199);
    expect(time.msOf(1)).toBeUndefined();
    time.observe(0, 1);
    expect(time.msOf(1)).toBeCloseTo(2);
  });

  test("is tokens by rate; beyond the limit a request is told when it is worth coming again", () => {
    const time = new QueueTime(10_000);
    time.observe(1000, 1000);
    expect(time.refusal(queued(10_000), 0)).toBeUndefined();
    const refusal = time.refusal(queued(13_400), 0);
    expect(refusal).toMatchObject({ code: "queue_full", details: { retry_after_s: 4 } });
    expect(refusal?.message).toContain("about 13.4 s of work wait, and 10 s may");
    expect(time.refusal(queued(9000), 1100)).toBeDefined(); // prompts with a seat are ahead, too
  });

  test("leaves a ninth of it to others than the client that has most", () => {
    const time = new QueueTime(9000);
    time.observe(1000, 1000);
    expect(time.refusal(queued(7990, 7990), 0)).toBeUndefined();
    expect(time.refusal(queued(8010, 8010), 0)).toBeDefined();
    expect(time.refusal(queued(0, 0, 8010), 0)).toBeUndefined();
  });

  test("follows the rate", () => {
    const time = new QueueTime(1000);
    time.observe(1000, 1000);
    for (let i = 0; i < 30; i++) time.observe(100, 1000);
    expect(time.msOf(100)).toBeGreaterThan(900);
  });

  test("is taken for less after some were late, and recovers", () => {
    const time = new QueueTime(1000);
    time.observe(1000, 1000);
    expect(time.refusal(queued(990), 0)).toBeUndefined();
    time.noteLate();
    expect(time.refusal(queued(990), 0)).toBeDefined();
    time.observe(10_000, 10_000);
    expect(time.refusal(queued(990), 0)).toBeUndefined();
  });
});

test("an output is expected to be as long as others that might be as long", () => {
  const lengths = new OutputLengths();
  expect(lengths.expect(10)).toBe(10);
  expect(lengths.expect(30_000)).toBe(256);
  for (let i = 0; i < 100; i++) lengths.note(30_000, 40);
  expect(lengths.expect(30_000)).toBe(40);
  expect(lengths.expect(20)).toBe(20);
  expect(lengths.expect(200)).toBe(200);
});

test("turns take a fiftieth of the time", () => {
  const turns = new TurnBudget();
  expect([turns.tryTake(0), turns.tryTake(0)]).toEqual([true, true]); // nothing is known to be lost
  turns.observe(10);
  expect(turns.tryTake(100)).toBe(true);
  expect(turns.tryTake(599)).toBe(false);
  expect(turns.tryTake(600)).toBe(true);
});
