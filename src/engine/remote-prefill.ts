// What a scheduler knows of those who compute prompts in its engine's place: it lends them the blocks of a
// sequence, and they write K and V into them.

export interface PrefillJob {
  /** At least two. K and V of all but the last are wanted: that one is computed where it is sampled. */
  readonly tokenIds: Int32Array;
  /** In sequence order; where K and V are to be. */
  readonly blockIds: Int32Array;
  /** Leading tokens whose K and V are there already, in blocks that are only to be read. */
  readonly numComputedTokens: number;
  /** What a step of the lender takes alone, if it is known: on a device that both share it waits for each of ours. */
  readonly decodeMs: number | undefined;
}

export type PrefillOutcome = "computed" | "not computed";

export interface RemotePrefill {
  /** Whether a prompt of which `numTokens` are not in the prefix cache is computed elsewhere. Changes nothing. */
  takes(numTokens: number): boolean;
  /** `ended` is called once, later, and when nobody writes into the job's blocks any more. */
  begin(job: PrefillJob, ended: (outcome: PrefillOutcome) => void): RunningPrefill;
}

export interface RunningPrefill {
  /** The job is not wanted any more. It ends soon, by `ended`; an outcome may still be "computed". */
  recall(): void;
}
