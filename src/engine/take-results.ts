// A step's results into their sequences: scores of prompt tokens, and samples.

import { NO_SAMPLE } from "./model-runner.ts";
import { type EndReason, type Sequence, stopReason } from "./sequence.ts";
import type { StepResults } from "./step-results.ts";

/** Keeps the log-probabilities of prompt tokens. Returns why the sequence ends by them, if it does. */
export function noteScores(
  sequence: Sequence,
  results: StepResults,
  { row, numScoredRows }: { readonly row: number; readonly numScoredRows: number },
): EndReason | undefined {
  for (let i = 0; i < numScoredRows; i++) {
    if (results.sampledIds[row + i] === NO_SAMPLE) return "error";
    sequence.promptLogprobs?.add(results, row + i);
  }
  return undefined;
}

/** Keeps the hidden state of the last token. Returns why the sequence ends by it, if it does. */
export function noteHiddenState(
  sequence: Sequence,
  { sampledIds, hiddenStates }: StepResults,
  { row, hiddenSize }: { readonly row: number; readonly hiddenSize: number },
): EndReason | undefined {
  if (sampledIds[row] === NO_SAMPLE) return "error";
  sequence.hiddenState = hiddenStates.slice(row * hiddenSize, (row + 1) * hiddenSize);
  return undefined;
}

export interface Taken {
  /** Undefined where a row has no sample: the sequence ends with an error. */
  readonly numAccepted: number | undefined;
  readonly reason: EndReason | undefined;
}

const FAILED: Taken = { numAccepted: undefined, reason: "error" };

/**
 * Appends samples up to the first that is not what was drafted: those behind it were sampled after a wrong token.
 * Tells why the sequence ends by that, if it does.
 */
export function appendSamples(sequence: Sequence, results: StepResults, row: number): Taken {
  const { numDraftTokens, mask } = sequence;
  if (mask?.fault !== undefined) return FAILED;
  let numAccepted = 0;
  let reason: EndReason | undefined;
  for (let i = 0; i <= numDraftTokens && i === numAccepted && reason === undefined; i++) {
    const sampledId = results.sampledIds[row + i] as number;
    if (sampledId === NO_SAMPLE || mask?.accept(sampledId) === false) return FAILED;
    if (i < numDraftTokens && sequence.tokenIds[sequence.numTokens] === sampledId) numAccepted++;
    sequence.append(sampledId);
    sequence.outputLogprobs?.add(results, row + i);
    reason = stopReason(sequence);
  }
  sequence.numComputedTokens += numAccepted;
  return { numAccepted, reason };
}
