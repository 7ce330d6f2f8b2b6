import {
  BATCH_ARRAYS,
  MAX_BANNED_TOKENS,
  MAX_BIASES,
  type RunnerLimits,
  type StepBatch,
} from "./model-runner.ts";
import { MAX_LOGPROBS } from "./step-results.ts";
import { ROW_BYTES, stepRows } from "./step-rows.ts";
import { MASK_BITS } from "./token-mask.ts";

/** Blocks that the longest sequence needs: the width of a row of `blockTables` (M). */
export function maxBlocksPerSeq(limits: RunnerLimits): number {
  return Math.ceil(limits.maxModelLen / limits.blockSize);
}

/** Rows of logits that a step may have (R). */
export function maxRows({
  maxNumRows,
  maxNumSeqs,
}: Pick<RunnerLimits, "maxNumRows" | "maxNumSeqs">): number {
  return maxNumRows ?? maxNumSeqs;
}

/** Words of one mask (W). */
export function maskWords({ vocabSize }: Pick<RunnerLimits, "vocabSize">): number {
  return Math.ceil(vocabSize / MASK_BITS);
}

/** Index of a token in its own sequence: a step's are the last of theirs. */
export function positionOf({ queryStartLoc, seqLens }: StepBatch, token: number): number {
  let seq = 0;
  while ((queryStartLoc[seq + 1] as number) <= token) seq++;
  return (seqLens[seq] as number) - (queryStartLoc[seq + 1] as number) + token;
}

/** A batch in JavaScript's own memory, for runners without native arrays. */
export function createStepBatch(limits: RunnerLimits): StepBatch {
  return layOutBatch(limits, (_, numBytes) => new ArrayBuffer(numBytes));
}

/** The arrays of a batch, each over the memory that it is given. */
export function layOutBatch(
  limits: RunnerLimits,
  memoryOf: (name: keyof StepBatch, numBytes: number) => ArrayBuffer,
): StepBatch {
  const lengths = lengthsOf(limits);
  const arrays = Object.entries(BATCH_ARRAYS).map(([name, [Type, length]]) => {
    const numBytes = lengths[length] * Type.BYTES_PER_ELEMENT;
    const memory = memoryOf(name as keyof StepBatch, numBytes); // `entries` forgets the type
    return [name, name === "rows" ? stepRows(memory) : new Type(memory)];
  });
  return Object.fromEntries(arrays);
}

type Length = (typeof BATCH_ARRAYS)[keyof StepBatch][1];

function lengthsOf(limits: RunnerLimits): Readonly<Record<Length, number>> {
  const { maxNumSeqs } = limits;
  const numRows = maxRows(limits);
  return {
    T: limits.maxNumBatchedTokens,
    S: maxNumSeqs,
    "S + 1": maxNumSeqs + 1,
    "S, M": maxNumSeqs * maxBlocksPerSeq(limits),
    R: numRows,
    "R rows": numRows * ROW_BYTES,
    P: numRows * Math.min(limits.maxModelLen, limits.vocabSize),
    B: numRows * MAX_BANNED_TOKENS,
    A: numRows * MAX_BIASES,
    "R, W": numRows * maskWords(limits),
    L: numRows * MAX_LOGPROBS,
    "R, H": numRows * (limits.hiddenSize ?? 0),
  };
}
