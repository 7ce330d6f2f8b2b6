// The gate before the workers: what a tenant may hold, whatever the others do.

import { describe, expect, test } from "bun:test";
import { errorCode } from "../../../src/base/error.ts";
import {
  type Places,
  SequenceShares,
  sharedPlacesOf,
} from "../../../src/components/processor/sequence-shares.ts";

const CAPACITY = 4096;

describe("the shares of tenants in the sequences in flight", () => {
  test("a tenant alone gets a third, and each further one half of what is left", () => {
    const shares = new SequenceShares(CAPACITY);
    expect(fill(shares, 1)).toBe(1365);
    expect(fill(shares, 2)).toBe(910);
    expect(fill(shares, 3)).toBe(607);
  });

  test("a request gets all its places or none, and the refusal names the counts", () => {
    const shares = new SequenceShares(1000);
    shares.take(1, 200);
    expect(() => shares.take(1, 256)).toThrow(
      "asks for 256 sequences (choices times prompts), and its client has 200 in flight. Together they may be 400 now",
    );
    expect(shares.heldBy(1)).toBe(200);
    expect(shares.numHeld).toBe(200);
  });

  test("8 keys that ask for all they can get leave a fifth free", () => {
    const shares = new SequenceShares(CAPACITY);
    for (let round = 0; round < 100; round++) {
      for (let tenant = 1; tenant <= 8; tenant++) attempt(shares, tenant, 128);
    }
    expect(shares.numHeld).toBeLessThanOrEqual((CAPACITY * 8) / 10);
  });

  test("however many hold all that they can get, a newcomer with one sequence is served", () => {
    const shares = new SequenceShares(CAPACITY);
    for (let tenant = 1; tenant <= 100; tenant++) {
      for (const count of [256, 128, 64, 32, 16, 8, 4, 2, 1]) {
        while (attempt(shares, tenant, count));
      }
    }
    expect(attempt(shares, 101, 2)).toBeUndefined();
    let tenant = 101;
    while (attempt(shares, tenant, 1)) tenant++;
    expect(tenant).toBeGreaterThan(CAPACITY);
    expect(shares.numHeld).toBe(2 * CAPACITY);
  });

  test("places come back as sequences end, once each", () => {
    const shares = new SequenceShares(CAPACITY);
    const places = shares.take(1, 5);
    places.release();
    places.release();
    expect(shares.heldBy(1)).toBe(3);
    places.releaseAll();
    places.releaseAll();
    expect(shares.heldBy(1)).toBe(0);
    expect(shares.numHeld).toBe(0);
  });

  test.each([1, 2, 3, 4, 5])("under any order of requests and ends (seed %p)", (seed) => {
    const random = generator(seed);
    const ledger = new Ledger(64 + Math.floor(random() * 1000));
    for (let step = 0; step < 4000; step++) {
      const tenant = Math.floor(random() * 12);
      if (random() < 0.6) ledger.ask(tenant, 1 + Math.floor(random() ** 3 * 256));
      else ledger.end(random(), random() < 0.8 ? "one" : "all");
      ledger.check();
    }
    ledger.endAll();
    ledger.check();
  });
});

test("processors share the places, and an idle one takes the largest request that the API allows", () => {
  expect([1, 2, 4, 256].map(sharedPlacesOf)).toEqual([4096, 2048, 1024, 512]);
  expect(attempt(new SequenceShares(sharedPlacesOf(256)), 1, 256)).toBeDefined();
});

/** Ledger of what the shares must say: a list of requests. */
class Ledger {
  readonly #capacity: number;
  readonly #shares: SequenceShares;
  #requests: { readonly tenant: number; readonly places: Places; left: number }[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#shares = new SequenceShares(capacity);
  }

  /** Taken if it fits in half of what is free; one sequence of a tenant without another is taken in any case. */
  ask(tenant: number, count: number): void {
    const free = Math.max(0, this.#capacity - this.#sum());
    const own = this.#sum(tenant);
    const isFair = own + count <= Math.floor(free / 2) || (own === 0 && count === 1);
    const places = attempt(this.#shares, tenant, count);
    expect(places !== undefined).toBe(isFair);
    if (places) this.#requests.push({ tenant, places, left: count });
  }

  end(at: number, what: "one" | "all"): void {
    const request = this.#requests[Math.floor(at * this.#requests.length)];
    if (request === undefined) return;
    if (what === "one") request.places.release();
    else request.places.releaseAll();
    request.left -= what === "one" ? 1 : request.left;
    this.#requests = this.#requests.filter(({ left }) => left > 0);
  }

  endAll(): void {
    while (this.#requests.length > 0) this.end(0, "all");
  }

  check(): void {
    expect(this.#sum()).toBeLessThanOrEqual(this.#capacity + 12);
    expect(this.#shares.numHeld).toBe(this.#sum());
    for (let tenant = 0; tenant < 12; tenant++) {
      expect(this.#shares.heldBy(tenant)).toBe(this.#sum(tenant));
    }
  }

  #sum(tenant?: number): number {
    const own = this.#requests.filter((one) => tenant === undefined || one.tenant === tenant);
    return own.reduce((sum, { left }) => sum + left, 0);
  }
}

function attempt(shares: SequenceShares, tenant: number, count: number): Places | undefined {
  try {
    return shares.take(tenant, count);
  } catch (error) {
    expect(errorCode(error)).toBe("too_many_sequences");
    return undefined;
  }
}

/** How many it gets, one by one. */
function fill(shares: SequenceShares, tenant: number): number {
  while (attempt(shares, tenant, 1));
  return shares.heldBy(tenant);
}

/** Mulberry32: numbers from 0 to 1, the same for a seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
