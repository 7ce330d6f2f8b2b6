import { expect, test } from "bun:test";

import { anthropicErrors } from "../../src/anthropic/errors.ts";
import { ApiError } from "../../src/door/api-error.ts";
import { COMPLETION, harness } from "../api/harness.ts";

function told(options: Partial<ConstructorParameters<typeof ApiError>[0]>): object {
  const error = new ApiError({ status: 400, code: "c", message: "It is wrong.", ...options });
  return { status: anthropicErrors.statusOf?.(error), ...anthropicErrors.body(error, "id") };
}

const STATUSES: readonly [given: number, status: number, type: string][] = [
  [400, 400, "invalid_request_error"],
  [401, 401, "authentication_error"],
  [403, 403, "permission_error"],
  [404, 404, "not_found_error"],
  [405, 405, "invalid_request_error"],
  [413, 413, "request_too_large"],
  [429, 429, "rate_limit_error"],
  [500, 500, "api_error"],
  [503, 529, "overloaded_error"],
];

for (const [given, status, type] of STATUSES) {
  test(`${given} is ${status} ${type}`, () => {
    const error = { type, message: "It is wrong." };
    expect(told({ status: given })).toEqual({ status, type: "error", error, request_id: "id" });
  });
}

test("a message names the field, once", () => {
  expect(told({ param: "max_tokens" })).toMatchObject({
    error: { message: "max_tokens: It is wrong." },
  });
  const message = "'max_tokens' is required.";
  expect(told({ param: "max_tokens", message })).toMatchObject({ error: { message } });
});

test("a prompt that is too long has its counts where agents look for them", () => {
  const details = { prompt_tokens: 600, max_model_len: 512 };
  expect(told({ code: "context_length_exceeded", param: "messages", details })).toMatchObject({
    error: { message: "prompt is too long: 600 tokens > 512 maximum. It is wrong." },
  });
});

test("a body that is too large, and a method that there is not, have the shape too", async () => {
  const { app } = harness({ maxBodyBytes: 10 });
  const send = (init: RequestInit) => app.fetch(new Request("http://test/v1/messages", init));
  const large = await send({ method: "POST", body: JSON.stringify(COMPLETION) });
  expect(large.status).toBe(413);
  expect(await large.json()).toMatchObject({ error: { type: "request_too_large" } });
  const wrong = await send({ method: "GET" });
  expect(wrong.status).toBe(405);
  expect(await wrong.json()).toMatchObject({ type: "error" });
});
