// Embeddings of texts or token ids, for any API: the hidden state of each prompt's last token, cut and normalised. To the
// backend they are completions without output, so they share its queues, tenants and prefix cache.

import { DynamoError } from "../base/error.ts";
import type { CompletionRequest } from "../protocol/chat.ts";
import { invalidRequest } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";

/** Prompts that the backend has at a time: as many as any tenant may have in flight on an idle server. */
const MAX_AT_A_TIME = 8;

export interface EmbedOptions {
  readonly backend: OpenAIBackend;
  readonly requestId: string;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  /** First elements of a vector that stay; undefined: all. */
  readonly dimensions: number | undefined;
}

export interface Embeddings {
  /** One for each prompt, of length 1. */
  readonly vectors: readonly Float32Array[];
  readonly numPromptTokens: number;
}

/** `request.prompts` may be more than one request to the backend could have. */
export async function embed(
  request: CompletionRequest,
  options: EmbedOptions,
): Promise<Embeddings> {
  const vectors: Float32Array[] = [];
  let numPromptTokens = 0;
  for (let start = 0; start < request.prompts.length; start += MAX_AT_A_TIME) {
    const prompts = request.prompts.slice(start, start + MAX_AT_A_TIME);
    const pooled = { ...request, prompts, n: 1, maxTokens: 0, pooling: "last" } as const;
    const states = await hiddenStates(pooled, options);
    for (const { hiddenState, numTokens } of states) {
      vectors.push(normalized(cut(hiddenState, options.dimensions)));
      numPromptTokens += numTokens;
    }
  }
  return { vectors, numPromptTokens };
}

interface Pooled {
  readonly hiddenState: Float32Array;
  readonly numTokens: number;
}

/** By prompt. Leaving at the client's end ends its sequences. */
async function hiddenStates(
  request: CompletionRequest,
  { backend, requestId, signal }: EmbedOptions,
): Promise<readonly Pooled[]> {
  const stream = backend.complete(request, requestId)[Symbol.asyncIterator]();
  const leave = () => void stream.return?.();
  signal.addEventListener("abort", leave, { once: true });
  const pooled: Pooled[] = [];
  try {
    for (;;) {
      const { done, value } = await stream.next();
      if (done) break;
      const { index, hiddenState, numPromptTokens: numTokens } = value;
      if (hiddenState) pooled[index] = { hiddenState, numTokens };
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
  for (let i = 0; i < request.prompts.length; i++) {
    if (pooled[i] === undefined) throw new DynamoError("the backend's answer has no embedding");
  }
  return pooled;
}

/** Matryoshka: the first elements of a vector are a vector too. */
function cut(vector: Float32Array, dimensions = vector.length): Float32Array {
  if (dimensions <= vector.length) return vector.subarray(0, dimensions);
  const message = `'dimensions' must be at most ${vector.length}, as the model's vectors; got ${dimensions}.`;
  throw invalidRequest("invalid_value", message, "dimensions");
}

/** The vector of length 1 in its direction; zeros stay. Summed in double, in order: equal vectors give equal bits. */
export function normalized(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const norm = Math.sqrt(sum);
  return norm === 0 ? vector.slice() : vector.map((value) => value / norm);
}
