// Fields that were not understood: named in a header of the answer or, for a client that is strict, refused.

import { invalidRequest } from "./api-error.ts";
import type { Exchange } from "./exchange.ts";
import { isFields } from "./parse-fields.ts";

const MAX_NAMED = 32;

/** Throws `unsupported_parameter` where the body says `"strict": true` and a field of it was passed over. */
export function reportIgnored(exchange: Exchange, body: unknown, names: readonly string[]): void {
  const [first] = names;
  if (first !== undefined && isFields(body) && body["strict"] === true) {
    const all = names.slice(0, MAX_NAMED).map((name) => `'${name.slice(0, 64)}'`);
    const message = `This server does nothing with ${all.join(", ")}: leave that out, or 'strict'.`;
    throw invalidRequest("unsupported_parameter", message, first);
  }
  exchange.reportIgnored(names);
}
