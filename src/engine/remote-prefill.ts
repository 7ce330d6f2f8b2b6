// Remote prefill as a scheduler sees it: prefill workers compute a prompt in its engine's place, and write K and V into
// the sequence's own blocks.

export interface PrefillRequest {
  /** At least two. K and V of all but the last are wanted: that one is computed where it is sampled. */
  readonly tokenIds: Int32Array;
  /** In sequence order; where K and V are to be. */
  readonly blockIds: Int32Array;
  /** Leading tokens whose K and V are there already, in blocks that are only to be read. */
  readonly numComputedTokens: number;
  /** Time of the requesting engine's decode step alone, if known: on a shared device it waits for each prefill step. */
  readonly decodeMs: number | undefined;
}

export type PrefillOutcome = "computed" | "not computed";

export interface RemotePrefill {
  /** True if a prompt of which `numTokens` are not in the prefix cache is computed elsewhere. Changes nothing. */
  takes(numTokens: number): boolean;
  /** `ended` is called once, later, when no prefill worker writes into the request's blocks any more. */
  begin(request: PrefillRequest, ended: (outcome: PrefillOutcome) => void): RunningPrefill;
}

export interface RunningPrefill {
  /** The request is not wanted any more. It ends soon, by `ended`; an outcome may still be "computed". */
  recall(): void;
}
