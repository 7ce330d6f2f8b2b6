// The door to what may change while the server runs, for those who operate it.

import type { Settings } from "../door/backend.ts";
import type { Exchange } from "../door/exchange.ts";
import { readText } from "../door/json-body.ts";

/** A setting is a word, a number or a small map. */
const MAX_BYTES = 64 * 1024;

export async function listSettings(settings: Settings, exchange: Exchange): Promise<Response> {
  const data = (await settings.list()).map(shown);
  return exchange.json({ object: "list", data });
}

export async function changeSetting(
  settings: Settings,
  exchange: Exchange,
  name: { readonly service: string; readonly key: string },
): Promise<Response> {
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
