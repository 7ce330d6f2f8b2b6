// Every route that is served is named in a page of the docs, as its table writes it.

import { expect, test } from "bun:test";

import { harness } from "../api/harness.ts";

const PAGES = ["api", "responses", "messages", "ollama"];

test("each route of /openapi.json is in the docs", async () => {
  const { app } = harness();
  const response = await app.fetch(new Request("http://localhost/openapi.json"));
  const { paths } = (await response.json()) as { paths: Record<string, object> };
  const folder = new URL("../../docs/", import.meta.url);
  const texts = PAGES.map((name) => Bun.file(new URL(`${name}.md`, folder)).text());
  const docs = (await Promise.all(texts)).join("\n");
  const named = new Set(docs.match(/`(GET|POST|PUT|DELETE) \/[^`]*`/g));
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `\`${method.toUpperCase()} ${asInDocs(path)}\``),
  );
  expect(served.filter((route) => !named.has(route))).toEqual([]);
  expect(served.length).toBeGreaterThan(30);
});

/** `/v1/models/{id}` is about a name there, `/v1/responses/{id}` about an id. */
function asInDocs(path: string): string {
  return path
    .replace("/v1/models/{id}", "/v1/models/NAME")
    .replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
}
