// The document that describes the routes.

import { expect, test } from "bun:test";
import * as v from "valibot";

import { version } from "../../package.json";
import { countBody, messageBody } from "../../src/anthropic/body-outline.ts";
import { chatBody, generateBody } from "../../src/ollama/body-outline.ts";
import { responseBody } from "../../src/responses/body-outline.ts";
import { harness } from "./harness.ts";
import { BODIES } from "./mutated-bodies.ts";

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

test("each route has a summary, and each that takes a body tells the fields that it needs", async () => {
  const { paths } = (await get("/openapi.json")).body;
  const nameless = Object.entries(paths).filter(([, operations]) =>
    Object.values(operations).some(({ summary }) => summary === undefined),
  );
  expect(nameless).toEqual([]);
  const { app } = harness();
  for (const [route, bodies] of Object.entries(BODIES)) {
    const schema = schemaOf(paths[route]?.["post"]);
    expect([route, schema?.properties]).toEqual([route, expect.any(Object)]);
    const needed = schema?.required ?? [];
    const body = bodies.find((one) => needed.every((name) => Object.hasOwn(one as object, name)));
    expect([route, body]).toEqual([route, expect.any(Object)]);
    for (const name of needed) {
      const text = JSON.stringify({ ...(body as object), [name]: undefined });
      const request = new Request(`http://localhost${route}`, { method: "POST", body: text });
      const response = await app.fetch(request);
      expect([route, name, response.status]).toEqual([route, name, 400]);
    }
  }
});

test("the outlines of bodies take what is answered", () => {
  for (const [route, outline] of Object.entries(OUTLINES))
    for (const body of BODIES[route] ?? [])
      expect([route, v.safeParse(outline, body).issues]).toEqual([route, undefined]);
});

const OUTLINES = {
  "/v1/responses": responseBody,
  "/v1/responses/input_tokens": responseBody,
  "/v1/messages": messageBody,
  "/v1/messages/count_tokens": countBody,
  "/api/chat": chatBody,
  "/api/generate": generateBody,
};

test("/version and /ping say what they say elsewhere", async () => {
  expect((await get("/version")).body).toMatchObject({ version });
  expect((await get("/ping")).status).toBe(200);
  const { app } = harness({ models: () => [] });
  expect((await app.fetch(new Request("http://test/ping"))).status).toBe(503);
});
