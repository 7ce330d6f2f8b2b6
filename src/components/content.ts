// The names under which a quarantine remembers what was asked for. They keep nothing of its text.

import type { ChatCompletionRequest, CompletionRequest } from "../openai/schema.ts";
import type { PreprocessedRequest } from "../protocol/llm.ts";
import type { Content } from "./quarantine.ts";

/** Another one in each process, so that no client can look for contents that share a name. */
const SEED = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;

/** Of a sequence: its token ids and its sampling without the seed. */
export function contentOfSequence({ tokenIds, sampling }: PreprocessedRequest): Content {
  const { seed: _, ...rest } = sampling;
  return Bun.hash.xxHash3(JSON.stringify(rest), Bun.hash.xxHash3(tokenIds, SEED));
}

/** Of a request whose tokens are not known yet: all but its seed and how it is answered. */
export function contentOfRequest(request: ChatCompletionRequest | CompletionRequest): Content {
  const { seed: _, stream: _stream, includeUsage: _usage, annotations: _notes, ...rest } = request;
  const asked = "prompts" in rest ? { ...rest, prompts: rest.prompts.map(brief) } : rest;
  return Bun.hash.xxHash3(JSON.stringify(asked), SEED);
}

/** Ids as text would be long. */
function brief(prompt: string | Int32Array): string {
  return typeof prompt === "string" ? prompt : `ids ${Bun.hash.xxHash3(prompt, SEED)}`;
}
