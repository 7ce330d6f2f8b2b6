// The OpenAI door calls these plain handlers; it does not know the rooms behind them.

import type { ChatCompletionRequest, CompletionRequest } from "../protocol/chat.ts";
import type { KvReport } from "../protocol/kv-event.ts";
import type { TextOutput } from "../protocol/llm.ts";
import type { DetokenizeRequest, TokenizedPrompt, TokenizeRequest } from "../protocol/tokens.ts";

export interface OpenAIBackend {
  /** Models that can be routed to now. Empty means: alive, but not ready. */
  models(): readonly ServedModel[];
  /** Resolves once the model is served, or it is not worth waiting for it any longer: at once if it never was, or its client has left. */
  whenServed(model: string, signal: AbortSignal): Promise<void>;
  /** True if the model is served, or was and may come back. */
  isKnown(model: string): boolean;
  /** True if there are models that are served soon and have not been yet. */
  isStarting(): boolean;
  /** Addresses that stand behind the models now, for people who read `/health`. */
  endpoints(): readonly string[];
  /**
   * The choices of one answer, interleaved. Each choice ends with an output that has a finish reason.
   * The iterator's `return()` cancels at once: work stops, and a pending `next()` settles.
   */
  chat(request: ChatCompletionRequest, requestId: string): AsyncIterable<TextOutput>;
  /** The same. Choice `c` of prompt `p` has the index `p * n + c`. */
  complete(request: CompletionRequest, requestId: string): AsyncIterable<TextOutput>;
  tokenize(request: TokenizeRequest): Promise<TokenizedPrompt>;
  /** The text of token ids, special tokens included. */
  detokenize(request: DetokenizeRequest): Promise<string>;
  /** Prometheus text of everything but the frontend's own families. */
  metrics(): Promise<string>;
  readonly settings: Settings;
  /** Takes an instance, as `VllmWorker:1`, out of service. Throws `no_such_instance` or `instance_not_ready`. */
  drain(instance: string): Promise<Drain>;
  /** The contents of all workers' caches, then their changes. */
  kvEvents(): AsyncIterable<WorkerReport>;
}

interface Drain {
  readonly state: "draining" | "drained";
  /** Time for what it runs. */
  readonly timeoutMs: number;
}

interface WorkerReport {
  readonly instance: number;
  readonly value: KvReport;
}

/** Settings that may change while the server runs. */
export interface Settings {
  list(): Promise<readonly Setting[]>;
  /** Throws `no_such_setting` or `invalid_setting`, with the names or values that there are. */
  set(setting: Setting): Promise<void>;
}

interface Setting {
  readonly service: string;
  readonly key: string;
  readonly value: unknown;
}

export interface ServedModel {
  readonly id: string;
  /** The model's first name, of which this is another. */
  readonly aliasOf?: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** Tokens that prompt and output may have together. */
  readonly maxModelLen: number;
}
