import { MAX_BANNED_TOKENS, type RunnerLimits, type StepBatch } from "./model-runner.ts";

/** Blocks that the longest sequence needs: the width of a row of `blockTables` (M). */
export function maxBlocksPerSeq(limits: RunnerLimits): number {
  return Math.ceil(limits.maxModelLen / limits.blockSize);
}

/** A batch in JavaScript's own memory, for runners without native arrays. */
export function createStepBatch(limits: RunnerLimits): StepBatch {
  const { maxNumSeqs: numSeqs, maxNumBatchedTokens: numTokens } = limits;
  const numPenalties = numSeqs * Math.min(limits.maxModelLen, limits.vocabSize);
  return {
    tokenIds: new Int32Array(numTokens),
    positions: new Int32Array(numTokens),
    slotMapping: new Int32Array(numTokens),
    queryStartLoc: new Int32Array(numSeqs + 1),
    seqLens: new Int32Array(numSeqs),
    blockTables: new Int32Array(numSeqs * maxBlocksPerSeq(limits)),
    logitsRows: new Int32Array(numSeqs),
    temperature: new Float32Array(numSeqs),
    topP: new Float32Array(numSeqs),
    minP: new Float32Array(numSeqs),
    topK: new Int32Array(numSeqs),
    seed: new BigUint64Array(numSeqs),
    presencePenalty: new Float32Array(numSeqs),
    frequencyPenalty: new Float32Array(numSeqs),
    repetitionPenalty: new Float32Array(numSeqs),
    penaltyStartLoc: new Int32Array(numSeqs + 1),
    penaltyTokenIds: new Int32Array(numPenalties),
    penaltyCounts: new Int32Array(numPenalties),
    bannedStartLoc: new Int32Array(numSeqs + 1),
    bannedTokenIds: new Int32Array(numSeqs * MAX_BANNED_TOKENS),
    sampledIds: new Int32Array(numSeqs),
    logprobs: new Float32Array(numSeqs),
  };
}
