import { expect, test } from "bun:test";

import { DynamoError } from "../../src/base/error.ts";
import { COMPLETION, harness, post } from "../api/harness.ts";

class CodedError extends DynamoError {
  override readonly code: string;

  constructor(code: string) {
    super(`as ${code} goes`);
    this.code = code;
  }
}

function failing(errorOf: () => Error) {
  const door = harness({
    // biome-ignore lint/correctness/useYield: it fails before
    async *complete() {
      throw errorOf();
    },
  });
  const ask = async () => (await door.app.fetch(post(COMPLETION))).status;
  /** All but the line that each request has. */
  const failures = () => door.lines.filter((line) => !line.includes("  request  "));
  return { ...door, failures, ask };
}

test("an expected failure is logged once a minute and code, without a stack", async () => {
  let code = "invalid_logits";
  const { failures, clock, ask } = failing(() => new CodedError(code));
  for (let i = 0; i < 20; i++) expect(await ask()).toBe(500);
  expect(failures()).toHaveLength(1);
  expect(failures()[0]).toContain("invalid_logits");
  expect(failures()[0]).not.toContain("stack=");
  code = "template_error";
  await ask();
  expect(failures()).toHaveLength(2);
  await clock.advance(60_000);
  code = "invalid_logits";
  await ask();
  expect(failures()[2]).toContain("since_last=19");
});

test("each bug is logged with its stack", async () => {
  const { failures, ask } = failing(() => new TypeError("x is undefined"));
  for (let i = 0; i < 3; i++) expect(await ask()).toBe(500);
  expect(failures()).toHaveLength(3);
  for (const line of failures()) expect(line).toMatch(/ERROR .*x is undefined.*stack=/s);
});
