// The sequences whose prompts are prefilled elsewhere. Their blocks are lent for that time: a sequence that ends
// meanwhile is gone at once, but its blocks are not free before the prefill worker has let go of them.
//
//     begin --> (computed elsewhere) --> ended --> the scheduler has the sequence and its blocks again
//       +------- recall ---------------^

import { assert } from "../base/assert.ts";
import type { BlockManager } from "./block-manager.ts";
import type { PrefillOutcome, RemotePrefill, RunningPrefill } from "./remote-prefill.ts";
import type { Sequence } from "./sequence.ts";

export interface RemotePrefillsOptions {
  readonly blocks: BlockManager;
  /** Undefined where every prompt is computed here. */
  readonly remote: RemotePrefill | undefined;
  /** The blocks of `sequence` are its own again. */
  readonly onReturn: (sequence: Sequence, outcome: PrefillOutcome | "recalled") => void;
}

interface OpenPrefill {
  prefill: RunningPrefill | undefined;
  isRecalled: boolean;
}

export class RemotePrefills {
  readonly #blocks: BlockManager;
  readonly #remote: RemotePrefill | undefined;
  readonly #onReturn: RemotePrefillsOptions["onReturn"];
  /** By admission. */
  readonly #open = new Map<Sequence, OpenPrefill>();
  #waiters: (() => void)[] = [];
  #numComputed = 0;

  constructor({ blocks, remote, onReturn }: RemotePrefillsOptions) {
    this.#blocks = blocks;
    this.#remote = remote;
    this.#onReturn = onReturn;
  }

  /** Sequences with lent blocks, whether they wait for them or have ended. */
  get numOpen(): number {
    return this.#open.size;
  }

  /** Prompts that were computed elsewhere, since the start. */
  get numComputed(): number {
    return this.#numComputed;
  }

  get sequences(): Iterable<Sequence> {
    return this.#open.keys();
  }

  /** Has the prompt of a sequence with all its blocks computed elsewhere, if it is to be. */
  tryBegin(sequence: Sequence, decodeMs: number | undefined): boolean {
    // The last token is computed here in any case.
    if (sequence.numUncomputedTokens < 2) return false;
    if (!this.#remote?.takes(sequence.numUncomputedTokens)) return false;
    const { table, tokenIds, numTokens, numComputedTokens } = sequence;
    this.#blocks.lend(table);
    const open: OpenPrefill = { prefill: undefined, isRecalled: false };
    this.#open.set(sequence, open);
    sequence.status = "remote";
    const request = {
      tokenIds: tokenIds.subarray(0, numTokens),
      blockIds: table.blockIds.subarray(0, Math.ceil((numTokens - 1) / this.#blocks.blockSize)),
      numComputedTokens,
      decodeMs,
    };
    open.prefill = this.#remote.begin(request, (outcome) => this.#return(sequence, open, outcome));
    return true;
  }

  recall(sequence: Sequence): void {
    const open = this.#open.get(sequence);
    assert(open !== undefined, "blocks are recalled that are not lent");
    if (open.isRecalled) return;
    open.isRecalled = true;
    open.prefill?.recall();
  }

  /**
   * True if blocks are about to come back; recalls those of the youngest sequence, or of the youngest of `tenant`, if
   * none are yet.
   */
  tryRecall(tenant?: number): boolean {
    const all = [...this.#open];
    if (all.some(([, { isRecalled }]) => isRecalled)) return true;
    const youngest = all.findLast(([one]) => tenant === undefined || one.tenant === tenant);
    if (youngest === undefined) return false;
    this.recall(youngest[0]);
    return true;
  }

  /** Resolves when no block is lent. */
  settled(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #return(sequence: Sequence, open: OpenPrefill, outcome: PrefillOutcome): void {
    assert(this.#open.get(sequence) === open, "a remote prefill ends twice");
    this.#open.delete(sequence);
    this.#blocks.takeBack(sequence.table);
    if (outcome === "computed") this.#numComputed += 1;
    const isTooLate = open.isRecalled && outcome !== "computed";
    this.#onReturn(sequence, isTooLate ? "recalled" : outcome);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
