// Which model a request gets, whether it names one or not.

import { expect, test } from "bun:test";

import type { ServedModel } from "../../src/door/backend.ts";
import { harness, post } from "../api/harness.ts";

const model = (id: string, aliasOf?: string): ServedModel => ({
  ...{ id, created: 1, maxModelLen: 512 },
  ...(aliasOf !== undefined && { aliasOf }),
});
const body = { prompt: "hi" };

test("a request without a model gets the only one, by its first name", async () => {
  const { app, opened } = harness({ models: () => [model("m"), model("alias", "m")] });
  const answer = app.fetch(post(body));
  const stream = await opened();
  stream.push({ text: "a", finishReason: "stop" });
  stream.end();
  expect(await (await answer).json()).toMatchObject({ model: "m" });
});

test("a request without a model is refused where there are several, with their names", async () => {
  const { app } = harness({ models: () => [model("m"), model("o")] });
  const answer = await app.fetch(post(body));
  expect(answer.status).toBe(400);
  const { error } = (await answer.json()) as { error: { message: string } };
  expect(error).toMatchObject({ code: "missing_required_parameter", param: "model" });
  expect(error.message).toContain("m, o");
});

test("a request without a model waits as any other while none is served", async () => {
  const { app } = harness({ models: () => [] });
  expect((await app.fetch(post(body))).status).toBe(503);
});
