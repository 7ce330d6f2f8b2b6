// A vocabulary's tokens by their bytes, in the order of a walk: a node's subtree is the run of nodes behind it, so
// a walk is one loop over arrays, and leaving a subtree out is one jump.

import { assert } from "../base/assert.ts";

export interface VocabularyOptions {
  /** What each token adds to a text; undefined or empty for ids that add nothing. */
  readonly tokenBytes: readonly (Uint8Array | undefined)[];
  /** Tokens that never match a grammar's bytes. */
  readonly specialTokenIds: Iterable<number>;
  /** Tokens that end a text. */
  readonly eosTokenIds: Iterable<number>;
  /** Of the model's logits, where they are more than the tokens. */
  readonly vocabSize?: number;
}

export class TokenTrie {
  readonly vocabSize: number;
  /** Words of 32 bits in a mask: token t is bit t % 32 of word t / 32. */
  readonly numMaskWords: number;
  readonly eosTokenIds: ReadonlySet<number>;
  readonly tokenBytes: readonly (Uint8Array | undefined)[];

  /** Of each node: its byte, its depth (1 for first bytes), and the first node behind its subtree. */
  readonly bytes: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Int32Array;
  /** Tokens of node n are `tokens[firstToken[n] .. firstToken[n + 1])`. */
  readonly firstToken: Int32Array;
  readonly tokens: Int32Array;
  readonly maxTokenBytes: number;

  constructor({ tokenBytes, specialTokenIds, eosTokenIds, vocabSize }: VocabularyOptions) {
    this.vocabSize = vocabSize ?? tokenBytes.length;
    this.numMaskWords = Math.ceil(this.vocabSize / 32);
    this.eosTokenIds = new Set(eosTokenIds);
    const special = new Set([...specialTokenIds, ...this.eosTokenIds]);
    this.tokenBytes = tokenBytes.map((bytes, id) =>
      special.has(id) || bytes?.length === 0 ? undefined : bytes,
    );
    const sorted = this.#sorted();
    const numNodes = countNodes(sorted.map(({ bytes }) => bytes));
    this.bytes = new Uint8Array(numNodes);
    this.depth = new Uint16Array(numNodes);
    this.end = new Int32Array(numNodes);
    this.firstToken = new Int32Array(numNodes + 1);
    this.tokens = new Int32Array(sorted.length);
    this.maxTokenBytes = sorted.reduce((max, { bytes }) => Math.max(max, bytes.length), 0);
    assert(this.maxTokenBytes < 65_536, "a token has fewer than 65,536 bytes");
    this.#fill(sorted);
  }

  get numNodes(): number {
    return this.bytes.length;
  }

  #sorted(): readonly { readonly id: number; readonly bytes: Uint8Array }[] {
    const present = this.tokenBytes.flatMap((bytes, id) =>
      bytes === undefined || id >= this.vocabSize ? [] : [{ id, bytes }],
    );
    return present.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.id - b.id);
  }

  #fill(sorted: readonly { readonly id: number; readonly bytes: Uint8Array }[]): void {
    const path: number[] = []; // nodes of the token before
    let numNodes = 0;
    let last: Uint8Array = new Uint8Array(0);
    const close = (depth: number) => {
      for (const node of path.splice(depth)) this.end[node] = numNodes;
    };
    for (const [index, { id, bytes }] of sorted.entries()) {
      close(commonPrefix(last, bytes));
      for (let depth = path.length; depth < bytes.length; depth++) {
        this.bytes[numNodes] = bytes[depth] ?? 0;
        this.depth[numNodes] = depth + 1;
        this.firstToken[numNodes] = index;
        path.push(numNodes++);
      }
      this.tokens[index] = id;
      last = bytes;
    }
    close(0);
    this.firstToken[numNodes] = sorted.length;
  }
}

function countNodes(sorted: readonly Uint8Array[]): number {
  let count = 0;
  let last: Uint8Array = new Uint8Array(0);
  for (const bytes of sorted) {
    count += bytes.length - commonPrefix(last, bytes);
    last = bytes;
  }
  return count;
}

function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  const max = Math.min(a.length, b.length);
  let length = 0;
  while (length < max && a[length] === b[length]) length++;
  return length;
}
