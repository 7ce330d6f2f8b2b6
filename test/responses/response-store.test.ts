import { describe, expect, test } from "bun:test";

import { ResponseStore, type StoredResponse } from "../../src/responses/response-store.ts";

function stored(id: string, chars = 10): StoredResponse {
  return { id, response: "r".repeat(chars), input: "", items: [] };
}

function storeOf(maxResponses: number, maxChars = 1000): ResponseStore {
  return new ResponseStore({ maxResponses, maxChars, maxCharsEach: maxChars });
}

describe("stored responses", () => {
  test("are their owner's alone", () => {
    const store = storeOf(10);
    store.put(1, stored("a"));
    expect(store.get(1, "a")?.id).toBe("a");
    expect(store.get(2, "a")).toBeUndefined();
    expect(store.delete(2, "a")).toBe(false);
    expect(store.delete(1, "a")).toBe(true);
    expect(store.get(1, "a")).toBeUndefined();
  });

  test("the least recently used goes first", () => {
    const store = storeOf(2);
    store.put(1, stored("a"));
    store.put(1, stored("b"));
    store.get(1, "a");
    store.put(1, stored("c"));
    expect(["a", "b", "c"].map((id) => store.get(1, id)?.id)).toEqual(["a", undefined, "c"]);
  });

  test("an owner of many gives up its own, not those of others", () => {
    const store = storeOf(10);
    store.put(1, stored("mine"));
    for (let number = 0; number < 100; number++) store.put(2, stored(`theirs ${number}`));
    expect(store.get(1, "mine")?.id).toBe("mine");
    expect(store.size).toBe(10);
  });

  test("their characters are bounded, whatever their number; shared items count each time", () => {
    const store = storeOf(100, 1000);
    const items = ["i".repeat(400)];
    for (const id of ["a", "b", "c"]) store.put(1, { ...stored(id), items });
    expect(store.size).toBe(2);
    store.put(1, stored("large", 2000));
    expect(store.get(1, "large")).toBeUndefined();
    expect(store.size).toBe(2);
  });

  test("one that is put again counts once", () => {
    const store = storeOf(10, 25);
    for (let time = 0; time < 5; time++) store.put(1, stored("a"));
    store.put(1, stored("b"));
    expect(store.size).toBe(2);
  });
});
