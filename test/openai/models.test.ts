// The list of models in the shapes of OpenAI's, Anthropic's and Codex's clients.

import { expect, test } from "bun:test";

import { harness } from "../api/harness.ts";

const models = () => [
  { id: "m", created: 1_700_000_000, maxModelLen: 512 },
  { id: "n", aliasOf: "m", created: 1_700_000_000, maxModelLen: 512 },
];

interface Lists {
  readonly object?: string;
  readonly data: readonly unknown[];
  readonly models: readonly { readonly base_instructions: string }[];
}

async function ask(path: string, headers: Record<string, string> = {}) {
  const { app } = harness({ models });
  const answer = await app.fetch(new Request(`http://test${path}`, { headers }));
  return (await answer.json()) as Lists;
}

test("OpenAI's clients get cards", async () => {
  expect(await ask("/v1/models")).toMatchObject({
    object: "list",
    data: ["m", "n"].map((id) => ({
      ...{ id, object: "model", created: 1_700_000_000, owned_by: "dynamo", max_model_len: 512 },
    })),
  });
});

test("Anthropic's clients get a page of models, and one model", async () => {
  const headers = { "anthropic-version": "2023-06-01" };
  const card = {
    type: "model",
    id: "m",
    display_name: "m",
    created_at: "2023-11-14T22:13:20.000Z",
  };
  const page = await ask("/v1/models?limit=20", headers);
  expect(page).toMatchObject({ has_more: false, first_id: "m", last_id: "n" });
  expect(page.data[0]).toMatchObject(card);
  expect(await ask("/v1/models/m", headers)).toMatchObject(card);
});

test("Codex gets what it needs to know of each, beside the cards", async () => {
  const { models, data } = await ask("/v1/models?client_version=0.99.0");
  expect(data).toHaveLength(2);
  expect(models[0]).toMatchObject({ slug: "m", context_window: 512, visibility: "list" });
  expect(models[0]?.base_instructions).toContain("coding agent");
});
