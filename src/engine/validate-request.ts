// The engine's door: what must hold of a request before it gets a place in the queue.

import { DynamoError } from "../base/error.ts";
import type { PreprocessedRequest } from "../protocol/llm.ts";
import { MAX_BANNED_TOKENS, MAX_BIASES } from "./model-runner.ts";
import { MAX_LOGPROBS } from "./step-results.ts";

export interface RequestLimits {
  readonly vocabSize: number;
  /** Undefined where the model has no hidden states to tell. */
  readonly hiddenSize?: number | undefined;
  /** Prompt and output together: what the model was opened for, or the KV pool if that is less. */
  readonly maxModelLen: number;
}

/** Throws unless the request, alone in the engine, would run to its end. */
export function validateRequest(request: PreprocessedRequest, limits: RequestLimits): void {
  const { tokenIds, output = NO_OUTPUT, stop } = request;
  if (tokenIds.length === 0) throw new EmptyPromptError();
  for (const ids of [tokenIds, output]) {
    for (const tokenId of ids) {
      if (tokenId < 0 || tokenId >= limits.vocabSize) {
        throw new UnknownTokenError(tokenId, limits.vocabSize);
      }
    }
  }
  const isFull = output.length > 0 && output.length >= stop.maxTokens;
  const isOver = isFull || endsWithStop(output, stop.stopTokenIds);
  if (isOver) throw new FinishedOutputError(output.length);
  if (stop.minTokens > 0 && stop.stopTokenIds.length > MAX_BANNED_TOKENS) {
    throw new TooManyStopTokensError(stop.stopTokenIds.length);
  }
  checkPooling(request, limits);
  checkSampling(request, limits);
  if (tokenIds.length + stop.maxTokens > limits.maxModelLen) {
    throw new ContextLengthExceededError({
      promptTokens: tokenIds.length,
      maxTokens: stop.maxTokens,
      maxModelLen: limits.maxModelLen,
    });
  }
}

const NO_OUTPUT = new Int32Array();

function endsWithStop(output: Int32Array, stopTokenIds: readonly number[]): boolean {
  const lastId = output.at(-1);
  return lastId !== undefined && stopTokenIds.includes(lastId);
}

function checkPooling({ pooling }: PreprocessedRequest, { hiddenSize }: RequestLimits): void {
  if (pooling !== undefined && hiddenSize === undefined) throw new NoPoolingError();
}

function checkSampling(request: PreprocessedRequest, { vocabSize }: RequestLimits): void {
  const { logitBias, badWords = [], allowedTokenIds } = request.sampling;
  const lists = [
    ["logit_bias", logitBias?.tokenIds ?? []],
    ["allowed_token_ids", allowedTokenIds ?? []],
    ["bad_words", badWords.flat()],
  ] as const;
  for (const [param, ids] of lists) {
    const unknown = ids.find((id) => id < 0 || id >= vocabSize);
    if (unknown !== undefined) throw new UnknownSamplingTokenError(param, unknown, vocabSize);
  }
  const numBiases = badWords.length + (logitBias?.tokenIds.length ?? 0);
  if (numBiases > MAX_BIASES) throw new TooManyBiasesError(numBiases);
  for (const param of ["logprobs", "promptLogprobs"] as const) {
    if ((request[param] ?? 0) > MAX_LOGPROBS) throw new TooManyLogprobsError(request[param] ?? 0);
  }
}

export class UnknownSamplingTokenError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(param: string, tokenId: number, vocabSize: number) {
    super(`${param} has token id ${tokenId}, but the model's vocabulary ends at ${vocabSize - 1}`, {
      param,
    });
  }
}

export class TooManyBiasesError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(numBiases: number) {
    super(
      `logit_bias and bad_words together have ${numBiases} entries, at most ${MAX_BIASES} work; ` +
        "leave out some",
      { param: "logit_bias" },
    );
  }
}

export class TooManyLogprobsError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(numLogprobs: number) {
    super(`logprobs names at most ${MAX_LOGPROBS} tokens for each, got ${numLogprobs}`, {
      param: "logprobs",
    });
  }
}

export class EmptyPromptError extends DynamoError {
  override readonly code = "invalid_request";

  constructor() {
    super("the prompt has no tokens; send at least one", { param: "prompt" });
  }
}

export class UnknownTokenError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(tokenId: number, vocabSize: number) {
    super(
      `the prompt has token id ${tokenId}, but the model's vocabulary ends at ${vocabSize - 1}; ` +
        "is it the right tokenizer?",
      { param: "prompt", token_id: tokenId, vocab_size: vocabSize },
    );
  }
}

export class NoPoolingError extends DynamoError {
  override readonly code = "invalid_request";

  constructor() {
    super("the model's engine computes no embeddings; serve a model from its files", {
      param: "model",
    });
  }
}

export class FinishedOutputError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(numTokens: number) {
    super(
      `the ${numTokens} tokens of 'output' are a finished answer already; send only what is to be gone on with`,
      { param: "output" },
    );
  }
}

export class TooManyStopTokensError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(numStopTokens: number) {
    super(
      `min_tokens works with at most ${MAX_BANNED_TOKENS} stop tokens, got ${numStopTokens}; ` +
        "leave out min_tokens or some stop tokens",
      { param: "min_tokens" },
    );
  }
}

export class ContextLengthExceededError extends DynamoError {
  override readonly code = "context_length_exceeded";

  constructor(counts: {
    readonly promptTokens: number;
    readonly maxTokens: number;
    readonly maxModelLen: number;
  }) {
    const { promptTokens, maxTokens, maxModelLen } = counts;
    super(
      `${promptTokens} prompt tokens and up to ${maxTokens} new ones do not fit in ${maxModelLen}; ` +
        "shorten the prompt, ask for fewer tokens, or serve with a larger max-model-len and KV pool",
      { prompt_tokens: promptTokens, max_tokens: maxTokens, max_model_len: maxModelLen },
    );
  }
}
