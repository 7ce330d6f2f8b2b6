// Processor: text to tokens on the way in, tokens to text on the way out.
//
//   Frontend --request--> Processor --PreprocessedRequest--> VllmWorker
//   Frontend <==text===== Processor <==tokens=============== VllmWorker
//                             |  ^
//           hashes of blocks  v  |  a worker
//                             Router, if the graph has one

import {
  type CheckScope,
  configured,
  depends,
  type GraphView,
  type InstanceId,
  isLinked,
  NoWorkersError,
} from "dynamo";
import * as v from "valibot";

import { errorCode } from "../../base/error.ts";
import { extendChain } from "../../kv/block-hash.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../../protocol/chat.ts";
import type { StoredBlock } from "../../protocol/kv-event.ts";
import type { PreprocessedRequest, TextOutput } from "../../protocol/llm.ts";
import type { DetokenizeRequest, TokenizedPrompt, TokenizeRequest } from "../../protocol/tokens.ts";
import { ChatBackend } from "../chat-backend.ts";
import { contentOfSequence } from "../dispatch/content.ts";
import { Dispatcher, type Place, queryInstance } from "../dispatch/dispatch.ts";
import { leavable } from "../dispatch/leavable.ts";
import { Quarantine } from "../dispatch/quarantine.ts";
import { SequenceProgress } from "../dispatch/sequence-progress.ts";
import {
  allowSpecialTokensInContent,
  answerFields,
  clampMaxTokens,
  count,
  key,
  migrationLimit,
  model,
  renderTimeoutMs,
  servedModelName,
  waitForWorkerMs,
} from "../fields.ts";
import { workersOf } from "../graph-paths.ts";
import { PrefillWorker } from "../prefill/prefill-worker.ts";
import { ModelPublisher, servedNames } from "../published-model.ts";
import { blockSizeProblems } from "../router/config.ts";
import { Router } from "../router/router.ts";
import { needsRouter, ROUTER_MODES } from "../router/routing-modes.ts";
import { DirectSelector, RoutedSelector, type WorkerSelector } from "../router/worker-choice.ts";
import { VllmWorker } from "../worker/worker.ts";
import type { Send } from "./choice-output.ts";
import { countMigrations } from "./migration-metrics.ts";
import { sharedPlacesOf } from "./sequence-shares.ts";
import { TextGenerator } from "./text-generator.ts";

export const ProcessorConfig = v.strictObject({
  model,
  servedModelName,
  blockSize: key("Tokens per KV block. Default: the workers'.", v.optional(count())),
  maxModelLen: key(
    "Tokens that prompt and output may have together. Default: what the workers can take.",
    v.optional(count()),
  ),
  clampMaxTokens,
  renderTimeoutMs,
  allowSpecialTokensInContent,
  ...answerFields,
  router: key(
    "How a worker is chosen for each sequence; all but the first two need a Router in the graph. Default: as the Router says; without one, `random`. Changes while it serves.",
    v.optional(v.picklist(ROUTER_MODES)),
  ),
  waitForWorkerMs,
  migrationLimit,
});

type ProcessorConfig = v.InferOutput<typeof ProcessorConfig>;

export class Processor extends ChatBackend {
  config = configured(ProcessorConfig);
  worker = depends(VllmWorker, "optional"); // a Router has its own link
  router = depends(Router, "optional");

  static override readonly live = ["router", "migrationLimit"];
  static override readonly validate = validateProcessor;

  static override async check(config: ProcessorConfig, scope: CheckScope) {
    const { checkText } = await import("../worker/check-model.ts");
    return checkText(config, scope);
  }

  #text!: TextGenerator;
  #selector!: WorkerSelector;
  #quarantine!: Quarantine;
  #dispatcher!: Dispatcher;
  #publisher!: ModelPublisher;
  #blockSize: number | undefined;
  /** Resolves when it knows its workers' limits. */
  readonly #ready = Promise.withResolvers<void>();

  override async start(): Promise<void> {
    const { model, renderTimeoutMs, allowSpecialTokensInContent, clampMaxTokens } = this.config;
    const { chatTemplate, toolCallParser, reasoningParser } = this.config;
    const { context, log } = this;
    const allowSpecialTokens = allowSpecialTokensInContent;
    this.#text = await TextGenerator.open({
      ...{ model, chatTemplate, toolCallParser, reasoningParser },
      context,
      log,
      renderTimeoutMs,
      allowSpecialTokens,
      clampMaxTokens,
      numShared: sharedPlacesOf(context.numWorkers),
    });
    this.#publisher = new ModelPublisher(this.context, this.config);
    await this.#startDispatcher();
    if (isLinked(this.router)) {
      this.#selector = new RoutedSelector(this.router, this.context.clock);
      this.follow(this.router.all().workers(), ({ value }) => this.#publish(value));
    } else {
      this.#selector = new DirectSelector(this.worker, this.#workers);
      this.follow(this.worker.watchInstances(), (live) => this.#publish(live));
    }
  }

  "chat/completions"(request: ChatCompletionRequest, requestId = ""): AsyncIterable<TextOutput> {
    return this.#answer((left) => {
      const send = this.#sender(request, requestId, left);
      return this.#text.chat(request, { send, left });
    });
  }

  completions(request: CompletionRequest, requestId = ""): AsyncIterable<TextOutput> {
    return this.#answer((left) => {
      const send = this.#sender(request, requestId, left);
      return this.#text.complete(request, { send, left });
    });
  }

  /** The tokens of a prompt, which is not run. */
  tokenize(request: TokenizeRequest): Promise<TokenizedPrompt> {
    return this.#text.tokens.tokenize(request);
  }

  detokenize(request: DetokenizeRequest): string {
    return this.#text.tokens.detokenize(request);
  }

  /** Tokens that prompt and output may have together; 0 until a worker has told. */
  limits() {
    return { maxModelLen: this.#text.maxModelLen };
  }

  /** Their service. */
  get #workers(): string {
    return workersOf(this.context.graph, this.context.service) ?? "worker";
  }

  #answer(open: (left: Promise<void>) => AsyncIterableIterator<TextOutput>) {
    const isReady = this.#text.maxModelLen > 0;
    return leavable((left) => (isReady ? open(left) : this.#whenReady(left, () => open(left))));
  }

  /** A processor that has just started again does not know yet what its workers can take. */
  async *#whenReady(left: Promise<void>, open: () => AsyncIterable<TextOutput>) {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.context.clock.after(this.config.waitForWorkerMs, resolve);
    const isLeft = left.then(() => true);
    const hasLeft = await Promise.race([this.#ready.promise, late, isLeft]);
    timer.cancel();
    if (hasLeft) return;
    if (this.#text.maxModelLen === 0) throw new NoWorkersError(this.#workers);
    yield* open();
  }

  async #startDispatcher(): Promise<void> {
    const { clock } = this.context;
    const service = this.#workers;
    const [model = ""] = servedNames(this.config);
    this.#quarantine = new Quarantine({
      clock,
      onCondemned: (content, worker) => {
        const fields = { id: worker, content: content.toString(16) };
        this.log.error("a request has killed a worker and is refused from now on", fields);
      },
    });
    this.#dispatcher = new Dispatcher({
      ...{ clock, service, quarantine: this.#quarantine },
      waitMs: () => this.config.waitForWorkerMs,
      migration: {
        limit: () => this.config.migrationLimit,
        onMigration: countMigrations(await this.context.metrics(), model),
      },
    });
  }

  #sender(request: GenerationRequest, requestId: string, left: Promise<void>): Send {
    const { backendInstanceId: wanted, annotations, sessionId: session } = request;
    const isQuery = annotations.includes("query_instance_id");
    return (sequence, hasSent) => {
      const progress = new SequenceProgress(sequence);
      const chain: StoredBlock[] = [];
      const choose = (place: Place) => {
        const { request } = progress;
        const tokenIds = allTokensOf(request);
        this.#extendChain(chain, tokenIds, request.cacheSalt);
        const numTokens = tokenIds.length;
        const { hasBegun } = progress;
        const mode = this.config.router;
        const query = { requestId, numTokens, chain, session, mode, hasBegun, ...place };
        return this.#selector.choose(query, request);
      };
      if (isQuery) return queryInstance(choose({ instance: wanted, avoid: [] }));
      const content = contentOfSequence(sequence);
      return this.#dispatcher.run({ content, wanted, choose, progress, hasSent, left });
    };
  }

  /** The names of its blocks, for a router. `chain` has those of the last time. */
  #extendChain(chain: StoredBlock[], tokenIds: Int32Array, salt: bigint | undefined): void {
    if (!isLinked(this.router) || this.#blockSize === undefined) return;
    chain.length = Math.min(chain.length, Math.floor(tokenIds.length / this.#blockSize));
    extendChain(chain, tokenIds, { blockSize: this.#blockSize, salt });
  }

  /** Frontends list the model for as long as there is a worker to route to. */
  async #publish(live: readonly InstanceId[]): Promise<void> {
    this.#quarantine.setLive(live);
    if (live.length > 0 && this.#publisher.isPublished) return;
    if (live.length > 0 && (await this.#readLimits())) {
      await this.#publisher.publish(this.#text.maxModelLen);
    } else await this.#publisher.withdraw();
  }

  /** False if the worker that was asked is gone; the next change of the instances asks again. */
  async #readLimits(): Promise<boolean> {
    try {
      const asked = isLinked(this.router) ? this.router.limits() : this.worker.limits();
      const { maxModelLen, blockSize } = await asked;
      this.#blockSize = blockSize;
      this.#text.maxModelLen = Math.min(this.config.maxModelLen ?? maxModelLen, maxModelLen);
      this.#ready.resolve();
      return true;
    } catch (error) {
      this.log.warn("a worker did not tell its limits", { error: errorCode(error) });
      return false;
    }
  }
}

/** Prompt and output, end to end. */
function allTokensOf({ tokenIds, output }: PreprocessedRequest): Int32Array {
  if (output === undefined) return tokenIds;
  const all = new Int32Array(tokenIds.length + output.length);
  all.set(tokenIds);
  all.set(output, tokenIds.length);
  return all;
}

function validateProcessor({ router, blockSize }: ProcessorConfig, graph: GraphView) {
  const self = graph.services.find(({ name }) => name === graph.service);
  if (self?.edges.has("router")) return blockSizeProblems(blockSize, graph);
  if (self && !self.edges.has("worker")) {
    const { name } = self;
    const cure = `link one, as in ${name}.link(VllmWorker), or a Router, as in ${name}.link(Router).link(VllmWorker)`;
    return [{ key: "worker", message: `nothing is linked to ${name} that computes; ${cure}` }];
  }
  if (router === undefined || !needsRouter(router)) return [];
  const isDisagg = graph.services.some((one) => one.is(PrefillWorker));
  const message =
    `"${router}" needs a Router, and this graph has none; serve ` +
    `graphs.${isDisagg ? "disagg_router" : "agg_router"}:Frontend, or set random or round-robin`;
  return [{ key: "router", message }];
}
