// Frontend: the OpenAI door. It parses nothing itself: src/openai does, and gets handlers from here.
//
//   HTTP --> Frontend --chat, completions--> Processor, a worker that serves chats itself, or a user's ChatBackend
//            (models/ in the registry say what each can be asked for)

import {
  type CheckScope,
  type ConfigProblem,
  configured,
  type Door,
  depends,
  type Environment,
  type GraphView,
  isLinked,
  Service,
} from "dynamo";

import type { Timer } from "../../base/clock.ts";
import type { OpenAIBackend, ServedModel } from "../../door/backend.ts";
import {
  connectionsWithin,
  descriptorLimit,
  MIN_DESCRIPTORS,
} from "../../http/descriptor-limit.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../../http/limits.ts";
import type { HttpServer } from "../../http/listen.ts";
import type { LiveCertificate } from "../../http/live-certificate.ts";
import { ChatBackend } from "../chat-backend.ts";
import { reachedFrom } from "../graph-paths.ts";
import type { Processor } from "../processor/processor.ts";
import { MODELS_PREFIX, type PublishedModel } from "../published-model.ts";
import { openAccess } from "./access.ts";
import { FrontendConfig, validateFrontend } from "./config.ts";
import { clientUrl, exampleRequest } from "./example-request.ts";
import { JsonThread } from "./json-thread.ts";
import { kvEventsOf } from "./kv-events.ts";
import { FrontendRoutes } from "./routes.ts";
import { ServedModels } from "./served-models.ts";
import { publishersOf } from "./served-names.ts";
import { checkPlace, type PreparedPlace, placeOf, preparePlace } from "./socket.ts";
import { certificateFiles } from "./tls.ts";

/** How long before its deadline the server stops waiting for answers in flight and ends them. */
const LAST_WORDS_MS = 1000;

interface PreparedFrontend extends PreparedPlace {
  /** Services that will tell of a model. */
  readonly publishers: readonly string[];
}

export class Frontend extends Service<PreparedFrontend> {
  config = configured(FrontendConfig);
  backends = depends(ChatBackend, "several");

  static override readonly startsEarly = true; // `/live` and honest 503s, while a model loads

  #models!: ServedModels;
  #server: HttpServer | undefined;
  #keyWatch: Timer | undefined;
  #certificateWatch: Timer | undefined;

  static override prepare(
    config: FrontendConfig,
    environment: Environment,
    graph: GraphView,
  ): PreparedFrontend {
    const publishers = publishersOf(graph).map(({ name }) => name);
    return { ...preparePlace(config, environment), publishers };
  }

  static override validate = validateFrontend;

  static override async check(config: FrontendConfig, { environment }: CheckScope) {
    return [...checkDescriptors(), ...(await checkPlace(config, environment))];
  }

  override async start(): Promise<void> {
    const { clock, graph, service } = this.context;
    const services = reachedFrom(graph, service).map(({ name }) => name);
    const { prepared } = this.context;
    const { publishers } = prepared;
    const name = this.config.servedModelName;
    this.#models = new ServedModels({ clock, services, publishers, name });
    const [{ createApp }, { listen }] = await Promise.all([
      import("../../api/app.ts"),
      import("../../http/listen.ts"),
      this.#followModels(),
    ]);
    const { maxBodyMib, overloadStatus, requestTimeoutMs } = this.config;
    const place = placeOf(this.config, prepared);
    const { host } = place;
    const admission = openAccess({ ...this.config, host }, prepared, { clock, log: this.log });
    this.#keyWatch = admission.keys?.watch();
    const certificate = await this.#certificate();
    const json = new JsonThread(this.context);
    const app = createApp(this.#backend(), {
      clock,
      admission,
      log: this.log,
      server: this.context.owner,
      sharesPrefixCache: this.config.sharePrefixCache,
      parseBody: (bytes, client) => json.parse(bytes, client),
      maxBodyBytes: Math.floor(maxBodyMib * 2 ** 20),
      overloadStatus,
      requestTimeoutMs: requestTimeoutMs === 0 ? undefined : requestTimeoutMs,
    });
    this.#server = listen(app, {
      ...{ ...place, clock, limits: limitsOf(this.config) },
      certificate: certificate && (() => certificate.current),
    });
    this.log.info("listening", { url: this.#server.url });
    const needsKey = admission.keys !== undefined;
    this.context.announce(this.#door(clientUrl(this.#server.url), needsKey));
  }

  /** Once there is a model to ask. */
  async #door(url: string, needsKey: boolean): Promise<Door> {
    if (this.context.prepared.publishers.length === 0) return { url };
    const model = await this.#models.first;
    return { url, example: exampleRequest({ url, model, needsKey }) };
  }

  override async stop(remainingMs: number): Promise<void> {
    this.#keyWatch?.cancel();
    this.#certificateWatch?.cancel();
    await this.#server?.stop(Math.max(0, remainingMs - LAST_WORDS_MS));
  }

  async #certificate(): Promise<LiveCertificate | undefined> {
    const files = certificateFiles(this.config);
    if (files === undefined) return undefined;
    const { LiveCertificate } = await import("../../http/live-certificate.ts");
    const certificate = new LiveCertificate({ files, clock: this.context.clock, log: this.log });
    this.#certificateWatch = certificate.watch();
    return certificate;
  }

  #backend(): OpenAIBackend {
    const { context, log } = this;
    const models = this.#models;
    const { endpoint } = this.config;
    const chatsOf = (name: string) => `${context.namespace}.${name}.chat/completions`;
    // The service that publishes a model knows its tokens, whatever stands between it and here.
    const textOf = (model: string) => context.clientOf<Processor>(models.serviceOf(model) ?? "");
    const routes = new FrontendRoutes({
      ...{ context, log, models },
      backends: isLinked(this.backends) ? this.backends : new Map(),
      follow: (live, receive) => this.follow(live, receive),
    });
    return {
      models: () => servedList(models.served),
      whenServed: (name, signal) => models.whenServed(name, signal),
      isKnown: (name) => models.serviceOf(name) !== undefined,
      isStarting: () => models.isStarting,
      endpoints: () => routes.live().map((name) => `dyn://${endpoint ?? chatsOf(name)}`),
      chat: (request, requestId) =>
        routes.run(request, (backend) => backend["chat/completions"](request, requestId)),
      complete: (request, requestId) =>
        routes.run(request, (backend) => backend.completions(request, requestId)),
      tokenize: async (request) => (await textOf(request.model)).tokenize(request),
      detokenize: async (request) => (await textOf(request.model)).detokenize(request),
      metrics: () => context.scrape(),
      settings: context.settings,
      drain: (instance) => context.drain(instance),
      kvEvents: () => kvEventsOf(context),
    };
  }

  async #followModels(): Promise<void> {
    const published = this.context.registry.mirror(MODELS_PREFIX);
    const base = await published.next();
    if (!base.done) this.#models.update(base.value);
    this.follow(published, (update) => this.#models.update(update));
  }
}

/** With fewer the server starts, and accepts no client. */
function checkDescriptors(): readonly ConfigProblem[] {
  const limit = descriptorLimit() ?? Infinity;
  if (limit >= MIN_DESCRIPTORS) return [];
  const message = `this process may open ${limit} files at a time, connections included, and a server needs ${MIN_DESCRIPTORS}; raise the limit (ulimit -n 1024; in systemd LimitNOFILE=1024)`;
  return [{ key: undefined, message }];
}

/** Each name; those of a model that has more than one say which its first is. */
function servedList(served: ServedModels["served"]): readonly ServedModel[] {
  const first = new Map<PublishedModel, string>();
  return [...served].map(([id, model]) => {
    const { created, maxModelLen } = model;
    const name = first.get(model);
    if (name === undefined) first.set(model, id);
    return { id, created, maxModelLen, ...(name !== undefined && { aliasOf: name }) };
  });
}

/** Limits on what all clients of a frontend may hold together. */
function limitsOf({ maxBodyMib, maxConnections }: FrontendConfig): Partial<HttpLimits> {
  const room = connectionsWithin(descriptorLimit() ?? Infinity);
  return {
    maxConnections: Math.min(maxConnections, room),
    maxBodiesBytes: Math.max(DEFAULT_LIMITS.maxBodiesBytes, 4 * maxBodyMib * 2 ** 20),
  };
}
