// The document that describes the routes.

import { expect, test } from "bun:test";

import { version } from "../../package.json";
import { harness } from "./harness.ts";

async function get(path: string) {
  const { app } = harness();
  const response = await app.fetch(new Request(`http://test${path}`));
  return { status: response.status, body: (await response.json()) as Document };
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  readonly summary?: string;
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: Schema } };
  };
}

interface Schema {
  readonly properties: Record<string, object>;
  readonly required: readonly string[];
}

const schemaOf = (operation: Operation | undefined) =>
  operation?.requestBody?.content["application/json"].schema;

test("/openapi.json has the routes, and the fields of bodies with their bounds", async () => {
  const { body } = await get("/openapi.json");
  const { paths } = body;
  expect(Object.keys(paths)).toContain("/v1/models/{id}");
  expect(paths["/health"]?.["get"]?.summary).toBe("Whether it can answer.");
  const chat = schemaOf(paths["/v1/chat/completions"]?.["post"]);
  expect(chat?.required).toEqual(["messages"]);
  expect(chat?.properties["temperature"]).toMatchObject({ type: "number", minimum: 0, maximum: 2 });
  expect(chat?.properties).toHaveProperty("tool_choice");
  expect(schemaOf(paths["/tokenize"]?.["post"])?.properties).toHaveProperty("return_token_strs");
});

test("/version and /ping say what they say elsewhere", async () => {
  expect((await get("/version")).body).toMatchObject({ version });
  expect((await get("/ping")).status).toBe(200);
  const { app } = harness({ models: () => [] });
  expect((await app.fetch(new Request("http://test/ping"))).status).toBe(503);
});
