// Forms of answers that every API can ask for, as src/grammar takes them.

import type { GrammarSource, JsonLayout } from "../protocol/grammar.ts";
import { rawJson } from "./raw-json.ts";

/** Properties that a schema does not mention are not written, unless it allows them itself. */
const LAYOUT: JsonLayout = { undeclaredProperties: "refused" };

/** JSON of a schema that came in `field`, as an object or as its text. */
export function schemaForm(
  schema: object | string,
  field: string,
  layout: JsonLayout = {},
): GrammarSource {
  const text = typeof schema === "string" ? schema : rawJson(schema);
  return inField(field, {
    type: "json_schema",
    schema: text,
    layout: { ...LAYOUT, ...layout },
  });
}

export function jsonObjectForm(layout?: JsonLayout): GrammarSource {
  return { type: "json_object", ...(layout && { layout }) };
}

export function inField(field: string, body: GrammarSource): GrammarSource {
  return { type: "field", field, body };
}
