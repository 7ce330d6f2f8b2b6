import { expect, test } from "bun:test";

import { FairQueue } from "../../src/base/fair-queue.ts";

function queueOf(...items: readonly (readonly [tenant: number, item: string])[]) {
  const queue = new FairQueue<string>();
  for (const [tenant, item] of items) queue.push(tenant, item);
  return queue;
}

function taken(queue: FairQueue<string>): string {
  let all = "";
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) all += item;
  return all;
}

test("tenants take turns, and each one's items come in order", () => {
  const queue = queueOf([1, "a"], [1, "b"], [1, "c"], [2, "x"], [3, "m"], [2, "y"]);
  expect(queue.size).toBe(6);
  expect(taken(queue)).toBe("axmbyc");
  expect(queue.size).toBe(0);
});

test("an item that is taken out is not served, and its tenant's others are", () => {
  const queue = queueOf([1, "a"], [1, "b"], [2, "x"]);
  expect(queue.delete(1, "a")).toBe(true);
  expect(queue.delete(1, "a")).toBe(false);
  expect(queue.delete(2, "x")).toBe(true);
  expect(taken(queue)).toBe("b");
});

test("all are taken out at once", () => {
  const queue = queueOf([1, "a"], [2, "x"]);
  expect(queue.drain().sort()).toEqual(["a", "x"]);
  expect(queue.shift()).toBeUndefined();
});
