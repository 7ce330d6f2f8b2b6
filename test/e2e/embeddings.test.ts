// Embeddings on the compiled executable, with the model that it carries.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import OpenAI from "openai";

import { type Server, startServer } from "./server.ts";

let server: Server;
let client: OpenAI;
beforeAll(async () => {
  server = await startServer({ args: ["graphs.agg:Frontend"], cwd: tmpdir() });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" });
});
afterAll(() => server?.stop());

type Vector = readonly number[];

async function vectorsOf(fields: object): Promise<{ vectors: Vector[]; usage: object }> {
  const answer = await server.post("/v1/embeddings", fields);
  expect(answer.status).toBe(200);
  const body = (await answer.json()) as { data: { embedding: Vector }[]; usage: object };
  return { vectors: body.data.map(({ embedding }) => embedding), usage: body.usage };
}

const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

test("the openai client gets vectors of length 1, the same as base64 and as floats", async () => {
  const input = ["How do I change the router?", "Hello"];
  const asked = { model: "dynamo", input };
  const packed = await client.embeddings.create(asked); // the client asks for base64
  const plain = await client.embeddings.create({ ...asked, encoding_format: "float" });
  expect(packed.data.map(({ index }) => index)).toEqual([0, 1]);
  for (const [i, { embedding }] of plain.data.entries()) {
    expect(dot(embedding, embedding)).toBeCloseTo(1, 5);
    expect(packed.data[i]?.embedding).toEqual(embedding);
  }
  expect(plain.usage.prompt_tokens).toBeGreaterThan(2);
  expect(plain.usage.total_tokens).toBe(plain.usage.prompt_tokens);
});

test("texts, their token ids and many at a time give the same bits; dimensions cut and normalise", async () => {
  const text = "How do I change the router?";
  const { vectors } = await vectorsOf({ input: text });
  const [whole = []] = vectors;
  const tokenized = await server.post("/tokenize", { prompt: text });
  const { tokens } = (await tokenized.json()) as { tokens: number[] };
  expect((await vectorsOf({ input: tokens })).vectors).toEqual(vectors);
  const many = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? text : `text ${i}`));
  const batch = await vectorsOf({ input: many });
  expect(batch.vectors).toHaveLength(40);
  expect(batch.vectors.filter((_, i) => i % 2 === 0)).toEqual(Array(20).fill(whole));
  const [short = []] = (await vectorsOf({ input: text, dimensions: 8 })).vectors;
  expect(short).toHaveLength(8);
  expect(dot(short, short)).toBeCloseTo(1, 5);
  const norm = Math.sqrt(dot(whole.slice(0, 8), whole.slice(0, 8)));
  short.forEach((value, i) => void expect(value).toBeCloseTo((whole[i] ?? 0) / norm, 5));
});

for (const [fields, param] of [
  [{}, "input"],
  [{ input: "" }, "input"],
  [{ input: [] }, "input"],
  [{ input: ["a", ""] }, "input"],
  [{ input: [1, -1] }, "input"],
  [{ input: [999_999_999] }, "input"],
  [{ input: "a ".repeat(60_000) }, "input"],
  [{ input: "a", encoding_format: "hex" }, "encoding_format"],
  [{ input: "a", dimensions: 0 }, "dimensions"],
  [{ input: "a", dimensions: 100_000 }, "dimensions"],
] as const) {
  const shown = JSON.stringify(fields).slice(0, 50);
  test(`${shown} is refused, and ${param} is named`, async () => {
    const answer = await server.post("/v1/embeddings", fields);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param } });
  });
}
