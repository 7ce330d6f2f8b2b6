// Identity of instances, apart from that of the actors that run them: docs/decisions/0046.

import { assert } from "../base/assert.ts";

/**
 * One running instance of a service: unique in the cluster, and new after every restart. A node number of 32 bits and
 * a count of 21: 53 bits, which JSON and doubles carry exactly.
 */
export type InstanceId = number;

const IDS_PER_NODE = 2 ** 21;
const NUM_NODES = 2 ** 32;

/** The ids of one process. */
export class InstanceIds {
  readonly #drawNode: () => number;
  #node: number;
  #count = 0;

  /** `drawNode`: a random integer of 32 bits. */
  constructor(drawNode: () => number) {
    this.#drawNode = drawNode;
    this.#node = drawNode();
  }

  next(): InstanceId {
    assert(
      Number.isInteger(this.#node) && this.#node >= 0 && this.#node < NUM_NODES,
      `a node number has 32 bits, unlike ${this.#node}`,
    );
    const id = this.#node * IDS_PER_NODE + ++this.#count;
    if (this.#count === IDS_PER_NODE - 1) {
      this.#node = this.#drawNode();
      this.#count = 0;
    }
    return id;
  }
}

/** As registry keys have it: hexadecimal, without padding. */
export function formatInstanceId(id: InstanceId): string {
  return id.toString(16);
}

/** `undefined` for text that is no instance id. */
export function parseInstanceId(text: string): InstanceId | undefined {
  const id = /^[0-9a-f]{1,14}$/.test(text) ? Number.parseInt(text, 16) : undefined;
  return id !== undefined && Number.isSafeInteger(id) ? id : undefined;
}
