import { expect, test } from "bun:test";
import fc from "fast-check";

import { EmbeddedRegistry } from "../../src/registry/embedded-registry.ts";
import { compareKeys } from "../../src/registry/key-order.ts";
import type { Registry, WatchResponse } from "../../src/registry/registry.ts";
import { ManualClock } from "../manual-clock.ts";
import { keyOf, registrySuite, take } from "./registry.suite.ts";

registrySuite("EmbeddedRegistry", async () => {
  const clock = new ManualClock();
  return {
    registry: new EmbeddedRegistry({ clock }),
    advance: (ms) => clock.advance(ms),
  };
});

test("keys are ordered as the bytes of their UTF-8 form", () => {
  const wellFormed = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(wellFormed, wellFormed, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("history is bounded: a reader that falls behind is told", async () => {
  const registry = new EmbeddedRegistry({ clock: new ManualClock(), limits: { maxHistory: 3 } });
  const watch = registry.watch("");
  for (let index = 0; index < 3; index++) await registry.put("a", String(index));
  expect(await take(watch, 1)).toHaveLength(1);
  for (let index = 0; index < 3; index++) await registry.put("a", String(index));
  await expect(watch.next()).rejects.toMatchObject({ code: "compacted" });
  expect(await watch.next()).toMatchObject({ done: true });
});

test("what would pass a limit is refused, and nothing is done", async () => {
  const registry = new EmbeddedRegistry({
    clock: new ManualClock(),
    limits: { maxKeys: 2, maxLength: 4, maxOperations: 2 },
  });
  const refused = { code: "registry_limit" };
  await registry.put("a", "1");
  await registry.put("b", "1");
  await expect(registry.put("c", "1")).rejects.toMatchObject(refused);
  await expect(registry.put("a", "12345")).rejects.toMatchObject(refused);
  const deletes = ["a", "b", "c"].map((key) => ({ type: "delete", key }) as const);
  await expect(registry.txn({ compare: [], success: deletes })).rejects.toMatchObject(refused);
  await registry.put("a", "2");
  expect((await registry.range("")).keyValues).toMatchObject([{ value: "2" }, { value: "1" }]);
});

test("a closed registry leaves no timer", async () => {
  const clock = new ManualClock();
  const registry = new EmbeddedRegistry({ clock });
  await registry.grant({ ttlMs: 1000 });
  expect(clock.numTimers).toBe(1);
  await registry.close();
  expect(clock.numTimers).toBe(0);
});

test("a lease outlives a stop of the process, in which its holder could not renew it", async () => {
  const clock = new ManualClock();
  const registry = new EmbeddedRegistry({ clock });
  const lease = await registry.grant({ ttlMs: 1000 });
  clock.jump(40_000);
  await clock.advance(0);
  await registry.renew(lease);
  await clock.advance(1000);
  await expect(registry.renew(lease)).rejects.toMatchObject({ code: "lease_expired" });
  await registry.close();
});

// Random writes against the simplest thing that could be right: a list of all that ever happened.

type Step =
  | { readonly type: "put"; readonly key: string; readonly value: string; readonly lease: boolean }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "deletePrefix"; readonly prefix: string }
  | { readonly type: "revoke" };

const key = fc.constantFrom("a", "a/1", "a/2", "a/10", "b", "b/1", "\u{1f600}", "\uffee");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("put" as const),
      key,
      value: fc.string(),
      lease: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("deletePrefix" as const), prefix: key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("revoke" as const) }) },
);

test("store and watch agree with a naive list", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    fc.constantFrom("", "a", "a/", "b", "zzz"),
    fc.nat(50),
    async (steps, prefix, startAt) => {
      const registry = new EmbeddedRegistry({ clock: new ManualClock() });
      const naive = new NaiveRegistry();
      for (const step of steps) naive.apply(step);
      await applyAll(registry, steps);
      const { keyValues, revision } = await registry.range(prefix);
      expect(keyValues.map(({ key, value }) => [key, value])).toEqual(naive.range(prefix));
      expect(revision).toBe(naive.revision);

      const fromRevision = 1 + (startAt % (revision + 1));
      const watch = registry.watch(prefix, { fromRevision });
      watch.requestProgress();
      const seen = await untilBookmark(watch);
      expect(seen).toEqual(naive.changes(prefix, fromRevision));
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

async function applyAll(registry: Registry, steps: readonly Step[]): Promise<void> {
  let lease = await registry.grant();
  for (const step of steps) {
    switch (step.type) {
      case "put":
        await registry.put(step.key, step.value, step.lease ? { lease } : {});
        break;
      case "delete":
        await registry.delete(step.key);
        break;
      case "deletePrefix":
        await registry.txn({ compare: [], success: [step] });
        break;
      case "revoke":
        await registry.revoke(lease);
        lease = await registry.grant();
    }
  }
}

async function untilBookmark(watch: AsyncIterable<WatchResponse>) {
  const seen: (readonly [number, readonly string[]])[] = [];
  for await (const { revision, events } of watch) {
    if (events.length === 0) break;
    seen.push([revision, events.map(keyOf)]);
  }
  return seen;
}

class NaiveRegistry {
  revision = 1;
  readonly #log: { revision: number; keys: string[] }[] = [];
  #now: { key: string; value: string; leased: boolean }[] = [];

  apply(step: Step): void {
    const gone = this.#now.filter((one) => isGone(one, step)).map((one) => one.key);
    this.#now = this.#now.filter((one) => !gone.includes(one.key));
    if (step.type === "put") {
      this.#now.push({ key: step.key, value: step.value, leased: step.lease });
      this.#write([step.key]);
    } else if (step.type === "revoke") {
      this.#write(gone);
    } else {
      this.#write(gone.sort(compareKeys));
    }
  }

  range(prefix: string): string[][] {
    return this.#now
      .filter((one) => one.key.startsWith(prefix))
      .map((one) => [one.key, one.value])
      .sort(([a = ""], [b = ""]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  changes(prefix: string, fromRevision: number): (readonly [number, readonly string[]])[] {
    return this.#log
      .filter(({ revision }) => revision >= fromRevision)
      .map(
        ({ revision, keys }) => [revision, keys.filter((key) => key.startsWith(prefix))] as const,
      )
      .filter(([, keys]) => keys.length > 0);
  }

  #write(keys: string[]): void {
    if (keys.length === 0) return;
    this.revision++;
    this.#log.push({ revision: this.revision, keys });
  }
}

function isGone(one: { key: string; leased: boolean }, step: Step): boolean {
  switch (step.type) {
    case "put":
    case "delete":
      return one.key === step.key;
    case "deletePrefix":
      return one.key.startsWith(step.prefix);
    case "revoke":
      return one.leased;
  }
}
