import { describe, expect, test } from "bun:test";

import { newNotes, Place } from "../../src/door/fields.ts";
import type { StoredResponse } from "../../src/responses/response-store.ts";
import { StoredItems } from "../../src/responses/stored-items.ts";

const TEXT = "a".repeat(2 ** 20);

function itemsOf(...items: readonly object[]) {
  const stored: StoredResponse = {
    ...{ id: "resp_1", response: "", input: "" },
    items: ["not looked at", "[]", JSON.stringify(items)],
  };
  return new StoredItems((id) => (id === stored.id ? stored : undefined));
}

function reference(id: string): Place {
  return new Place(id, "input[0].id", newNotes());
}

describe("items of stored responses", () => {
  test("are found by their ids", () => {
    const items = itemsOf({ id: "msg_1_0", type: "message" });
    expect(items.found("msg_1_0")).toBeUndefined();
    expect(items.place(reference("msg_1_0"))?.value).toEqual({ id: "msg_1_0", type: "message" });
    expect(items.found("msg_1_0")).toEqual({ id: "msg_1_0", type: "message" });
    for (const other of ["msg_1_1", "msg_2_0", "", "_", "__", "_1_0", "msg_1", "__proto__"])
      expect(items.place(reference(other))).toBeUndefined();
  });

  test("that only refer to others are not", () => {
    const items = itemsOf({ id: "msg_1_0", type: "item_reference" });
    expect(items.place(reference("msg_1_0"))).toBeUndefined();
  });

  test("brought back by one request are limited, however often it refers to one", () => {
    const items = itemsOf({ id: "msg_1_0", type: "message", content: TEXT });
    const refer = () => items.place(reference("msg_1_0"));
    for (let count = 0; count < 5; count++) expect(refer()).toBeDefined();
    const tooMany = () => Array.from({ length: 5 }, refer);
    expect(tooMany).toThrow("'input[0].id': a request may refer to stored items of 8388608");
  });

  test("have ids of any length: one of 4 MiB is looked at once", () => {
    const id = `x_${"_".repeat(2 ** 22)}!`;
    expect(itemsOf().place(reference(id))).toBeUndefined();
  }, 60_000);
});
