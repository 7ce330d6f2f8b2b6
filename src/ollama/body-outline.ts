// The main fields of bodies, for `/openapi.json`. Readers check the bodies themselves (docs/decisions/0055).

import * as v from "valibot";

const shared = {
  model: v.string(),
  stream: v.optional(v.boolean(), true),
  think: v.optional(v.union([v.boolean(), v.string()])),
  options: v.optional(v.looseObject({ num_predict: v.optional(v.number()) })),
};

export const chatBody = v.looseObject({
  ...shared,
  messages: v.optional(v.array(v.looseObject({ role: v.string() }))),
  tools: v.optional(v.array(v.looseObject({ function: v.looseObject({ name: v.string() }) }))),
});

export const generateBody = v.looseObject({
  ...shared,
  prompt: v.optional(v.string()),
  system: v.optional(v.string()),
  raw: v.optional(v.boolean()),
});

export const namedBody = v.looseObject({ model: v.string() });
