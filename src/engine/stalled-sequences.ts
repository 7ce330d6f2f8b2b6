// Sequences that no client reads: each has given up its seat and its blocks, and waits for its reader.

import { assert } from "../base/assert.ts";
import type { Sequence } from "./sequence.ts";

export class StalledSequences {
  /** The one that is stalled longest first. */
  readonly #sequences = new Set<Sequence>();

  get size(): number {
    return this.#sequences.size;
  }

  /** The longest stalled one of the tenant that has most of them. */
  get longest(): Sequence | undefined {
    const counts = new Map<number, number>();
    for (const { tenant } of this.#sequences) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    const most = Math.max(...counts.values());
    return [...this.#sequences].find(({ tenant }) => counts.get(tenant) === most);
  }

  add(sequence: Sequence): void {
    this.#sequences.add(sequence);
  }

  /** False if it was not stalled. */
  delete(sequence: Sequence): boolean {
    return this.#sequences.delete(sequence);
  }

  checkIntegrity(): void {
    for (const { status, table } of this.#sequences) {
      assert(status === "stalled" && table.numBlocks === 0, "a stalled sequence holds blocks");
    }
  }
}
