// A queue bounded by time: three times as many requests come as can be served.

import { afterEach, describe, expect, test } from "bun:test";

import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { type Outcome, Overload } from "./overload.ts";

const MAX_QUEUE_MS = 4000;
/** About what the engine does a second, one client's requests. */
const CAPACITY = 8;

let opened: Overload[] = [];
afterEach(async () => {
  await Promise.all(opened.map((one) => one.end()));
  opened = [];
});

function open(maxQueueMs = MAX_QUEUE_MS): Overload {
  const overload = new Overload(new ManualClock(), maxQueueMs);
  opened.push(overload);
  return overload;
}

const WAYS = [
  ["each by a client of its own", (index: number) => index],
  ["by 40 clients in turn", (index: number) => index % 40],
  ["by one client", () => 1],
] as const;

const waitOf = ({ firstAt = Number.NaN, arrivedAt }: Outcome) => firstAt - arrivedAt;

describe("three times the load", () => {
  for (const [name, tenantOf] of WAYS) {
    test(
      `${name}: those taken wait no longer than 1.2 of the limit, the others are told at once`,
      async () => {
        const overload = open();
        await overload.offer({
          perSecond: 3 * CAPACITY,
          ms: 20_000,
          random: seededRandom(3),
          tenantOf,
        });
        await overload.pass(3 * MAX_QUEUE_MS);
        const { outcomes } = overload;
        const taken = outcomes.filter(({ firstAt }) => firstAt !== undefined);
        const refused = outcomes.filter(({ refusedAt }) => refusedAt !== undefined);
        expect(taken.length + refused.length).toBe(outcomes.length);
        expect(refused.length).toBeGreaterThan(outcomes.length / 3);
        const waits = taken.map(waitOf).toSorted((a, b) => a - b);
        const p99 = waits[Math.floor(0.99 * waits.length)] ?? 0;
        expect(p99).toBeLessThanOrEqual(1.2 * MAX_QUEUE_MS);
        expect(p99).toBeGreaterThan(MAX_QUEUE_MS / 4);
        const atOnce = refused.filter(({ refusedAt, arrivedAt }) => refusedAt === arrivedAt);
        expect(atOnce.length).toBeGreaterThan(0.85 * refused.length);
        for (const { retryAfterS } of refused) expect(retryAfterS).toBeGreaterThanOrEqual(1);
        expect(taken.every(({ endedAt }) => endedAt !== undefined)).toBe(true);
        overload.engine.checkIntegrity();
      },
      hangLimit(30_000),
    );
  }
});

test(
  "a client beside another that has filled the queue waits for none of it",
  async () => {
    const overload = open();
    const greedy = overload.offer({
      ...{ perSecond: 3 * CAPACITY, ms: 15_000, random: seededRandom(5) },
      tenantOf: () => 1,
    });
    const others: Outcome[] = [];
    for (let second = 0; second < 15; second++) {
      await overload.pass(1000);
      if (second > 5) others.push(overload.send(2, { maxTokens: 4 }));
    }
    await greedy;
    await overload.pass(1000);
    for (const one of others) {
      expect(one.refusedAt).toBeUndefined();
      expect(waitOf(one)).toBeLessThan(1500);
    }
  },
  hangLimit(30_000),
);

test(
  "the choices of a request stand or fall with its first, and keep no other client out",
  async () => {
    const overload = open();
    for (let i = 0; i < 400; i++) overload.send(1, { isSibling: true });
    await overload.pass(3000);
    const other = overload.send(2, { maxTokens: 4 });
    const again = overload.send(1);
    await overload.pass(2000);
    expect(other.firstAt).toBeDefined();
    expect(again.refusedAt).toBe(again.arrivedAt); // its own choices are ahead of it
    expect(overload.outcomes.slice(0, 400).some(({ refusedAt }) => refusedAt !== undefined)).toBe(
      false,
    );
  },
  hangLimit(30_000),
);

/** Its queue is full: the last request was refused. */
async function fill(overload: Overload): Promise<Outcome> {
  await overload.offer({
    ...{ perSecond: 3 * CAPACITY, ms: 8000, random: seededRandom(9) },
    tenantOf: (index) => index,
  });
  for (let tenant = 10_000; ; tenant++) {
    const outcome = overload.send(tenant);
    if (outcome.refusedAt !== undefined) return outcome;
  }
}

test(
  "a sequence that another worker has begun is not refused",
  async () => {
    const overload = open();
    await fill(overload);
    expect(overload.send(20_000, { output: Int32Array.of(1, 2) }).refusedAt).toBeUndefined();
  },
  hangLimit(30_000),
);

test(
  "an answer to Retry-After is let in, if no other came first",
  async () => {
    const overload = open();
    const { retryAfterS = 0 } = await fill(overload);
    expect(retryAfterS).toBeGreaterThanOrEqual(1);
    await overload.pass(1000 * retryAfterS);
    expect(overload.send(20_000).refusedAt).toBeUndefined();
  },
  hangLimit(30_000),
);

test(
  "a request of many choices alone is not refused for its own, nor is a small one beside many clients",
  async () => {
    const overload = open();
    await fill(overload);
    await overload.pass(60_000); // all is done, and the rate is known
    const head = overload.send(1, { numSequences: 400 });
    for (let i = 1; i < 400; i++) overload.send(1, { isSibling: true });
    await overload.pass(1000);
    expect(head.firstAt).toBeDefined();
    for (let tenant = 2; tenant < 14; tenant++) {
      overload.send(tenant, { numSequences: 4, maxTokens: 400 });
      for (let i = 1; i < 4; i++) overload.send(tenant, { isSibling: true, maxTokens: 400 });
    }
    await overload.pass(500);
    expect(
      overload.send(1000, { maxTokens: 1, tokenIds: Int32Array.of(1, 2) }).refusedAt,
    ).toBeUndefined();
  },
  hangLimit(30_000),
);

test(
  "without a limit, none is refused",
  async () => {
    const overload = open(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 500; i++) overload.send(i);
    await overload.pass(3000);
    expect(overload.outcomes.some(({ refusedAt }) => refusedAt !== undefined)).toBe(false);
  },
  hangLimit(30_000),
);
