// One prompt and what is generated from it, from its arrival to its end.
//
//     waiting --admit--> running --stop, length, abort, error--> finished
//        ^  |               ^  |                                    ^
//        |  +--> remote ----+  |  its prompt is computed elsewhere, into its blocks (remote-prefills.ts)
//        |          +----------|---------- abort -------------------+
//        +------ preempt ------+  its blocks are gone, its tokens are not: they are computed again
//        |                     |
//        +-- read -- stalled <-+  its reader does not read: no seat, no blocks, no place in the queue
//
// A sequence of a worker that has ended migrates: it begins here with the output that it had there, as a preempted one
// with blocks of its own would go on.

import { assert } from "../base/assert.ts";
import type {
  PreprocessedRequest,
  SamplingOptions,
  SequenceEnd,
  StopConditions,
} from "../protocol/llm.ts";
import { BlockTable } from "./block-table.ts";
import { withCapacity } from "./int-array.ts";
import { LogprobLog } from "./logprob-log.ts";
import { SequenceMask } from "./sequence-mask.ts";
import { TokenCounts } from "./token-counts.ts";
import { AllowedTokens, type TokenMask } from "./token-mask.ts";

const FIRST_DRAFT_LENGTH = 3;

/** Why a sequence has ended. A reader gets a finish reason in its last output; of the rest it is told by a throw. */
export type EndReason = SequenceEnd | "cancelled" | "server_shutdown" | "error";

/** Work that was computed for a tenant; tenant-queue.ts keeps it. */
interface Account {
  virtualTime: number;
}

export interface SequenceOptions {
  /** For a request with `allowedTokenIds`. */
  readonly vocabSize?: number;
  readonly mask?: TokenMask | undefined;
}

export class Sequence {
  /** Who pays for what is computed. */
  readonly tenant: number;
  /** Lower ones go first among those of the tenant that wait. */
  readonly priority: number;
  readonly numPromptTokens: number;
  /** Output tokens that it came with. */
  readonly numGivenTokens: number;
  readonly sampling: SamplingOptions;
  readonly stop: StopConditions;
  /** When it came, by the engine's clock. */
  readonly arrivedAt: number;
  readonly table: BlockTable;
  /** Only where a penalty is on. */
  readonly tokenCounts: TokenCounts | undefined;
  /** Log-probabilities of output tokens, one for each, where they are asked for. */
  readonly outputLogprobs: LogprobLog | undefined;
  /** Log-probabilities of prompt tokens from the second on: nothing tells how likely the first was. */
  readonly promptLogprobs: LogprobLog | undefined;
  /** True if the hidden state of the last token is asked for, and no token. */
  readonly isPooled: boolean;
  /** Tokens that alone the client allows. */
  readonly allowedTokens: AllowedTokens | undefined;
  /** Says which tokens may come next, token by token. */
  readonly mask: SequenceMask | undefined;

  /** Its tenant's, while it waits or has a seat. */
  account: Account | undefined;
  /** Its place among all sequences of its scheduler, the oldest first. */
  arrival = 0;
  /** The first of its request is refused for it. */
  readonly isSibling: boolean;
  /** Sequences of its request, if it is the first. */
  readonly numInRequest: number;
  /** Its wait for its first step is bounded: it may be refused until then. */
  mayBeRefused = false;
  /** Its tenant had nothing else when it came, and a seat was to be had. */
  isOwedSeat = false;
  /** Tokens that its output will have, as others of its kind had. */
  expectedOutput = 0;
  /** Tokens that it is expected to need from the steps, while it waits. */
  queuedTokens = 0;
  /** Tokens at which its turn began; seat-victim.ts says how long it lasts. */
  turnStartsAt = 0;
  status: "waiting" | "remote" | "running" | "stalled" | "finished" = "waiting";
  /** Set when finished. */
  endReason: EndReason | undefined;
  /** When it first ran. */
  admittedAt: number | undefined;
  /** Prompt tokens that were in the prefix cache when it first ran. */
  numCachedTokens = 0;
  /** Leading tokens whose K and V are in its blocks. */
  numComputedTokens = 0;
  /** How many of the tokens behind them the running step computes, drafts included. */
  numScheduledTokens = 0;
  /** Guesses behind the tokens, which the running step verifies; see ngram-drafter.ts. */
  numDraftTokens = 0;
  /** How many guesses are worth while, by how many of the last ones were right. */
  draftLength = FIRST_DRAFT_LENGTH;

  /** Set when it is computed, where it is asked for. */
  hiddenState: Float32Array | undefined;

  #tokenIds: Int32Array<ArrayBuffer>;
  #numTokens: number;

  constructor(request: PreprocessedRequest, arrivedAt: number, options: SequenceOptions = {}) {
    assert(request.stop.maxTokens >= 0, "a sequence generates no fewer than no tokens");
    const { logprobs, promptLogprobs } = request;
    const { priority = 0, isSibling = false, numSequences = 1 } = request;
    const { allowedTokenIds } = request.sampling;
    this.outputLogprobs = logprobs === undefined ? undefined : new LogprobLog(logprobs);
    this.promptLogprobs = promptLogprobs === undefined ? undefined : new LogprobLog(promptLogprobs);
    this.allowedTokens =
      allowedTokenIds && new AllowedTokens(allowedTokenIds, options.vocabSize ?? 0);
    this.mask = options.mask && new SequenceMask(options.mask);
    this.isPooled = request.pooling === "last";
    this.tenant = request.tenant;
    this.table = new BlockTable(request.cacheSalt);
    this.priority = priority;
    this.isSibling = isSibling;
    this.numInRequest = numSequences;
    this.numPromptTokens = request.tokenIds.length;
    this.sampling = request.sampling;
    this.stop = request.stop;
    this.arrivedAt = arrivedAt;
    this.#tokenIds = Int32Array.from(request.tokenIds);
    this.#numTokens = this.numPromptTokens;
    if (hasPenalty(request.sampling)) {
      this.tokenCounts = new TokenCounts();
      // The other penalties are by the count in the output, which is 0 for a token of the prompt only.
      const penalised = request.sampling.repetitionPenalty === 1 ? [] : request.tokenIds;
      for (const tokenId of penalised) this.tokenCounts.addPromptToken(tokenId);
    }
    this.numGivenTokens = request.output?.length ?? 0;
    for (const tokenId of request.output ?? []) {
      this.mask?.accept(tokenId);
      this.append(tokenId);
    }
  }

  /** Prompt and output, end to end; valid up to `numTokens`. */
  get tokenIds(): Int32Array {
    return this.#tokenIds;
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  get numOutputTokens(): number {
    return this.#numTokens - this.numPromptTokens;
  }

  get numUncomputedTokens(): number {
    return this.#numTokens - this.numComputedTokens;
  }

  /** Rows that the running step samples or pools: of the last token if it computes that, and one behind each draft. */
  get numSampledRows(): number {
    const { numDraftTokens } = this;
    if (this.stop.maxTokens === 0 && !this.isPooled) return 0;
    const isSampled = this.numScheduledTokens === this.numUncomputedTokens + numDraftTokens;
    return isSampled ? 1 + numDraftTokens : 0;
  }

  /** True if only its prompt is asked about, and that is done. */
  get isScored(): boolean {
    return this.stop.maxTokens === 0 && this.numUncomputedTokens === 0;
  }

  /** The first token of the prompt whose log-probability the running step tells. */
  get firstScored(): number {
    return Math.max(this.numComputedTokens, this.promptLogprobs?.length ?? 0) + 1;
  }

  /** How many it tells. */
  get numScoredRows(): number {
    if (this.promptLogprobs === undefined) return 0;
    const end = Math.min(
      this.numComputedTokens + this.numScheduledTokens + 1,
      this.numPromptTokens,
    );
    return Math.max(0, end - this.firstScored);
  }

  /** Leading tokens that may come from the prefix cache: behind them, logits are asked for. */
  get numCacheableTokens(): number {
    const isScored = (this.promptLogprobs?.length ?? Infinity) >= this.numPromptTokens - 1;
    return isScored ? this.numTokens : (this.promptLogprobs?.length ?? 0) + 1;
  }

  /** How many of the next `numTokens` tokens may be computed in a step that has room for `numRows` rows. */
  tokensWithin(numTokens: number, numRows: number): number {
    if (this.numCacheableTokens < this.numTokens) {
      return Math.min(numTokens, this.firstScored - 1 - this.numComputedTokens + numRows);
    }
    return numRows === 0 && numTokens === this.numUncomputedTokens ? numTokens - 1 : numTokens;
  }

  /** Leaves the drafts from `numDraftTokens` on out. */
  cutDrafts(numDraftTokens: number): void {
    this.numDraftTokens = numDraftTokens;
  }

  appendDraft(tokenId: number): void {
    const index = this.#numTokens + this.numDraftTokens;
    this.#tokenIds = withCapacity(this.#tokenIds, index + 1);
    this.#tokenIds[index] = tokenId;
    this.numDraftTokens += 1;
  }

  append(tokenId: number): void {
    this.#tokenIds = withCapacity(this.#tokenIds, this.#numTokens + 1);
    this.#tokenIds[this.#numTokens++] = tokenId;
    this.tokenCounts?.addOutputToken(tokenId);
  }
}

/** Why a sequence ends with its last token, if it does. */
export function stopReason(sequence: Sequence): SequenceEnd | undefined {
  const { stopTokenIds, maxTokens } = sequence.stop;
  const lastTokenId = sequence.tokenIds[sequence.numTokens - 1] as number;
  if (stopTokenIds.includes(lastTokenId) || sequence.mask?.isOver) return "stop";
  return sequence.numOutputTokens >= maxTokens ? "length" : undefined;
}

function hasPenalty(sampling: SamplingOptions): boolean {
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = sampling;
  return presencePenalty !== 0 || frequencyPenalty !== 0 || repetitionPenalty !== 1;
}
