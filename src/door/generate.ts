// A route that generates, from a request's body to its answer.

import { version } from "../../package.json";
import type { Clock, Timer } from "../base/clock.ts";
import type { LogFields, Logger } from "../base/log.ts";
import type { GenerationRequest } from "../protocol/chat.ts";
import type { TextOutput } from "../protocol/llm.ts";
import { requestTimeout } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";
import { eventStream } from "./event-stream.ts";
import type { Exchange } from "./exchange.ts";
import { Generation } from "./generation.ts";
import type { AnswerHead, BestChoices, GenerationRoute, WireFormat } from "./generation-route.ts";
import { reportIgnored } from "./ignored-fields.ts";
import { JoinedOutputs } from "./joined-outputs.ts";
import { type BodyLimits, readJson } from "./json-body.ts";
import type { KeyLimiter, KeyUse } from "./key-limits.ts";
import type { FrontendMetrics, RequestLabels } from "./metrics.ts";
import { servedModel } from "./served-model.ts";
import { inSession } from "./session.ts";
import type { Usage } from "./tally.ts";

/** An answer that has begun. One without an end of its own is `endless`, and no drain waits for it. */
export interface OpenAnswer {
  readonly isEndless?: true;
  shutDown(): void;
}

/** Shared by all requests of an app. */
export interface AppContext extends BodyLimits {
  readonly backend: OpenAIBackend;
  readonly metrics: FrontendMetrics;
  /** Answers that have begun and not ended. */
  readonly open: Set<OpenAnswer>;
  /** The server is about to end: it refuses new work. */
  isDraining: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stallMs: number;
  /** False: each API key has a prefix cache of its own. */
  readonly sharesPrefixCache: boolean;
  /** An answer that takes longer, from its request's last byte on, ends with 504. */
  readonly requestTimeoutMs: number | undefined;
  readonly keyLimits: KeyLimiter;
}

export async function generate<Request extends GenerationRequest>(
  context: AppContext,
  route: GenerationRoute<Request>,
  exchange: Exchange,
): Promise<Response> {
  const { signal } = exchange.request;
  let labels: RequestLabels = { model: "unknown", endpoint: route.endpoint, request_type: "unary" };
  let generation: Generation | undefined;
  let limit: Timer | undefined;
  try {
    const body = await readJson(exchange, context);
    let isLate = false;
    limit = withinLimit(context, () => {
      isLate = true;
      generation?.timeOut();
    });
    const { request: given, ignored, format, best } = route.parse(body, exchange.tenant);
    reportIgnored(exchange, body, ignored);
    labels = { ...labels, request_type: given.stream ? "stream" : "unary" };
    const model = await servedModel(given.model, context.backend, signal);
    const cacheOwner = context.sharesPrefixCache ? undefined : exchange.keyName;
    const whole = { ...given, model, ...(cacheOwner !== undefined && { cacheOwner }) };
    const request = inSession(whole, exchange.request.headers);
    labels = { ...labels, model: request.model };
    if (signal.aborted) throw signal.reason;
    if (isLate) throw requestTimeout();
    generation = openGeneration({
      ...{ context, route, exchange, request, format, best, labels, limit },
    });
    return await answerWhileWanted({ context, exchange, generation, format, request });
  } catch (error) {
    limit?.cancel();
    if (generation === undefined) context.metrics.refused(labels);
    return signal.aborted ? exchange.clientGone() : exchange.error(error, route.promptField);
  }
}

function withinLimit(
  { clock, requestTimeoutMs }: AppContext,
  onLate: () => void,
): Timer | undefined {
  return requestTimeoutMs === undefined ? undefined : clock.after(requestTimeoutMs, onLate);
}

interface Opening<Request extends GenerationRequest> {
  readonly context: AppContext;
  readonly route: GenerationRoute<Request>;
  readonly exchange: Exchange;
  readonly request: Request;
  readonly format: WireFormat;
  readonly best: BestChoices | undefined;
  readonly labels: RequestLabels;
  readonly limit: Timer | undefined;
  readonly use: KeyUse | undefined;
}

function openGeneration<Request extends GenerationRequest>(
  opening: Omit<Opening<Request>, "use">,
): Generation {
  const { context, exchange, request } = opening;
  const use = context.keyLimits.take(exchange.client, request);
  try {
    return opened({ ...opening, use });
  } catch (error) {
    use?.end();
    throw error;
  }
}

function opened<Request extends GenerationRequest>(opening: Opening<Request>): Generation {
  const { context, route, exchange, request, format, best, labels, limit, use } = opening;
  const { backend, metrics, clock, log, open } = context;
  const id = format.idPrefix + crypto.randomUUID(); // ours and unique, as the engine needs it
  const created = Math.floor(clock.wallTime() / 1000);
  const generation = new Generation({
    head: headOf(request, { id, created }),
    format,
    best,
    numPrompts: route.numPrompts(request),
    n: request.n,
    open: () => joined(route.open(backend, request, id), request),
    onOutput: use && ((output) => use.output(output)),
    metrics,
    labels,
    clock,
    log,
    onEnd: (usage, firstMs) => {
      limit?.cancel();
      use?.end();
      open.delete(generation);
      exchange.facts = factsOf(id, request.model, usage, firstMs);
    },
    errorEvent: (error, write) => exchange.errorEvent(error, write),
  });
  open.add(generation);
  return generation;
}

function headOf(
  { model, includeUsage, continuousUsage = false }: GenerationRequest,
  of: Pick<AnswerHead, "id" | "created">,
): AnswerHead {
  const fingerprint = `fp_${Bun.hash.xxHash3(`${version} ${model}`).toString(16).padStart(16, "0")}`;
  return { ...of, model, includeUsage, continuousUsage, fingerprint };
}

/** A stream has fewer events where its client asks for it. */
function joined(
  outputs: AsyncIterable<TextOutput>,
  { stream, streamInterval = 1 }: GenerationRequest,
): AsyncIterable<TextOutput> {
  return stream && streamInterval > 1 ? new JoinedOutputs(outputs, streamInterval) : outputs;
}

function factsOf(
  id: string,
  model: string,
  { prompt_tokens, completion_tokens, prompt_tokens_details }: Usage,
  firstMs: number | undefined,
): LogFields {
  return {
    model,
    "prompt-tokens": prompt_tokens,
    "cached-tokens": prompt_tokens_details.cached_tokens,
    "output-tokens": completion_tokens,
    "first-ms": firstMs === undefined ? undefined : Math.round(firstMs),
    id,
  };
}

interface Answering {
  readonly context: AppContext;
  readonly exchange: Exchange;
  readonly generation: Generation;
  readonly format: WireFormat;
  readonly request: GenerationRequest;
}

/** The answer, or nothing worth reading as soon as the client is gone, whatever the backend does then. */
async function answerWhileWanted(answering: Answering): Promise<Response> {
  const { context, exchange, generation, format, request } = answering;
  const gone = Promise.withResolvers<Response>();
  const onAbort = () => {
    generation.abandon();
    gone.resolve(exchange.clientGone());
  };
  exchange.request.signal.addEventListener("abort", onAbort, { once: true });
  const { clock, stallMs } = context;
  const answer = async () => {
    await generation.start();
    if (!request.stream) return exchange.json(await generation.answer());
    const pump = generation.pump.bind(generation);
    return exchange.events(eventStream({ pump, clock, stallMs }), format.streamKind);
  };
  return Promise.race([answer(), gone.promise]);
}
