// Items of stored responses, which a request refers to by their ids. A reference is short and its item may be long, so
// all that one request brings back is limited: 16,384 references to 1 MiB would be a prompt of 16 GiB.

import { type ApiError, invalidRequest } from "../door/api-error.ts";
import { newNotes, Place } from "../door/fields.ts";
import type { StoredResponse } from "./response-store.ts";
import { responseOfItem } from "./response-writer.ts";

/** Characters of JSON: of the responses that are looked through, and of the items. */
const MAX_CHARS = 8 * 2 ** 20;

interface Item {
  readonly id?: unknown;
  readonly type?: unknown;
}

/** For one request. */
export class StoredItems {
  readonly #find: (id: string) => StoredResponse | undefined;
  /** By response: its own items and those of its request, each with its length. */
  readonly #parsed = new Map<string, ReadonlyMap<unknown, readonly [Item, number]>>();
  #numChars = 0;

  constructor(find: (id: string) => StoredResponse | undefined) {
    this.#find = find;
  }

  /** Undefined where there is none; throws `invalid_value` when the request brings back too much. */
  place(id: Place): Place | undefined {
    const found = this.#itemOf(id);
    if (!found) return undefined;
    const [item, numChars] = found;
    this.#count(numChars, id);
    return new Place(item, id.path, newNotes());
  }

  /** An item that `place` found before. */
  found(id: string): object | undefined {
    return this.#parsed.get(responseOfItem(id) ?? "")?.get(id)?.[0];
  }

  #itemOf(id: Place): readonly [Item, number] | undefined {
    const responseId = responseOfItem(id.string());
    const stored = responseId === undefined ? undefined : this.#find(responseId);
    if (!stored) return undefined;
    const known = this.#parsed.get(stored.id);
    if (known) return known.get(id.value);
    const texts = stored.items.slice(-2);
    this.#count(sum(texts.map(({ length }) => length)), id);
    const items: readonly Item[] = texts.flatMap((text) => JSON.parse(text));
    const parsed = new Map(
      items
        .filter(({ type }) => type !== "item_reference")
        .map((item) => [item.id, [item, JSON.stringify(item).length] as const]),
    );
    this.#parsed.set(stored.id, parsed);
    return parsed.get(id.value);
  }

  #count(numChars: number, { path }: Place): void {
    this.#numChars += numChars;
    if (this.#numChars > MAX_CHARS) throw tooMuch(path);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function tooMuch(path: string): ApiError {
  const message = `'${path}': a request may refer to stored items of ${MAX_CHARS} characters in all. Refer to fewer.`;
  return invalidRequest("invalid_value", message, path);
}
