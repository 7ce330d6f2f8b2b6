// A model runner that plays given tokens: a model that says what a test wants, through the ordinary scheduler.
//
//   prompt --text--> the entry whose `match` stands last in it --tokens--> one a row of logits, then the end
//
// A runner knows no requests, but a play has a begin and an end, and goes on after its sequence was preempted. So this
// one is shown the sequences of each step.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import {
  type ModelRunner,
  NO_SAMPLE,
  type RunnerLimits,
  type StepBatch,
  type StepShape,
} from "./model-runner.ts";
import type { Sequence } from "./sequence.ts";
import { createStepBatch } from "./step-batch.ts";
import { MAX_LOGPROBS } from "./step-results.ts";

/** One answer. */
export interface ScriptEntry {
  /** Text of the prompts that it answers; undefined: it has its turn when no other entry matches. */
  readonly match: string | undefined;
  readonly tokenIds: Int32Array;
  /** How long each of its tokens takes. */
  readonly delayMs: number;
}

export interface ScriptedRunnerOptions {
  readonly limits: RunnerLimits;
  readonly clock: Clock;
  readonly entries: readonly ScriptEntry[];
  /** Played where no entry matches and none has turns. */
  readonly otherwise: ScriptEntry;
  /** The text of a prompt. */
  readonly textOf: (tokenIds: Int32Array) => string;
  /** Samples where an answer has no token and may not end. */
  readonly fillerId: number;
}

/** Longest that a step goes on after all its sequences have finished. */
const MAX_SLEEP_MS = 20;

export class ScriptedRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  readonly #options: ScriptedRunnerOptions;
  readonly #inTurn: readonly ScriptEntry[];
  readonly #played = new WeakMap<Sequence, ScriptEntry>();
  /** Sequences of the running step. */
  #sequences: readonly Sequence[] = [];
  #turn = 0;
  #doneAt = 0;

  constructor(options: ScriptedRunnerOptions) {
    this.limits = options.limits;
    this.batch = createStepBatch(options.limits);
    this.#options = options;
    this.#inTurn = options.entries.filter(({ match }) => match === undefined);
  }

  submit(shape: StepShape, sequences?: readonly Sequence[]): void {
    assert(sequences !== undefined, "a scripted runner is shown the sequences of each step");
    this.#sequences = [...sequences];
    let row = 0;
    let delayMs = 0;
    for (const sequence of sequences) {
      const { numSampledRows, numScoredRows } = sequence;
      for (let i = 0; i < numScoredRows; i++) this.#score(row++);
      if (numSampledRows === 0) continue;
      const entry = this.#entryOf(sequence);
      for (let i = 0; i < numSampledRows; i++) {
        const index = sequence.numOutputTokens + i;
        this.#tell(row++, this.#tokenAt(sequence, entry, index));
      }
      delayMs = Math.max(delayMs, entry.delayMs);
    }
    assert(row === shape.numRows, "the rows of a step are those of its sequences");
    this.#doneAt = this.#options.clock.now() + delayMs;
  }

  /** A script is sure. */
  #tell(row: number, tokenId: number): void {
    const { batch } = this;
    batch.sampledIds[row] = tokenId;
    batch.logprobs[row] = 0;
    batch.ranks[row] = 1;
    batch.topIds.fill(NO_SAMPLE, row * MAX_LOGPROBS, (row + 1) * MAX_LOGPROBS);
    batch.topIds[row * MAX_LOGPROBS] = tokenId;
    batch.topLogprobs[row * MAX_LOGPROBS] = 0;
  }

  #score(row: number): void {
    this.#tell(row, this.batch.rows.target.at(row));
  }

  /** A step whose sequences have all been ended meanwhile takes no longer. */
  async wait(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const remainingMs = this.#doneAt - clock.now();
      if (remainingMs <= 0 || this.#sequences.every(isFinished)) break;
      await clock.sleep(Math.min(remainingMs, MAX_SLEEP_MS));
    }
    this.#sequences = [];
  }

  close(): void {}

  /** The answer, then the model's end. The answer begins again where the end must not come yet. */
  #tokenAt({ stop }: Sequence, { tokenIds }: ScriptEntry, index: number): number {
    const [end] = stop.stopTokenIds;
    if (index >= tokenIds.length && end !== undefined && index >= stop.minTokens) return end;
    return tokenIds[index % tokenIds.length] ?? this.#options.fillerId;
  }

  #entryOf(sequence: Sequence): ScriptEntry {
    const known = this.#played.get(sequence);
    if (known !== undefined) return known;
    const { entries, otherwise, textOf } = this.#options;
    const prompt = textOf(sequence.tokenIds.subarray(0, sequence.numPromptTokens));
    const entry = lastMatch(entries, prompt) ?? this.#nextInTurn() ?? otherwise;
    this.#played.set(sequence, entry);
    return entry;
  }

  #nextInTurn(): ScriptEntry | undefined {
    return this.#inTurn[this.#turn++ % this.#inTurn.length];
  }
}

/**
 * The newest thing said decides: the entry whose `match` ends last in the prompt; of several that end there the longest,
 * of equal ones the first.
 */
function lastMatch(entries: readonly ScriptEntry[], prompt: string): ScriptEntry | undefined {
  let found: ScriptEntry | undefined;
  let foundEnd = -1;
  for (const entry of entries) {
    const { match } = entry;
    const at = match === undefined ? -1 : prompt.lastIndexOf(match);
    if (match === undefined || at < 0) continue;
    const end = at + match.length;
    const isLonger = match.length > (found?.match?.length ?? 0);
    if (end > foundEnd || (end === foundEnd && isLonger)) [found, foundEnd] = [entry, end];
  }
  return found;
}

function isFinished({ status }: Sequence): boolean {
  return status === "finished";
}
