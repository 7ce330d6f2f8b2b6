// The names under which a quarantine remembers what was asked for. They keep nothing of its text.

import type { ChatCompletionRequest, CompletionRequest } from "../../protocol/chat.ts";
import type { PreprocessedRequest } from "../../protocol/llm.ts";
import type { Content } from "./quarantine.ts";

/** Differs in each process, so that no client can look for contents that share a name. */
const SEED = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;

/** The content of a sequence: its token ids, its sampling without the seed, and its grammar. */
export function contentOfSequence({ tokenIds, sampling, grammar }: PreprocessedRequest): Content {
  const { seed: _, ...rest } = sampling;
  const text = JSON.stringify(grammar === undefined ? rest : [rest, grammar]);
  return Bun.hash.xxHash3(text, Bun.hash.xxHash3(tokenIds, SEED));
}

/** Fields that do not change the computation: the client, its choice of worker, and the form of the answer. */
const ASIDE: ReadonlySet<string> = new Set([
  ...["seed", "tenant", "backendInstanceId", "sessionId"],
  ...["stream", "includeUsage", "continuousUsage", "streamInterval", "annotations"],
  ...["priority", "cacheSalt", "cacheOwner"],
]);

/** The content of a request whose tokens are not known yet: all fields but those of `ASIDE`. */
export function contentOfRequest(request: ChatCompletionRequest | CompletionRequest): Content {
  const asked = Object.entries(request).filter(([name]) => !ASIDE.has(name));
  return Bun.hash.xxHash3(JSON.stringify(asked, brief), SEED);
}

/** A text longer than this stands in the content by its hash: to write 10 MB as JSON takes 30 ms, to hash them 1 to 5. */
const MAX_TEXT = 1024;

/** Ids as text would be long. No client can write what stands for ids or a text: it does not know the seed. */
function brief(_: string, value: unknown): unknown {
  if (value instanceof Int32Array) return `ids ${Bun.hash.xxHash3(value, SEED)}`;
  if (typeof value !== "string" || value.length <= MAX_TEXT) return value;
  return `text ${value.length} ${Bun.hash.xxHash3(value, SEED)}`;
}
