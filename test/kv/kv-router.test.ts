import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { type Booking, NO_LOAD } from "../../src/kv/active-load.ts";
import { extendChain } from "../../src/kv/block-hash.ts";
import { KvRouter, type RoutingRule } from "../../src/kv/kv-router.ts";
import type { StoredBlock } from "../../src/protocol/kv-event.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../seeded-random.ts";

const BLOCK_SIZE = 2;
const WORKERS = ["a", "b", "c", "d"];
const KV: RoutingRule = {
  policy: "kv",
  overlapSource: "events",
  overlapScoreWeight: 1,
  temperature: 0,
};

function setUp() {
  const clock = new ManualClock();
  return new KvRouter<string>({ blockSize: BLOCK_SIZE, clock, random: seededRandom(7) });
}

function promptOf(tokens: readonly number[]) {
  const chain: StoredBlock[] = [];
  extendChain(chain, Int32Array.from(tokens), { blockSize: BLOCK_SIZE });
  return { numTokens: tokens.length, chain };
}

function range(length: number, from = 0): number[] {
  return Array.from({ length }, (_, i) => from + i);
}

describe("a session", () => {
  const RANDOM: RoutingRule = { ...KV, policy: "random" };
  const of = (session: string | undefined, length = 40) => ({
    ...promptOf(range(length)),
    session,
  });

  test("stays at the worker that served it, where all cost the same", () => {
    const router = setUp();
    const { worker } = router.route(of("one"), WORKERS, RANDOM);
    const chosen = range(30).map(() => router.route(of("one"), WORKERS, RANDOM).worker);
    expect(new Set(chosen)).toEqual(new Set([worker]));
    const without = range(30).map(() => router.route(of(undefined), WORKERS, RANDOM).worker);
    expect(new Set(without).size).toBeGreaterThan(1);
  });

  test("leaves a worker whose cost says so, and stays at the next", () => {
    const router = setUp();
    const LEAST: RoutingRule = { ...KV, policy: "least-loaded" };
    const first = router.route(of("one"), WORKERS, LEAST); // its prompt is queued there
    const second = router.route(of("one"), WORKERS, LEAST);
    expect(second.worker).not.toBe(first.worker);
    first.booking.release();
    second.booking.release();
    expect(router.route(of("one"), WORKERS, LEAST).worker).toBe(second.worker);
  });

  test("goes to another worker when its own is gone", () => {
    const router = setUp();
    const { worker } = router.route(of("one"), WORKERS, RANDOM);
    const others = WORKERS.filter((other) => other !== worker);
    expect(others).toContain(router.route(of("one"), others, RANDOM).worker);
  });
});

describe("a router by KV", () => {
  test("sends a prompt to the worker that holds its prefix", () => {
    const router = setUp();
    const { chain } = promptOf(range(40));
    router.apply("c", { eventId: 0, data: { type: "stored", blocks: chain } });
    const { worker, overlapBlocks, considered } = router.route(promptOf(range(43)), WORKERS, KV);
    expect(worker).toBe("c");
    expect(overlapBlocks).toBe(20);
    expect(considered.map((candidate) => candidate.newTokens)).toEqual([43, 43, 3, 43]);
    router.checkIntegrity();
  });

  test("does not send everything to the one worker that holds a common prefix", () => {
    const router = setUp();
    router.apply("a", { eventId: 0, data: { type: "stored", blocks: promptOf(range(20)).chain } });
    const chosen = range(40).map((i) => {
      const prompt = promptOf([...range(20), ...range(30, 1000 * (i + 1))]);
      return router.route(prompt, WORKERS, KV).worker;
    });
    const counts = WORKERS.map((worker) => chosen.filter((other) => other === worker).length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(20);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(5);
  });

  test("knows by itself what was sent where, if workers do not tell", () => {
    const router = setUp();
    const rule: RoutingRule = { ...KV, overlapSource: "recent requests" };
    const first = router.route(promptOf(range(40)), WORKERS, rule);
    first.booking.release();
    const second = router.route(promptOf(range(42)), WORKERS, rule);
    expect(second.worker).toBe(first.worker);
    expect(second.overlapBlocks).toBe(20);
  });

  test("forgets a worker that is gone", () => {
    const router = setUp();
    router.apply("a", { eventId: 0, data: { type: "stored", blocks: promptOf(range(40)).chain } });
    router.removeWorker("a");
    const { considered } = router.route(promptOf(range(40)), WORKERS, KV);
    expect(considered.map((candidate) => candidate.overlapBlocks)).toEqual([0, 0, 0, 0]);
  });

  test("leaves no load behind, whatever ends and in whichever order", () => {
    const arrival = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(arrival, fc.nat(9)), { maxLength: 40 }), (requests) => {
        const router = setUp();
        const bookings: Booking[] = [];
        for (const [tokens, which] of requests) {
          bookings.push(router.route(promptOf(tokens), WORKERS, KV).booking);
          disturb(which, router, bookings);
        }
        for (const booking of bookings.toReversed()) booking.release();
        router.checkIntegrity();
        expect(WORKERS.map((worker) => router.loadOf(worker))).toEqual(WORKERS.map(() => NO_LOAD));
      }),
    );
  });
});

function disturb(which: number, router: KvRouter<string>, bookings: readonly Booking[]): void {
  const booking = bookings[which % bookings.length];
  if (which === 9) router.removeWorker("b");
  else if (which > 5) booking?.prefillDone();
  else booking?.release();
}
