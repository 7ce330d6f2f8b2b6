// The main fields of a body, for `/openapi.json`. A reader checks the body itself (docs/decisions/0055).

import * as v from "valibot";

const items = v.union([v.string(), v.array(v.looseObject({ type: v.optional(v.string()) }))]);

export const responseBody = v.looseObject({
  model: v.optional(v.string()),
  input: v.optional(items),
  instructions: v.optional(v.string()),
  previous_response_id: v.optional(v.string()),
  max_output_tokens: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  top_p: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  tools: v.optional(v.array(v.looseObject({ type: v.string() }))),
  stream: v.optional(v.boolean()),
  store: v.optional(v.boolean()),
});
