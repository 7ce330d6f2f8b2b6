// The main fields of a body, for `/openapi.json`. A reader checks the body itself (docs/decisions/0055).

import * as v from "valibot";

const content = v.union([v.string(), v.array(v.looseObject({ type: v.string() }))]);

/** A count needs no `max_tokens`; an answer does. */
export const countBody = v.looseObject({
  model: v.optional(v.string()),
  messages: v.array(v.looseObject({ role: v.picklist(["user", "assistant", "system"]), content })),
  system: v.optional(content),
  tools: v.optional(v.array(v.looseObject({ name: v.string() }))),
});

export const messageBody = v.looseObject({
  ...countBody.entries,
  max_tokens: v.pipe(v.number(), v.integer(), v.minValue(1)),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  top_p: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  stop_sequences: v.optional(v.array(v.string())),
  stream: v.optional(v.boolean()),
});
