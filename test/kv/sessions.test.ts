import { expect, test } from "bun:test";

import { Sessions } from "../../src/kv/sessions.ts";

test("a session is the last worker's that served it, and the least recently seen is forgotten", () => {
  const sessions = new Sessions<string>(2);
  sessions.served("one", "a");
  sessions.served("two", "b");
  sessions.served("one", "c");
  sessions.served("three", "d");
  expect(["one", "two", "three"].map((name) => sessions.workerOf(name))).toEqual([
    ...["c", undefined, "d"],
  ]);
});
