// Claims that every registry must keep. Each implementation calls this with a way to open a fresh, empty one.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";

import type {
  Operation,
  Registry,
  Watch,
  WatchEvent,
  WatchResponse,
} from "../../src/registry/registry.ts";

export interface RegistryUnderTest {
  readonly registry: Registry;
  /** Lets `ms` pass for the registry's leases. */
  advance(ms: number): Promise<void>;
}

export function registrySuite(name: string, open: () => Promise<RegistryUnderTest>): void {
  describe(name, () => {
    let registry: Registry;
    let advance: (ms: number) => Promise<void>;

    beforeEach(async () => {
      ({ registry, advance } = await open());
    });
    afterEach(() => registry.close());

    describe("store", () => {
      test("a key that was never put is undefined", async () => {
        expect(await registry.get("a")).toBeUndefined();
      });

      test("a put raises the revision by one and counts the key's version", async () => {
        const first = await registry.put("a", "1");
        const second = await registry.put("a", "2");
        expect(second).toBe(first + 1);
        expect(await registry.get("a")).toEqual({
          key: "a",
          value: "2",
          createRevision: first,
          modRevision: second,
          version: 2,
          lease: undefined,
        });
      });

      test("a deleted key begins anew", async () => {
        await registry.put("a", "1");
        await registry.delete("a");
        const revision = await registry.put("a", "2");
        expect(await registry.get("a")).toMatchObject({ createRevision: revision, version: 1 });
      });

      test("deleting what does not exist leaves the revision alone", async () => {
        const revision = await registry.put("a", "1");
        expect(await registry.delete("b")).toBe(revision);
      });

      test("a range has the keys with the prefix, in the byte order of UTF-8", async () => {
        for (const key of ["b/\u{1f600}", "b/\uffee", "b/2", "b/10", "a", "c"]) {
          await registry.put(key, "");
        }
        const { keyValues } = await registry.range("b/");
        expect(keyValues.map(({ key }) => key)).toEqual(["b/10", "b/2", "b/\uffee", "b/\u{1f600}"]);
      });

      test("the empty prefix is every key", async () => {
        await registry.put("a", "1");
        await registry.put("b", "2");
        const { keyValues, revision } = await registry.range("");
        expect(keyValues).toHaveLength(2);
        expect(keyValues[1]?.modRevision).toBe(revision);
      });
    });

    describe("transactions", () => {
      test("all comparisons hold: `success` is done, in one revision", async () => {
        const before = await registry.put("a", "1");
        const result = await registry.txn({
          compare: [
            { key: "a", target: "value", operator: "=", operand: "1" },
            { key: "b", target: "version", operator: "=", operand: 0 },
          ],
          success: [
            { type: "put", key: "a", value: "2" },
            { type: "put", key: "b", value: "3" },
          ],
        });
        expect(result).toEqual({ succeeded: true, revision: before + 1, ranges: [] });
        expect((await registry.get("a"))?.modRevision).toBe(before + 1);
        expect((await registry.get("b"))?.modRevision).toBe(before + 1);
      });

      test("one comparison fails: `failure` is done", async () => {
        const before = await registry.put("a", "1");
        const result = await registry.txn({
          compare: [
            { key: "a", target: "modRevision", operator: "=", operand: before },
            { key: "a", target: "createRevision", operator: ">", operand: before },
          ],
          success: [{ type: "delete", key: "a" }],
          failure: [{ type: "range", prefix: "a" }],
        });
        expect(result.succeeded).toBe(false);
        expect(result.revision).toBe(before);
        expect(result.ranges[0]?.[0]).toMatchObject({ key: "a", value: "1" });
      });

      test("a comparison of the value of a missing key never holds", async () => {
        for (const operator of ["=", "!=", "<", ">"] as const) {
          const { succeeded } = await registry.txn({
            compare: [{ key: "a", target: "value", operator, operand: "" }],
            success: [],
          });
          expect(succeeded).toBe(false);
        }
      });

      test("a range sees the writes before it in its transaction", async () => {
        const { ranges } = await registry.txn({
          compare: [],
          success: [
            { type: "put", key: "a", value: "1" },
            { type: "range", prefix: "a" },
          ],
        });
        expect(ranges[0]).toHaveLength(1);
      });

      const writtenTwice: readonly (readonly Operation[])[] = [
        [
          { type: "put", key: "a", value: "1" },
          { type: "delete", key: "a" },
        ],
        [
          { type: "put", key: "a/b", value: "1" },
          { type: "deletePrefix", prefix: "a/" },
        ],
        [
          { type: "deletePrefix", prefix: "a/b" },
          { type: "deletePrefix", prefix: "a/" },
        ],
      ];
      test("a key written twice is an error, and nothing is done", async () => {
        await registry.put("other", "0");
        for (const writes of writtenTwice) {
          const transaction = registry.txn({
            compare: [],
            success: [{ type: "delete", key: "other" }, ...writes],
          });
          await expect(transaction).rejects.toMatchObject({ code: "duplicate_key" });
        }
        expect(await registry.get("other")).toBeDefined();
      });
    });

    describe("leases", () => {
      test("a revoked lease takes its keys with it, in one revision", async () => {
        const lease = await registry.grant();
        await registry.put("a", "1", { lease });
        const before = await registry.put("b", "2", { lease });
        await registry.revoke(lease);
        const { keyValues, revision } = await registry.range("");
        expect(keyValues).toEqual([]);
        expect(revision).toBe(before + 1);
      });

      test("a lease that is not renewed expires", async () => {
        const lease = await registry.grant({ ttlMs: 1000 });
        await registry.put("a", "1", { lease });
        await advance(900);
        await registry.renew(lease);
        await advance(900);
        expect(await registry.get("a")).toBeDefined();
        await advance(200);
        expect(await registry.get("a")).toBeUndefined();
        await expect(registry.renew(lease)).rejects.toMatchObject({ code: "lease_expired" });
        await expect(registry.revoke(lease)).rejects.toMatchObject({ code: "lease_expired" });
      });

      test("a lease without a time lives until it is revoked", async () => {
        const lease = await registry.grant();
        await registry.put("a", "1", { lease });
        await advance(1e9);
        expect(await registry.get("a")).toMatchObject({ lease });
      });

      test("a key belongs to the lease of its last put", async () => {
        const first = await registry.grant();
        const second = await registry.grant();
        await registry.put("a", "1", { lease: first });
        await registry.put("a", "2", { lease: second });
        await registry.put("b", "1", { lease: first });
        await registry.put("b", "2");
        await registry.revoke(first);
        expect((await registry.range("")).keyValues).toHaveLength(2);
        await registry.revoke(second);
        expect((await registry.range("")).keyValues).toMatchObject([{ key: "b" }]);
      });

      test("a put under a lease that is gone changes nothing", async () => {
        await expect(registry.put("a", "1", { lease: 77 })).rejects.toMatchObject({
          code: "lease_expired",
        });
        expect(await registry.get("a")).toBeUndefined();
      });

      test("a lease can bear an id of the caller's choice, once", async () => {
        expect(await registry.grant({ id: 7 })).toBe(7);
        await expect(registry.grant({ id: 7 })).rejects.toMatchObject({ code: "lease_exists" });
      });
    });

    describe("watches", () => {
      test("see the keys with their prefix and nothing else", async () => {
        const watch = registry.watch("a/");
        await registry.put("a/1", "x");
        await registry.put("b/1", "y");
        await registry.delete("a/1");
        expect(await take(watch, 2)).toMatchObject([
          { events: [{ type: "put", keyValue: { key: "a/1", value: "x" } }] },
          { events: [{ type: "delete", key: "a/1" }] },
        ]);
      });

      test("begin now, unless they are told from where", async () => {
        await registry.put("a", "old");
        const watch = registry.watch("");
        await registry.put("a", "new");
        expect(await take(watch, 1)).toMatchObject([
          { events: [{ keyValue: { key: "a", value: "new" } }] },
        ]);
      });

      test("ordered: revisions rise, and events of one keep their order", async () => {
        const watch = registry.watch("");
        await registry.put("a", "1");
        await registry.txn({
          compare: [],
          success: [
            { type: "put", key: "z", value: "1" },
            { type: "put", key: "b", value: "1" },
          ],
        });
        const [first, second] = await take(watch, 2);
        expect(second?.revision).toBeGreaterThan(first?.revision ?? Number.POSITIVE_INFINITY);
        expect(second?.events.map(keyOf)).toEqual(["z", "b"]);
      });

      test("unique and reliable: each event once, none left out, however late the reader", async () => {
        const watch = registry.watch("");
        for (let index = 0; index < 100; index++) await registry.put("a", String(index));
        const responses = await take(watch, 100);
        const values = responses.flatMap(({ events }) =>
          events.map((event) => (event.type === "put" ? event.keyValue.value : "")),
        );
        expect(values).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
      });

      test("atomic: a revision comes whole", async () => {
        const lease = await registry.grant();
        for (const key of ["a", "b", "c"]) await registry.put(key, "", { lease });
        const watch = registry.watch("");
        await registry.revoke(lease);
        const [response] = await take(watch, 1);
        expect(response?.events.map(keyOf)).toEqual(["a", "b", "c"]);
      });

      test("resumable: a new watch goes on after the last revision", async () => {
        const start = await registry.put("a", "0");
        for (let index = 1; index < 6; index++) await registry.put("a", String(index));
        const first = registry.watch("", { fromRevision: start });
        const seen = await take(first, 3);
        await first.return();
        const next = (seen.at(-1)?.revision ?? 0) + 1;
        const rest = await take(registry.watch("", { fromRevision: next }), 3);
        expect([...seen, ...rest].map(({ revision }) => revision - start)).toEqual([
          0, 1, 2, 3, 4, 5,
        ]);
      });

      test("resumable until compaction: then the reader is told", async () => {
        const start = await registry.put("a", "0");
        const late = registry.watch("", { fromRevision: start });
        const last = await registry.put("a", "1");
        await registry.compact(last);
        await expect(late.next()).rejects.toMatchObject({
          code: "compacted",
          details: { compactedRevision: last },
        });
        const watch = registry.watch("", { fromRevision: last });
        expect(await take(watch, 1)).toMatchObject([{ revision: last }]);
        expect(await registry.get("a")).toMatchObject({ value: "1" });
      });

      test("bookmarkable: a bookmark says that all before it was delivered", async () => {
        const watch = registry.watch("a");
        await registry.put("a", "1");
        const revision = await registry.put("b", "1");
        watch.requestProgress();
        const [event, bookmark] = await take(watch, 2);
        expect(event?.events).toHaveLength(1);
        expect(bookmark).toEqual({ revision, events: [] });
      });

      test("end at once when they are left, also while they wait", async () => {
        const watch = registry.watch("");
        const next = watch.next();
        await watch.return();
        expect(await next).toEqual({ done: true, value: undefined });
        expect(await watch.next()).toEqual({ done: true, value: undefined });
      });

      test("end when the registry closes", async () => {
        const next = registry.watch("").next();
        await registry.close();
        expect(await next).toMatchObject({ done: true });
      });
    });

    describe("compaction", () => {
      test("of a revision to come is an error", async () => {
        const revision = await registry.put("a", "1");
        await expect(registry.compact(revision + 1)).rejects.toMatchObject({
          code: "future_revision",
        });
      });

      test("of a compacted revision is an error", async () => {
        await registry.put("a", "1");
        const revision = await registry.put("a", "2");
        await registry.compact(revision);
        await expect(registry.compact(revision - 1)).rejects.toMatchObject({ code: "compacted" });
      });
    });
  });
}

/** The next `count` responses. */
export async function take(watch: Watch, count: number): Promise<readonly WatchResponse[]> {
  const responses: WatchResponse[] = [];
  while (responses.length < count) {
    const { done, value } = await watch.next();
    if (done) break;
    responses.push(value);
  }
  return responses;
}

export function keyOf(event: WatchEvent): string {
  return event.type === "put" ? event.keyValue.key : event.key;
}
