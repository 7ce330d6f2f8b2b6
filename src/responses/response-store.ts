// Responses that can be gone on from. They are in this process's memory alone, within two limits: the owner that has
// the most gives up its least recently used first, so one client's many responses cost no other client any.

export interface StoredResponse {
  readonly id: string;
  /** JSON text. */
  readonly response: string;
  /** JSON text of a list: the request's own items. */
  readonly input: string;
  /** JSON texts of lists: all items up to its end, in order. Responses that go on from each other share them. */
  readonly items: readonly string[];
}

export interface StoreLimits {
  readonly maxResponses: number;
  /** In UTF-16 code units, each text counted once for each response that has it. */
  readonly maxChars: number;
  /** Limit of a single one: a request that goes on from it parses all of it again. */
  readonly maxCharsEach: number;
}

export const STORE_LIMITS: StoreLimits = {
  maxResponses: 4096,
  maxChars: 64 * 2 ** 20,
  maxCharsEach: 8 * 2 ** 20,
};

export class ResponseStore {
  readonly #limits: StoreLimits;
  /** By owner; in each, the least recently used is first. */
  readonly #shelves = new Map<number, Shelf>();
  #numResponses = 0;
  #numChars = 0;

  constructor(limits: StoreLimits = STORE_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#numResponses;
  }

  get(owner: number, id: string): StoredResponse | undefined {
    const shelf = this.#shelves.get(owner);
    const stored = shelf?.responses.get(id);
    if (!shelf || !stored) return undefined;
    shelf.responses.delete(id);
    shelf.responses.set(id, stored);
    return stored;
  }

  /** One that is too large is not kept, and costs no other its place. */
  put(owner: number, stored: StoredResponse): void {
    this.delete(owner, stored.id);
    if (charsOf(stored) > this.#limits.maxCharsEach) return;
    const shelf = this.#shelves.get(owner) ?? { responses: new Map(), numChars: 0 };
    this.#shelves.set(owner, shelf);
    shelf.responses.set(stored.id, stored);
    this.#count(shelf, charsOf(stored), 1);
    while (this.#isFull()) this.#evict();
  }

  /** Tells if it was there. */
  delete(owner: number, id: string): boolean {
    const shelf = this.#shelves.get(owner);
    const stored = shelf?.responses.get(id);
    if (!shelf || !stored) return false;
    shelf.responses.delete(id);
    this.#count(shelf, -charsOf(stored), -1);
    if (shelf.responses.size === 0) this.#shelves.delete(owner);
    return true;
  }

  #isFull(): boolean {
    const { maxResponses, maxChars } = this.#limits;
    return this.#numResponses > maxResponses || this.#numChars > maxChars;
  }

  #evict(): void {
    const tooMany = this.#numResponses > this.#limits.maxResponses;
    const sizeOf = (shelf: Shelf) => (tooMany ? shelf.responses.size : shelf.numChars);
    let largest: readonly [number, Shelf] | undefined;
    for (const entry of this.#shelves)
      if (!largest || sizeOf(entry[1]) > sizeOf(largest[1])) largest = entry;
    const [owner, shelf] = largest ?? [];
    const [oldest] = shelf?.responses.keys() ?? [];
    if (owner !== undefined && oldest !== undefined) this.delete(owner, oldest);
  }

  #count(shelf: Shelf, chars: number, responses: number): void {
    shelf.numChars += chars;
    this.#numChars += chars;
    this.#numResponses += responses;
  }
}

interface Shelf {
  readonly responses: Map<string, StoredResponse>;
  numChars: number;
}

function charsOf({ response, input, items }: StoredResponse): number {
  return items.reduce((chars, text) => chars + text.length, response.length + input.length);
}
