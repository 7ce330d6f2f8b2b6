// Processor: text to tokens on the way in, tokens to text on the way out.
//
//   Frontend --request--> Processor --PreprocessedRequest--> VllmWorker
//   Frontend <==text===== Processor <==tokens=============== VllmWorker

import { basename } from "node:path";
import { configured, depends, type InstanceId, Service } from "dynamo";
import * as v from "valibot";

import { errorCode } from "../base/error.ts";
import type { ModelCard } from "../model/model-files.ts";
import { openModelConfig } from "../model/open-model.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../openai/schema.ts";
import type { TextOutput } from "../protocol/llm.ts";
import type { TextCodec } from "../tokenizer/text-codec.ts";
import { count, key, MOCK_MODEL, model } from "./fields.ts";
import { mergeStreams } from "./merge-streams.ts";
import { MODELS_PREFIX, type PublishedModel } from "./published-model.ts";
import { randomSeed, samplingOf, stopOf } from "./sampling.ts";
import { VllmWorker } from "./worker.ts";

export const ProcessorConfig = v.strictObject({
  model,
  blockSize: key("Tokens per KV block, as the worker's.", v.optional(count(), 16)),
  maxModelLen: key(
    "Tokens that prompt and output may have together. Default: what the workers can take.",
    v.optional(count()),
  ),
  router: key(
    "How a worker is chosen for each sequence.",
    v.optional(v.picklist(["random", "round-robin"]), "random"),
  ),
});

/** vLLM's and OpenAI's default for a text completion; a chat may fill the context. */
const DEFAULT_COMPLETION_TOKENS = 16;

export class Processor extends Service {
  config = configured(ProcessorConfig);
  worker = depends(VllmWorker);

  #codec!: TextCodec;
  #card: ModelCard | undefined;
  #eosTokenIds: readonly number[] = [];
  #maxModelLen = 0;
  #published = false;

  override async start(): Promise<void> {
    const { model } = this.config;
    if (model === MOCK_MODEL) {
      const { MockTokenizer } = await import("../tokenizer/mock-tokenizer.ts");
      this.#codec = new MockTokenizer();
    } else {
      const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
      this.#card = await openModelConfig(model);
      const tokenizer = await Tokenizer.load(this.#card.path, this.log);
      this.#codec = tokenizer;
      this.#eosTokenIds = union(this.#card.config.eosTokenIds, tokenizer.eosTokenId);
    }
    this.follow(this.worker.watchInstances(), (live) => this.#publish(live));
  }

  "chat/completions"(request: ChatCompletionRequest): AsyncIterable<TextOutput> {
    const limit = { maxTokens: this.#maxModelLen };
    const { messages, useRawPrompt } = request;
    const tokenIds = useRawPrompt
      ? this.#codec.encode(messages.map(({ content }) => content).join("\n"), limit)
      : this.#codec.encodeChat(messages, limit);
    return this.#generate(request, [tokenIds], this.#maxModelLen);
  }

  completions(request: CompletionRequest): AsyncIterable<TextOutput> {
    const limit = { maxTokens: this.#maxModelLen };
    const prompts = request.prompts.map((prompt) =>
      typeof prompt === "string" ? this.#codec.encode(prompt, limit) : prompt,
    );
    return this.#generate(request, prompts, DEFAULT_COMPLETION_TOKENS);
  }

  /** Choice `c` of prompt `p` has the index `p * n + c`. */
  #generate(
    request: GenerationRequest,
    prompts: readonly Int32Array[],
    defaultMaxTokens: number,
  ): AsyncIterableIterator<TextOutput> {
    const seed = request.seed ?? randomSeed();
    const choices = prompts.flatMap((tokenIds, prompt) =>
      Array.from({ length: request.n }, (_, choice) => {
        const index = prompt * request.n + choice;
        return this.#choice(request, { tokenIds, index, seed, defaultMaxTokens });
      }),
    );
    const [only] = choices;
    return only && choices.length === 1 ? only : mergeStreams(choices);
  }

  async *#choice(request: GenerationRequest, choice: Choice): AsyncGenerator<TextOutput> {
    const { tokenIds, index, defaultMaxTokens } = choice;
    const stop = stopOf(request, {
      eosTokenIds: this.#eosTokenIds,
      maxTokens: Math.max(1, Math.min(defaultMaxTokens, this.#maxModelLen - tokenIds.length)),
    });
    const sampling = samplingOf(request, this.#card?.generationDefaults ?? {}, choice);
    const text = this.#codec.textStream({
      promptTokenIds: tokenIds,
      stop: request.stop,
      minTokens: stop.minTokens,
      stopTokenIds: stop.stopTokenIds,
    });
    const numPromptTokens = tokenIds.length;
    for await (const output of this.#workers().generate({ tokenIds, sampling, stop })) {
      const { finishReason, numCachedTokens } = output;
      const piece = text.push(output.tokenIds);
      const { numTokens } = piece;
      const counts = { index, numTokens, numPromptTokens, numCachedTokens };
      if (piece.stopped) {
        yield { ...counts, text: piece.text, finishReason: "stop" };
        return; // Leaving the loop ends the sequence.
      }
      if (finishReason === undefined) yield { ...counts, text: piece.text };
      else yield { ...counts, text: piece.text + text.finish(), finishReason };
    }
  }

  #workers() {
    return this.config.router === "round-robin" ? this.worker.roundRobin() : this.worker.random();
  }

  /** Frontends list the model for as long as there is a worker to route to. */
  async #publish(live: readonly InstanceId[]): Promise<void> {
    const { registry, namespace, service, instanceId, clock } = this.context;
    const key = `${MODELS_PREFIX}${namespace}.${service}:${instanceId.toString(16)}`;
    const limit = live.length > 0 ? await this.#readLimit() : undefined;
    if (limit === undefined) {
      this.#published = false;
      await registry.delete(key);
    } else if (!this.#published) {
      this.#published = true;
      this.#maxModelLen = limit;
      const published: PublishedModel = {
        name: basename(this.config.model),
        created: Math.floor(clock.wallTime() / 1000),
        maxModelLen: limit,
      };
      await registry.put(key, JSON.stringify(published));
    }
  }

  /** `undefined` if the worker that was asked is gone; the next change of the instances asks again. */
  async #readLimit(): Promise<number | undefined> {
    if (this.#published) return this.#maxModelLen;
    try {
      const { maxModelLen } = await this.worker.limits();
      return Math.min(this.config.maxModelLen ?? Number.POSITIVE_INFINITY, maxModelLen);
    } catch (error) {
      this.log.warn("a worker did not tell its limits", { error: errorCode(error) });
      return undefined;
    }
  }
}

/** The tokenizer may name an end of its own, as vLLM has it too. */
function union(ids: readonly number[], id: number | undefined): readonly number[] {
  return id === undefined || ids.includes(id) ? ids : [...ids, id];
}

interface Choice {
  readonly tokenIds: Int32Array;
  readonly index: number;
  readonly seed: number;
  readonly defaultMaxTokens: number;
}
