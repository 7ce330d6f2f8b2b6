// Which tokens run in a step: one budget for all, shared in this order (vLLM v1/core/sched/scheduler.py).
//
//   1. decodes: every running sequence that has one token left to compute. One that finds no free
//      block preempts the youngest, so the oldest always gets on and the pool never locks.
//   2. prompts, in chunks as the pacer allows, while there are seats, tokens and blocks: those of the tenant that was
//      served least first (tenant-queue.ts), and of one tenant in order of arrival.
//
// A tenant that waits while others hold all seats or blocks is given one of them, at most one a step: by the tenant that
// has most, or, if it has none itself, by the one that was served most, after a turn.
// A sequence is given the blocks of its whole prompt when it is admitted, so beside that only decodes preempt.
// An admitted sequence whose prompt is computed elsewhere (remote-prefill.ts) waits for it, with a seat
// and its blocks, and then decodes like any other. One that is not read stalls: it has neither, and does not wait.

import { assert, unreachable } from "../base/assert.ts";
import type { PreprocessedRequest } from "../protocol/llm.ts";
import type { BlockManager } from "./block-manager.ts";
import type { BlockTable } from "./block-table.ts";
import { Drafts } from "./drafts.ts";
import type { QueueFullError } from "./engine-error.ts";
import { ATTENTION_TILE, type RunnerLimits } from "./model-runner.ts";
import { OutputLengths } from "./output-lengths.ts";
import { PrefillPacer } from "./prefill-pacer.ts";
import { QueueTime } from "./queue-time.ts";
import type { PrefillOutcome } from "./remote-prefill.ts";
import { RemotePrefills } from "./remote-prefills.ts";
import type {
  Pacer,
  SchedulerOptions,
  SchedulerOutput,
  SchedulerStats,
} from "./scheduler-types.ts";
import { seatVictim } from "./seat-victim.ts";
import type { EndReason, Sequence } from "./sequence.ts";
import { StalledSequences } from "./stalled-sequences.ts";
import { maxRows } from "./step-batch.ts";
import type { StepResults } from "./step-results.ts";
import { appendSamples, noteHiddenState, noteScores } from "./take-results.ts";
import { TenantQueue } from "./tenant-queue.ts";
import type { MaskEffort } from "./token-mask.ts";
import { TurnBudget } from "./turn-budget.ts";

/** Share of the pool that admissions leave free for those who decode, as vLLM's watermark. */
const WATERMARK = 0.01;

/**
 * Nodes of a vocabulary's trie that may be walked for masks that are new: between two steps, which then come later by
 * half a millisecond, and beside a step, which others wait for anyhow: one.
 */
const MASK_UNITS_BETWEEN_STEPS = 25_000;
const MASK_UNITS_BESIDE_STEPS = 50_000;

export class Scheduler {
  readonly #limits: RunnerLimits;
  readonly #blocks: BlockManager;
  readonly #numReservedBlocks: number;
  readonly #pacer: Pacer;
  readonly #maxChunkTokens: number;
  readonly #drafts: Drafts;
  readonly #remotePrefills: RemotePrefills;

  /** Those that wait, and who has which seat. */
  readonly #tenants = new TenantQueue();
  /** By admission. */
  readonly #running: Sequence[] = [];
  readonly #stalled = new StalledSequences();
  /** The first of those that wait found too few blocks. */
  #lacksBlocks = false;

  readonly #turns = new TurnBudget();
  readonly #queueTime: QueueTime;
  readonly #lengths = new OutputLengths();
  /** Work done so far at the last step, if sequences had to wait behind it. */
  #saturated: { readonly since: number; readonly numDone: number } | undefined;
  /** Every second seat goes to one that has waited long, if there is one. */
  #isTurnOfOverdue = false;
  #isStepOfOverdue = false;

  // Kept between steps, so that a step allocates nothing.
  readonly #scheduled: Sequence[] = [];
  readonly #begun: Sequence[] = [];
  readonly #advanced: Sequence[] = [];
  #numScheduledTokens = 0;
  #numScheduledRows = 0;
  #numDecodes = 0;
  #numDecodeTokens = 0;
  /** Sequences that sit this step out, until their masks are ready. */
  readonly #unready: Sequence[] = [];
  readonly #maskEffort: MaskEffort = { units: 0 };

  #numPreemptions = 0;
  #numQueriedTokens = 0;
  #numHitTokens = 0;

  constructor(limits: RunnerLimits, blocks: BlockManager, options: SchedulerOptions = {}) {
    this.#limits = limits;
    this.#blocks = blocks;
    this.#pacer = options.pacer ?? new PrefillPacer();
    this.#drafts = new Drafts(limits, blocks, options.drafter);
    this.#maxChunkTokens = options.longPrefillTokenThreshold ?? Infinity;
    this.#queueTime = new QueueTime(options.maxQueueMs ?? Infinity);
    this.#remotePrefills = new RemotePrefills({
      blocks,
      remote: options.remote,
      onReturn: (sequence, outcome) => {
        this.#takeBack(sequence, outcome);
        options.onReturn?.();
      },
    });
    this.#numReservedBlocks = Math.ceil(WATERMARK * blocks.numBlocks);
  }

  get running(): readonly Sequence[] {
    return this.#running;
  }

  stats(): SchedulerStats {
    return {
      numRunning: this.#running.length,
      numWaiting: this.#tenants.numWaiting,
      numStalled: this.#stalled.size,
      numLent: this.#remotePrefills.numOpen,
      numPreemptions: this.#numPreemptions,
      numRemotePrefills: this.#remotePrefills.numComputed,
      numQueriedTokens: this.#numQueriedTokens,
      numHitTokens: this.#numHitTokens,
      ...this.#drafts.counts,
    };
  }

  /** Sequences that no client reads. */
  get stalled(): Pick<StalledSequences, "size" | "longest"> {
    return this.#stalled;
  }

  /** Those that steps are for: not the stalled ones. */
  get numUnfinished(): number {
    return this.#tenants.numWaiting + this.#numSeated;
  }

  /** Resolves when no prefill worker writes into our blocks. */
  remotePrefillsSettled(): Promise<void> {
    return this.#remotePrefills.settled();
  }

  add(sequence: Sequence): void {
    assert(sequence.status === "waiting", "a sequence is added twice");
    sequence.expectedOutput = this.#lengths.expect(sequence.stop.maxTokens);
    sequence.isOwedSeat = this.#tenants.isOwedSeat(sequence.tenant, this.#limits.maxNumSeqs);
    this.#tenants.add(sequence);
  }

  /** Why a request is refused, if it is: its turn would come too late. */
  refusalOf(request: PreprocessedRequest): QueueFullError | undefined {
    if (!this.#queueTime.isBounded || !this.#isFull) return undefined;
    const { tenant, tokenIds, stop, numSequences = 1 } = request;
    if (this.#tenants.isOwedSeat(tenant, this.#limits.maxNumSeqs)) return undefined;
    const ownTokens = numSequences * (tokenIds.length + this.#lengths.expect(stop.maxTokens));
    const queued = this.#tenants.queuedTokens(tenant, ownTokens);
    return this.#queueTime.refusal(queued, this.#numBegunTokens);
  }

  /** Prompt tokens of those that have a seat and wait for their first token. */
  get #numBegunTokens(): number {
    let numTokens = 0;
    for (const { numUncomputedTokens } of this.#running) {
      if (numUncomputedTokens > 1) numTokens += numUncomputedTokens;
    }
    return numTokens;
  }

  /** One whose turn has not come in time, or would not: to be refused after all. */
  nextLate(
    now: number,
  ): { readonly sequence: Sequence; readonly error: QueueFullError } | undefined {
    if (!this.#queueTime.isBounded || this.#tenants.numWaiting === 0) return undefined;
    const late = this.#tenants.oldest("refusable", this.#queueTime.lateBefore(now));
    if (late !== undefined) this.#queueTime.noteLate();
    const sequence = late ?? (this.#isFull ? this.#tenants.youngestOfMost() : undefined);
    if (sequence === undefined) return undefined;
    const total = this.#tenants.tokensBeside(sequence);
    if (late === undefined && !this.#queueTime.isOverfull(total)) return undefined;
    return { sequence, error: this.#queueTime.late(total) };
  }

  /** A running sequence without a reader gives up its seat and its blocks until `resume`. */
  stall(sequence: Sequence): void {
    assert(sequence.status === "running", "a sequence stalls that does not run");
    this.#leaveRunning(sequence);
    this.#giveUpBlocks(sequence);
    sequence.status = "stalled";
    this.#stalled.add(sequence);
  }

  /** A stalled sequence is read again: it waits at the place of its arrival. */
  resume(sequence: Sequence): void {
    assert(this.#stalled.delete(sequence), "a sequence is resumed that is not stalled");
    sequence.status = "waiting";
    this.#tenants.resume(sequence);
  }

  /** Asserts that blocks, seats and queues agree. */
  checkIntegrity(): void {
    this.#blocks.checkIntegrity(this.#tables());
    this.#tenants.checkIntegrity([...this.#running, ...this.#remotePrefills.sequences]);
    this.#stalled.checkIntegrity();
  }

  /**
   * Ends a sequence at once, whatever it does. Its blocks are free before the next step is scheduled,
   * and no sequence is given them earlier, so a step that still writes to them does no harm. Lent ones are free
   * when they have come back.
   */
  abort(sequence: Sequence, reason: EndReason): void {
    switch (sequence.status) {
      case "finished":
        return;
      case "remote":
        sequence.status = "finished";
        sequence.endReason = reason;
        this.#remotePrefills.recall(sequence);
        return;
      case "waiting":
        this.#tenants.remove(sequence);
        this.#finish(sequence, reason);
        return;
      case "stalled":
        this.#stalled.delete(sequence);
        this.#finish(sequence, reason);
        return;
      case "running":
        this.#leaveRunning(sequence);
        this.#finish(sequence, reason);
        return;
      default:
        unreachable(sequence.status);
    }
  }

  /** Chooses the next step's work. Empty only while all that is unfinished waits for what is lent. */
  schedule(now: number): SchedulerOutput {
    this.#observeQueue(now);
    const numDone = this.#numDone;
    this.#scheduled.length = 0;
    this.#numScheduledTokens = 0;
    this.#numScheduledRows = 0;
    this.#unready.length = 0;
    this.#maskEffort.units = MASK_UNITS_BETWEEN_STEPS;
    this.#shareSeats(now);
    this.#scheduleDecodes();
    this.#numDecodes = this.#scheduled.length;
    this.#numDecodeTokens = this.#numScheduledTokens;

    const maxTokens = Math.min(
      this.#limits.maxNumBatchedTokens,
      this.#numScheduledTokens + this.#pacer.maxPrefillTokens(this.#numDecodes, this.#numPrompts),
    );
    this.#schedulePrompts(maxTokens, now);
    this.#saturated = this.#isFull ? { since: now, numDone } : undefined;
    const isWaiting =
      this.numUnfinished === 0 || this.#remotePrefills.numOpen > 0 || this.#unready.length > 0;
    assert(this.#scheduled.length > 0 || isWaiting, "no sequence can get on");
    return {
      sequences: this.#scheduled,
      numTokens: this.#numScheduledTokens,
      numDecodes: this.#numDecodes,
      numDecodeTokens: this.#numDecodeTokens,
    };
  }

  /** True if sequences sit out until their masks are ready. */
  get hasUnready(): boolean {
    return this.#unready.length > 0;
  }

  /** Works on the masks of sequences that sit out, while the step of the others runs. */
  prepareMasks(): void {
    const effort = { units: MASK_UNITS_BESIDE_STEPS };
    for (const { mask } of this.#unready) mask?.prepare(effort);
  }

  /**
   * Takes in what the step says of its rows. Returns the sequences that got a token or an error,
   * some of which are finished by it; valid until the next update.
   */
  update(output: SchedulerOutput, results: StepResults, elapsedMs: number): readonly Sequence[] {
    const { numDecodes } = output;
    const numPrefillTokens = output.numTokens - output.numDecodeTokens;
    this.#pacer.observe({ numDecodes, numPrefillTokens, elapsedMs });
    if (numDecodes > 0 && numPrefillTokens > 0) {
      this.#turns.observe(elapsedMs - (this.#pacer.decodeMs ?? elapsedMs));
    }

    this.#advanced.length = 0;
    let row = 0;
    for (const sequence of output.sequences) {
      const numRows = sequence.numScoredRows + sequence.numSampledRows;
      if (sequence.status === "running") this.#advance(sequence, results, row);
      row += numRows;
    }
    return this.#advanced;
  }

  /** Its scores are in rows from `row` on, and its samples behind them. */
  #advance(sequence: Sequence, results: StepResults, row: number): void {
    const { numScoredRows, numSampledRows, numDraftTokens } = sequence;
    let reason = noteScores(sequence, results, { row, numScoredRows });
    if (sequence.isPooled && numSampledRows > 0) {
      const { hiddenSize = 0 } = this.#limits;
      reason ??= noteHiddenState(sequence, results, { row: row + numScoredRows, hiddenSize });
    }
    sequence.numComputedTokens += sequence.numScheduledTokens - numDraftTokens;
    if (sequence.isScored) reason ??= "length";
    if (reason !== undefined) this.#advanced.push(sequence);
    else if (numSampledRows > 0) reason = this.#append(sequence, results, row + numScoredRows);
    const { table, tokenIds, numComputedTokens } = sequence;
    this.#blocks.cacheFullBlocks(table, tokenIds, numComputedTokens);
    if (reason !== undefined) this.abort(sequence, reason);
    else this.#freeBehindWindow(sequence);
  }

  /** Frees the blocks that no later token attends to. */
  #freeBehindWindow({ table, numComputedTokens }: Sequence): void {
    const { slidingWindow } = this.#limits;
    if (slidingWindow === undefined) return;
    const begin = Math.max(0, numComputedTokens + 1 - slidingWindow);
    this.#blocks.freeLeading(table, begin - (begin % ATTENTION_TILE));
  }

  /** Returns why the sequence ends by its samples, if it does. */
  #append(sequence: Sequence, results: StepResults, row: number): EndReason | undefined {
    this.#advanced.push(sequence);
    const { numAccepted, reason } = appendSamples(sequence, results, row);
    if (numAccepted === undefined) return reason;
    this.#tenants.charge(sequence, numAccepted);
    this.#drafts.note(sequence, numAccepted);
    return reason;
  }

  /** More wait than there are seats or blocks for: those that wait beside free seats wait for a step, and no output. */
  get #isFull(): boolean {
    const { numWaiting } = this.#tenants;
    const numSeats = this.#lacksBlocks ? 0 : this.#limits.maxNumSeqs - this.#numSeated;
    return numWaiting > 0 && numWaiting >= numSeats;
  }

  /** Tokens that sequences have got since the start, computed or found in the cache. */
  get #numDone(): number {
    return this.#tenants.numCharged + this.#numHitTokens;
  }

  /** Measures the last step, with what lay between it and this one, if sequences had to wait behind it. */
  #observeQueue(now: number): void {
    if (this.#saturated === undefined) return;
    const { since, numDone } = this.#saturated;
    this.#queueTime.observe(this.#numDone - numDone, now - since);
  }

  get #numRowsLeft(): number {
    return maxRows(this.#limits) - this.#numScheduledRows;
  }

  get #numSeated(): number {
    return this.#running.length + this.#remotePrefills.numOpen;
  }

  /** Prompts that have begun, or have a seat to begin on. */
  get #numPrompts(): number {
    const numSeats = this.#limits.maxNumSeqs - this.#remotePrefills.numOpen - this.#numDecodes;
    const numBegun = this.#running.length - this.#numDecodes;
    return Math.min(numSeats, numBegun + this.#tenants.numWaiting);
  }

  /** All that hold blocks. */
  *#tables(): Iterable<BlockTable> {
    for (const { table } of this.#running) yield table;
    for (const { table } of this.#remotePrefills.sequences) yield table;
  }

  /** Takes a seat, and its blocks, from another tenant, where the next to be admitted finds none. */
  #shareSeats(now: number): void {
    if (this.#numSeated < this.#limits.maxNumSeqs && !this.#lacksBlocks) return;
    this.#lacksBlocks = false;
    const first = this.#tenants.next();
    if (first === undefined) return;
    const victim = seatVictim(first, this.#running, this.#tenants);
    if (victim?.type === "running") {
      if (victim.by === "turn" && !this.#turns.tryTake(now)) return;
      this.#running.splice(this.#running.lastIndexOf(victim.sequence), 1);
      this.#preempt(victim.sequence);
    } else if (victim) this.#remotePrefills.tryRecall(victim.tenant);
  }

  #scheduleDecodes(): void {
    for (let i = 0; i < this.#running.length; i++) {
      if (this.#numScheduledTokens === this.#limits.maxNumBatchedTokens) return;
      const sequence = this.#running[i] as Sequence;
      if (sequence.numUncomputedTokens !== 1 || !this.#isReady(sequence)) continue;
      const room = this.#makeRoom(sequence);
      if (room === "none") return; // It was the youngest itself.
      if (room !== "found") continue;
      sequence.numDraftTokens = 0;
      if (this.#drafts.areMade) {
        const step = {
          numSequences: this.#scheduled.length,
          numTokens: this.#numScheduledTokens,
          numRunning: this.#running.length,
        };
        this.#drafts.draft(sequence, step, this.#maskEffort);
      }
      this.#schedule(sequence, 1 + sequence.numDraftTokens);
    }
  }

  /** Begun prompts, each behind those that wait of tenants that were served less. */
  #schedulePrompts(maxTokens: number, now: number): void {
    this.#begun.length = 0;
    for (const sequence of this.#running) {
      if (sequence.numUncomputedTokens > 1) this.#begun.push(sequence);
    }
    const overdueBefore = this.#overdueBefore(now);
    if (this.#begun.length > 1) {
      this.#begun.sort((a, b) => byArrival(a, b, overdueBefore) || this.#tenants.compare(a, b));
    }
    for (const sequence of this.#begun) {
      if (sequence.arrivedAt >= overdueBefore) this.#admit(maxTokens, now, sequence);
      const numTokensLeft = maxTokens - this.#numScheduledTokens;
      if (numTokensLeft === 0) return;
      this.#scheduleChunk(sequence, numTokensLeft);
    }
    this.#admit(maxTokens, now, undefined);
  }

  /** Begun prompts that came before this go first, by arrival, in every second step. */
  #overdueBefore(now: number): number {
    this.#isStepOfOverdue = !this.#isStepOfOverdue && this.#queueTime.isBounded;
    return this.#isStepOfOverdue ? this.#queueTime.overdueBefore(now) : Number.NEGATIVE_INFINITY;
  }

  /** While there are seats, tokens and blocks; `before`: only tenants that were served less than this one's. */
  #admit(maxTokens: number, now: number, before: Sequence | undefined): void {
    if (this.#lacksBlocks) return; // It was tried in this step, and no block has come free since.
    while (this.#numSeated < this.#limits.maxNumSeqs) {
      const numTokensLeft = maxTokens - this.#numScheduledTokens;
      const sequence = numTokensLeft === 0 ? undefined : this.#nextFor(now, before);
      if (sequence === undefined) return;
      if (before !== undefined && !this.#tenants.precedes(sequence, before)) return;
      if (!this.#tryStart(sequence, now)) {
        this.#lacksBlocks = true;
        return;
      }
      this.#isTurnOfOverdue = !this.#isTurnOfOverdue;
      // K and V alone tell neither log-probabilities nor a hidden state.
      const isAllLocal = sequence.promptLogprobs !== undefined || sequence.isPooled;
      if (!isAllLocal && this.#remotePrefills.tryBegin(sequence, this.#pacer.decodeMs)) continue;
      this.#running.push(sequence);
      this.#scheduleChunk(sequence, numTokensLeft);
    }
  }

  /** The next by fair shares, or every second time the oldest that has waited long: it was told that its turn would come. */
  #nextFor(now: number, before: Sequence | undefined): Sequence | undefined {
    const isItsTurn = this.#isTurnOfOverdue && before === undefined && this.#queueTime.isBounded;
    const overdue = isItsTurn
      ? this.#tenants.oldest("head", this.#queueTime.overdueBefore(now))
      : undefined;
    return overdue ?? this.#tenants.next();
  }

  /** Gives a waiting sequence its blocks, if there are enough. */
  #tryStart(sequence: Sequence, now: number): boolean {
    const { table, numTokens } = sequence;
    const cacheable = sequence.tokenIds.subarray(0, sequence.numCacheableTokens);
    const prefix = this.#blocks.findPrefix(table, cacheable);
    const numReserved = this.#running.length > 0 ? this.#numReservedBlocks : 0;
    const numToTake = this.#blocks.numBlocksToTake(table, numTokens, prefix);
    if (numToTake > this.#blocks.numFreeBlocks - numReserved) return false;

    this.#blocks.allocate(table, numTokens, prefix);
    this.#tenants.seat(sequence);
    sequence.mayBeRefused = false;
    sequence.status = "running";
    sequence.numComputedTokens = prefix.numBlocks * this.#blocks.blockSize;
    // Tokens to be computed again are no part of a turn, nor are as many output tokens: so work at most doubles.
    sequence.turnStartsAt = numTokens;
    if (sequence.admittedAt !== undefined) sequence.turnStartsAt += sequence.numUncomputedTokens;
    else {
      sequence.admittedAt = now;
      sequence.numCachedTokens = Math.min(sequence.numComputedTokens, sequence.numPromptTokens);
      this.#numQueriedTokens += sequence.numPromptTokens;
      this.#numHitTokens += sequence.numCachedTokens;
    }
    return true;
  }

  /**
   * Room for the next token of a running sequence: "none" if it had to give its own blocks up, "awaited" if it
   * has to sit out until lent ones are back. A sequence that waits for its prompt is younger, so its blocks go first.
   */
  #makeRoom(sequence: Sequence): "found" | "awaited" | "none" {
    const { table, numTokens } = sequence;
    const numToTake = this.#blocks.numBlocksToTake(table, numTokens);
    if (numToTake === 0) return "found";
    while (numToTake > this.#blocks.numFreeBlocks) {
      if (this.#remotePrefills.tryRecall()) return "awaited";
      const youngest = this.#running.pop();
      assert(youngest !== undefined, "a running sequence is not in the list");
      this.#preempt(youngest);
      if (youngest === sequence) return "none";
    }
    this.#blocks.allocate(table, numTokens);
    return "found";
  }

  /** Takes the outcome of a sequence whose prompt was to be computed elsewhere. If it was not, it is computed here. */
  #takeBack(sequence: Sequence, outcome: PrefillOutcome | "recalled"): void {
    if (sequence.status === "finished") {
      this.#tenants.unseat(sequence);
      this.#blocks.free(sequence.table);
      return;
    }
    if (outcome === "recalled") {
      this.#preempt(sequence);
      return;
    }
    if (outcome === "computed") {
      this.#tenants.charge(sequence, sequence.numUncomputedTokens - 1);
      sequence.numComputedTokens = sequence.numTokens - 1;
      this.#blocks.cacheFullBlocks(sequence.table, sequence.tokenIds, sequence.numComputedTokens);
    }
    sequence.status = "running";
    this.#running.push(sequence);
  }

  #preempt(sequence: Sequence): void {
    this.#giveUpBlocks(sequence);
    sequence.status = "waiting";
    this.#tenants.requeue(sequence);
    this.#numPreemptions += 1;
  }

  /** Its tokens are kept, and computed again. */
  #giveUpBlocks(sequence: Sequence): void {
    this.#blocks.free(sequence.table);
    sequence.numComputedTokens = 0;
  }

  #leaveRunning(sequence: Sequence): void {
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#tenants.unseat(sequence);
  }

  #scheduleChunk(sequence: Sequence, numTokensLeft: number): void {
    sequence.numDraftTokens = 0;
    let most = Math.min(sequence.numUncomputedTokens, numTokensLeft, this.#maxChunkTokens);
    if (most === sequence.numUncomputedTokens && !this.#isReady(sequence)) most -= 1;
    const numTokens = sequence.tokensWithin(most, this.#numRowsLeft);
    if (numTokens > 0) this.#schedule(sequence, numTokens);
  }

  /** True if it may sample; else it sits out until its mask is ready. */
  #isReady(sequence: Sequence): boolean {
    if (sequence.mask === undefined || sequence.mask.prepare(this.#maskEffort)) return true;
    this.#unready.push(sequence);
    return false;
  }

  #schedule(sequence: Sequence, numTokens: number): void {
    sequence.numScheduledTokens = numTokens;
    this.#scheduled.push(sequence);
    this.#numScheduledTokens += numTokens;
    this.#numScheduledRows += sequence.numScoredRows + sequence.numSampledRows;
    this.#tenants.charge(sequence, numTokens - sequence.numDraftTokens);
  }

  #finish(sequence: Sequence, reason: EndReason): void {
    this.#blocks.free(sequence.table);
    if (reason === "stop" || reason === "length") {
      this.#lengths.note(sequence.stop.maxTokens, sequence.numOutputTokens);
    }
    sequence.status = "finished";
    sequence.endReason = reason;
  }
}

/** Those that came before `time` go first, the oldest of them at the head. */
function byArrival(a: Sequence, b: Sequence, time: number): number {
  const [first, second] = [a.arrivedAt < time, b.arrivedAt < time];
  if (first && second) return a.arrival - b.arrival;
  return Number(second) - Number(first);
}
