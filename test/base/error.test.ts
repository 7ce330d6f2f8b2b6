import { expect, test } from "bun:test";

import { DynamoError } from "../../src/base/error.ts";

test("an error bears the name of its class, without the number of a bundler", () => {
  class FullError2 extends DynamoError {}
  expect(new FullError2("full").name).toBe("FullError");
  expect(String(new FullError2("full"))).toBe("FullError: full");
});
