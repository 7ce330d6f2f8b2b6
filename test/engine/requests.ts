// Requests to an engine, and what comes back, in the words of tests.

import { DynamoError } from "../../src/base/error.ts";
import { fillSampling } from "../../src/engine/fill-batch.ts";
import type { StepBatch } from "../../src/engine/model-runner.ts";
import type {
  FinishReason,
  PreprocessedRequest,
  SamplingOptions,
  StopConditions,
  TokenOutput,
} from "../../src/protocol/llm.ts";
import { samplingValues } from "../../src/sampling/options.ts";

export const GREEDY: SamplingOptions = { ...samplingValues({ temperature: 0 }, {}), seed: 0n };

/** Row `row` of the batch: the greedy sample behind token `token`. */
export function fillGreedyRow(batch: StepBatch, row: number, token: number): void {
  batch.rows.token.set(row, token);
  fillSampling(batch, 0, { sampling: GREEDY }, row);
  batch.rows.numPenalties.set(row, 0);
  batch.rows.numBanned.set(row, 0);
}

export function requestOf(
  tokenIds: readonly number[],
  options: {
    readonly sampling?: Partial<SamplingOptions>;
    readonly stop?: Partial<StopConditions>;
    readonly tenant?: number;
    readonly logprobs?: number;
    readonly promptLogprobs?: number;
  } = {},
): PreprocessedRequest {
  return {
    tenant: options.tenant ?? 1,
    tokenIds: Int32Array.from(tokenIds),
    sampling: { ...GREEDY, ...options.sampling },
    stop: { maxTokens: 8, minTokens: 0, stopTokenIds: [], ...options.stop },
    ...(options.logprobs !== undefined && { logprobs: options.logprobs }),
    ...(options.promptLogprobs !== undefined && { promptLogprobs: options.promptLogprobs }),
  };
}

/** `length` ids below `vocabSize`, the same for the same seed. */
export function promptOf(length: number, seed = 0, vocabSize = 50): number[] {
  return Array.from(
    { length },
    (_, i) => ((Math.imul(i + 1, 7919 + 2 * seed) + seed) >>> 3) % vocabSize,
  );
}

export interface Answer {
  readonly tokenIds: number[];
  readonly finishReason: FinishReason | undefined;
  readonly numCachedTokens: number;
}

export async function answerOf(stream: AsyncIterable<TokenOutput>): Promise<Answer> {
  const tokenIds: number[] = [];
  let last: TokenOutput | undefined;
  for await (const output of stream) {
    tokenIds.push(...output.tokenIds);
    last = output;
  }
  return {
    tokenIds,
    finishReason: last?.finishReason,
    numCachedTokens: last?.numCachedTokens ?? 0,
  };
}

/** Error that a promise fails with; throws if it does not. */
export async function failureOf(promise: Promise<unknown> | undefined): Promise<DynamoError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DynamoError) return error;
    throw error;
  }
  throw new Error("it has not failed");
}
