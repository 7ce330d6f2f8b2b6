import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { Sequence } from "../../src/engine/sequence.ts";
import { TenantQueue } from "../../src/engine/tenant-queue.ts";
import { requestOf } from "./requests.ts";

function sequenceOf(tenant: number): Sequence {
  return new Sequence(requestOf([1], { tenant }), 0);
}

/** A queue with a new sequence for each tenant that is named, in that order. */
function queueOf(...tenants: readonly number[]) {
  const queue = new TenantQueue();
  const sequences = tenants.map(sequenceOf);
  for (const sequence of sequences) queue.add(sequence);
  return { queue, sequences };
}

/** Seats the next sequence and charges `cost` for it; its tenant. */
function serve(queue: TenantQueue, cost: number): number | undefined {
  const sequence = queue.next();
  if (sequence === undefined) return undefined;
  queue.seat(sequence);
  queue.charge(sequence, cost);
  queue.unseat(sequence);
  return sequence.tenant;
}

describe("the next", () => {
  test("is of the tenant that was served least, and of one tenant the oldest", () => {
    const { queue, sequences } = queueOf(1, 1, 1, 2, 2, 2);
    expect(queue.next()).toBe(sequences[0]);
    const order = [30, 10, 10, 10, 5].map((cost) => serve(queue, cost));
    expect(order).toEqual([1, 2, 2, 2, 1]);
  });

  test("of two that were served alike is of the one with fewer seats, then the older", () => {
    const { queue, sequences } = queueOf(1, 1, 2);
    queue.seat(sequences[0] as Sequence);
    expect(queue.next()).toBe(sequences[2]);
    queue.unseat(sequences[0] as Sequence);
    expect(queue.next()).toBe(sequences[1]);
  });

  test("is of the lowest priority within its tenant, and a priority takes nothing from others", () => {
    const queue = new TenantQueue();
    const place = (tenant: number, priority: number) => {
      const sequence = new Sequence({ ...requestOf([1], { tenant }), priority }, 0);
      queue.add(sequence);
      return sequence;
    };
    const [late, urgent, other, second] = [place(1, 5), place(1, -5), place(2, 9), place(1, -5)];
    queue.checkIntegrity([]);
    expect(queue.next()).toBe(urgent);
    expect([10, 10, 10, 10].map((cost) => serve(queue, cost))).toEqual([1, 2, 1, 1]);
    expect([late, urgent, other, second].map(({ arrival }) => arrival)).toEqual([0, 1, 2, 3]);
    const again = [place(3, 1), place(3, 0)] as const;
    queue.seat(again[1]);
    queue.requeue(again[1]); // Preempted: it keeps its priority.
    expect(queue.next()).toBe(again[1]);
    queue.checkIntegrity([]);
  });

  test("is again the one that gave its seat up, at its old place", () => {
    const { queue, sequences } = queueOf(1, 1, 1);
    const [first, second, third] = sequences as [Sequence, Sequence, Sequence];
    queue.seat(first);
    queue.seat(second);
    queue.requeue(second);
    expect(queue.next()).toBe(second);
    queue.requeue(first);
    expect(queue.next()).toBe(first);
    queue.seat(first);
    queue.unseat(first); // It stalls.
    expect(queue.next()).toBe(second);
    queue.resume(first);
    expect(queue.next()).toBe(first);
    queue.checkIntegrity([]);
    for (const sequence of [first, second, third]) queue.remove(sequence);
    expect(queue.numWaiting).toBe(0);
  });
});

describe("a tenant that was idle", () => {
  test("has no credit for that time", () => {
    const { queue } = queueOf(2);
    serve(queue, 10);
    for (let i = 0; i < 5; i++) {
      queue.add(sequenceOf(1));
      serve(queue, 100);
    }
    for (const tenant of [1, 1, 2, 2]) queue.add(sequenceOf(tenant));
    expect([50, 50, 50, 50].map((cost) => serve(queue, cost))).toEqual([1, 2, 1, 2]);
  });

  test("keeps its debt while others wait who were served less", () => {
    const { queue } = queueOf(1, 2, 2, 2, 2);
    expect(serve(queue, 100)).toBe(1);
    queue.add(sequenceOf(1));
    expect([60, 60, 60].map((cost) => serve(queue, cost))).toEqual([2, 2, 1]);
  });
});

test("tenants that are gone are forgotten, and a thousand at most are not", () => {
  const { queue, sequences } = queueOf(0, 0);
  for (let tenant = 1; tenant <= 5000; tenant++) {
    const sequence = sequenceOf(tenant);
    queue.add(sequence);
    queue.seat(sequence);
    queue.charge(sequence, 5000 - tenant + 1);
    queue.unseat(sequence);
  }
  expect(queue.numTenants).toBe(1025);
  for (const sequence of sequences) queue.remove(sequence);
  expect(queue.numTenants).toBe(0);
});

describe("a seat is owed", () => {
  test("by the tenant that has most, to one that has less than half of it", () => {
    const { queue, sequences } = queueOf(1, 1, 1, 1, 2, 2, 3);
    for (const sequence of sequences.slice(0, 4)) queue.seat(sequence);
    const [, , , , first, second, third] = sequences as Sequence[];
    expect(queue.debtorOf(first as Sequence)).toBe(1);
    queue.seat(first as Sequence);
    expect(queue.debtorOf(second as Sequence)).toBe(1);
    queue.requeue(sequences[3] as Sequence);
    expect(queue.debtorOf(second as Sequence)).toBeUndefined();
    expect(queue.debtorOf(third as Sequence)).toBe(1);
    expect(queue.debtorOf(sequences[3] as Sequence)).toBeUndefined();
  });

  test("by none that has one", () => {
    const { queue, sequences } = queueOf(1, 2);
    queue.seat(sequences[0] as Sequence);
    expect(queue.debtorOf(sequences[1] as Sequence)).toBeUndefined();
  });
});

test("one seat, whatever things cost: two that wait are served alike but for twice the dearest", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 })), {
        minLength: 1,
        maxLength: 60,
      }),
      fc.nat(5),
      (costs, numOthers) => {
        const tenants = [1, 2, ...Array.from({ length: numOthers }, (_, i) => 3 + i)];
        const { queue } = queueOf(...tenants);
        const served = new Map<number, number>();
        for (const [costOfFirst, costOfRest] of costs) {
          const tenant = queue.next()?.tenant ?? 0;
          const cost = tenant === 1 ? costOfFirst : costOfRest;
          queue.add(sequenceOf(tenant)); // It never has nothing to wait for.
          serve(queue, cost);
          served.set(tenant, (served.get(tenant) ?? 0) + cost);
          const all = tenants.map((one) => served.get(one) ?? 0);
          expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(200);
          queue.checkIntegrity([]);
        }
      },
    ),
    { numRuns: 200 },
  );
});
