// The door to what may change while the server runs. For whoever operates it: from this machine only, and not from a
// web page in a browser there, which says where it comes from.

import { ApiError } from "./api-error.ts";
import type { Settings } from "./backend.ts";
import type { Exchange } from "./exchange.ts";
import { readText } from "./json-body.ts";

/** A setting is a word, a number or a small map. */
const MAX_BYTES = 64 * 1024;

export async function listSettings(settings: Settings, exchange: Exchange): Promise<Response> {
  checkOperator(exchange);
  const data = (await settings.list()).map(shown);
  return exchange.json({ object: "list", data });
}

export async function changeSetting(
  settings: Settings,
  exchange: Exchange,
  name: { readonly service: string; readonly key: string },
): Promise<Response> {
  checkOperator(exchange);
  const value = parseValue(await readText(exchange.request, MAX_BYTES));
  await settings.set({ ...name, value });
  return exchange.json(shown({ ...name, value }));
}

function shown({ value, ...name }: { service: string; key: string; value: unknown }) {
  return { ...name, value: value ?? null };
}

/** As in a flag: JSON where it can be, else text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text.trim();
    throw error;
  }
}

/** Throws 403 unless the request comes from this machine and from no web page. */
export function checkOperator({ connection, request }: Exchange): void {
  if (connection.isLocal && !request.headers.has("origin")) return;
  throw new ApiError({
    status: 403,
    code: "local_only",
    message:
      "Settings are shown and changed from the machine of the server only, and not by web pages.",
  });
}
