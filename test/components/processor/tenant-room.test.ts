import { expect, test } from "bun:test";

import { TenantRoom } from "../../../src/components/processor/tenant-room.ts";

test("a tenant has a quarter of the room at most, and gets it back", () => {
  const room = new TenantRoom({ numTexts: 8, numChars: 400 });
  expect([room.tryTake(1, 0), room.tryTake(1, 0), room.tryTake(1, 0)]).toEqual([true, true, false]);
  room.release(1, 0);
  expect(room.tryTake(1, 100)).toBe(true);
  expect(room.tryTake(2, 60)).toBe(true);
  expect(room.tryTake(2, 60)).toBe(false);
});

test("one text alone may be larger, and never larger than what is left for all", () => {
  const room = new TenantRoom({ numTexts: 8, numChars: 400 });
  expect(room.tryTake(1, 300)).toBe(true);
  expect(room.tryTake(1, 0)).toBe(false);
  expect(room.tryTake(2, 150)).toBe(false);
  expect(room.tryTake(2, 100)).toBe(true);
  room.release(1, 300);
  expect(room.tryTake(3, 300)).toBe(true);
});
