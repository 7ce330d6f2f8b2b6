import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { ActiveLoad, type Booking, NO_LOAD } from "../../src/kv/active-load.ts";
import { extendChain } from "../../src/kv/block-hash.ts";
import type { StoredBlock } from "../../src/protocol/kv-event.ts";
import { ManualClock } from "../manual-clock.ts";

/** A prompt of full blocks of one token and, behind them, a partial one. */
function promptOf(...tokens: readonly number[]) {
  const chain: StoredBlock[] = [];
  extendChain(chain, Int32Array.from(tokens), { blockSize: 1 });
  return { chain, numBlocks: tokens.length + 1 };
}

describe("the load of a worker", () => {
  test("is the sum of its bookings, with shared blocks once", () => {
    const load = new ActiveLoad<string>(new ManualClock());
    const first = load.book("a", { ...promptOf(1, 2), prefillTokens: 30 });
    const second = load.book("a", { ...promptOf(1, 3), prefillTokens: 12 });
    const sum = { numRequests: 2, numPrefills: 2, prefillTokens: 42, activeBlocks: 5 };
    expect(load.of("a")).toEqual(sum);
    first.prefillDone();
    expect(load.of("a")).toEqual({ ...sum, numPrefills: 1, prefillTokens: 12 });
    first.release();
    expect(load.of("a")).toEqual({
      ...sum,
      numRequests: 1,
      numPrefills: 1,
      prefillTokens: 12,
      activeBlocks: 3,
    });
    second.release();
    expect(load.of("a")).toEqual(NO_LOAD);
    expect(load.of("b")).toEqual(NO_LOAD);
    load.checkIntegrity();
  });

  test("counts as new blocks those that no running request has", () => {
    const load = new ActiveLoad<string>(new ManualClock());
    load.book("a", { ...promptOf(1, 2), prefillTokens: 1 });
    const { chain, numBlocks } = promptOf(1, 2, 3);
    expect(load.newBlocks("a", chain, numBlocks)).toBe(2);
    expect(load.newBlocks("b", chain, numBlocks)).toBe(4);
  });

  test("goes down once, however often a booking is released", () => {
    const load = new ActiveLoad<string>(new ManualClock());
    const booking = load.book("a", { ...promptOf(1), prefillTokens: 5 });
    load.book("a", { ...promptOf(1), prefillTokens: 7 });
    booking.release();
    booking.release();
    booking.prefillDone();
    expect(load.of("a")).toMatchObject({ numRequests: 1, prefillTokens: 7 });
    load.checkIntegrity();
  });

  test("gets less while a prompt is computed, at the speed of the prompts before", async () => {
    const clock = new ManualClock();
    const load = new ActiveLoad<string>(clock);
    const first = load.book("a", { ...promptOf(1), prefillTokens: 100 });
    await clock.advance(50);
    expect(load.queuedMs("a")).toBe(100); // Nothing is known of its speed yet: these are tokens.
    await clock.advance(150);
    first.prefillDone();
    expect(load.prefillMs(1)).toBe(2);
    expect(load.queuedMs("a")).toBe(0);
    await clock.advance(1000);
    load.book("a", { ...promptOf(2), prefillTokens: 100 });
    load.book("a", { ...promptOf(3), prefillTokens: 300 });
    expect(load.queuedMs("a")).toBe(800);
    await clock.advance(100);
    expect(load.queuedMs("a")).toBe(700);
    await clock.advance(1000);
    expect(load.queuedMs("a")).toBe(600); // The second has not begun, for all that is known.
  });

  test("has the share of its time in which it had prompts to compute, and forgets it in minutes", async () => {
    const clock = new ManualClock();
    const load = new ActiveLoad<string>(clock);
    for (let i = 0; i < 1000; i++) {
      const booking = load.book("a", { ...promptOf(i), prefillTokens: 10 });
      await clock.advance(300);
      if (i % 2 === 0) booking.prefillDone();
      booking.release();
      await clock.advance(700);
    }
    expect(load.busyShare("a")).toBeCloseTo(0.3, 1);
    expect(load.busyShare("b")).toBe(0);
    await clock.advance(300_000);
    expect(load.busyShare("a")).toBeLessThan(0.01);
    load.book("a", { ...promptOf(1), prefillTokens: 10 });
    await clock.advance(300_000);
    expect(load.busyShare("a")).toBeGreaterThan(0.99);
  });

  test("goes with its worker; late releases change nothing of who comes after", () => {
    const load = new ActiveLoad<string>(new ManualClock());
    const booking = load.book("a", { ...promptOf(1), prefillTokens: 5 });
    load.removeWorker("a");
    load.book("a", { ...promptOf(1), prefillTokens: 7 });
    booking.prefillDone();
    booking.release();
    expect(load.of("a")).toMatchObject({ numRequests: 1, prefillTokens: 7, activeBlocks: 2 });
    expect(load.numBookings).toBe(1);
    load.checkIntegrity();
  });

  test("returns to nothing after any bookings, first tokens, ends and deaths", () => {
    fc.assert(
      fc.property(
        fc.array(move, { maxLength: 80 }),
        fc.integer({ min: 1, max: 10 }),
        (all, max) => {
          const load = new ActiveLoad<string>(new ManualClock(), max);
          const bookings: Booking[] = [];
          for (const step of all) {
            make(step, load, bookings);
            load.checkIntegrity();
          }
          for (const booking of bookings) booking.release();
          load.checkIntegrity();
          expect(load.of("a")).toEqual(NO_LOAD);
          expect(load.of("b")).toEqual(NO_LOAD);
          expect(load.numBookings).toBe(0);
        },
      ),
    );
  });
});

const prompt = fc.array(fc.nat(2), { maxLength: 4 });
const worker = fc.constantFrom("a", "b");
const which = fc.nat(100);
const move = fc.oneof(
  fc.record({ type: fc.constant("book" as const), worker, prompt }),
  fc.record({ type: fc.constant("first token" as const), which }),
  fc.record({ type: fc.constant("end" as const), which }),
  fc.record({ type: fc.constant("death" as const), worker }),
);
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;

function make(step: Move, load: ActiveLoad<string>, bookings: Booking[]): void {
  if (step.type === "book") {
    bookings.push(load.book(step.worker, { ...promptOf(...step.prompt), prefillTokens: 3 }));
  } else if (step.type === "death") {
    load.removeWorker(step.worker);
  } else {
    const booking = bookings[step.which % Math.max(1, bookings.length)];
    if (step.type === "end") booking?.release();
    else booking?.prefillDone();
  }
}
