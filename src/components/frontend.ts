// Frontend: the OpenAI door. It parses nothing itself: src/openai does, and gets handlers from here.
//
//   HTTP --> Frontend --chat, completions--> Processor, or a worker that serves chats itself
//            (models/ in the registry say which of them can be routed to)

import { configured, depends, isLinked, Service } from "dynamo";

import type { Timer } from "../base/clock.ts";
import { connectionsWithin, descriptorLimit } from "../http/descriptor-limit.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../http/limits.ts";
import type { HttpServer } from "../http/listen.ts";
import type { OpenAIBackend, ServedModel } from "../openai/backend.ts";
import { openAccess, type PreparedAccess, prepareAccess } from "./frontend-access.ts";
import { FrontendConfig, validateFrontend } from "./frontend-config.ts";
import { FrontendDispatch } from "./frontend-dispatch.ts";
import { Processor } from "./processor.ts";
import { MODELS_PREFIX } from "./published-model.ts";
import { VllmWorkerRouterLess } from "./routerless-worker.ts";
import { ServedModels } from "./served-models.ts";

/** How long before its deadline the server stops waiting for answers in flight and ends them. */
const LAST_WORDS_MS = 1000;

export class Frontend extends Service<PreparedAccess> {
  config = configured(FrontendConfig);
  processor = depends(Processor);
  workerRouterless = depends(VllmWorkerRouterLess);

  static override readonly startsEarly = true; // `/live` and honest 503s, while a model loads

  #models!: ServedModels;
  #server: HttpServer | undefined;
  #keyWatch: Timer | undefined;

  static override prepare = prepareAccess;
  static override validate = validateFrontend;

  override async start(): Promise<void> {
    const { clock } = this.context;
    this.#models = new ServedModels(clock);
    const [{ createApp }, { listen }] = await Promise.all([
      import("../openai/app.ts"),
      import("../http/listen.ts"),
      this.#followModels(),
    ]);
    const { host, port, maxBodyMib } = this.config;
    const admission = openAccess(this.config, this.context.prepared, { clock, log: this.log });
    this.#keyWatch = admission.keys?.watch();
    const app = createApp(this.#backend(), {
      clock,
      admission,
      log: this.log,
      server: this.context.instanceId,
      maxBodyBytes: Math.floor(maxBodyMib * 2 ** 20),
    });
    this.#server = listen(app, { host, port, clock, limits: limitsOf(this.config) });
    this.log.info("listening", { url: this.#server.url });
  }

  override async stop(remainingMs: number): Promise<void> {
    this.#keyWatch?.cancel();
    await this.#server?.stop(Math.max(0, remainingMs - LAST_WORDS_MS));
  }

  #backend(): OpenAIBackend {
    const chats = isLinked(this.processor) ? this.processor : this.workerRouterless;
    const service = isLinked(this.processor) ? "Processor" : "VllmWorkerRouterLess";
    const { endpoint = `${this.context.namespace}.${service}.chat/completions` } = this.config;
    const dispatch = new FrontendDispatch({
      ...{ service, log: this.log, clock: this.context.clock },
      instances: () => chats.instances,
      ping: (instance) => chats.at(instance).limits(),
      waitMs: () => this.#models.waitMs,
    });
    this.follow(chats.watchInstances(), (live) => dispatch.setLive(live));
    return {
      models: () => this.#served(),
      whenServed: (signal) => this.#models.whenServed(signal),
      endpoints: () => (this.#models.current ? [`dyn://${endpoint}`] : []),
      chat: (request, requestId) =>
        dispatch.run(request, (at) => chats.at(at)["chat/completions"](request, requestId)),
      complete: (request, requestId) =>
        dispatch.run(request, (at) => chats.at(at).completions(request, requestId)),
      metrics: () => this.context.scrape(),
      settings: this.context.settings,
      kvEvents: () =>
        isLinked(this.processor)
          ? this.processor.kvEvents()
          : this.workerRouterless.all().kvEvents(),
    };
  }

  /** The names of the model, for as long as a processor says that it can route to a worker. */
  #served(): readonly ServedModel[] {
    const { current } = this.#models;
    if (!current) return [];
    const { name, aliases, created, maxModelLen } = current;
    const names = new Set([this.config.servedModelName ?? name, ...aliases]);
    return [...names].map((id) => ({ id, created, maxModelLen }));
  }

  async #followModels(): Promise<void> {
    const published = this.context.registry.mirror(MODELS_PREFIX);
    const base = await published.next();
    if (!base.done) this.#models.update(base.value);
    this.follow(published, (update) => this.#models.update(update));
  }
}

/** What all clients of a frontend may hold together. */
function limitsOf({ maxBodyMib, maxConnections }: FrontendConfig): Partial<HttpLimits> {
  const room = connectionsWithin(descriptorLimit() ?? Infinity);
  return {
    maxConnections: Math.min(maxConnections, room),
    maxBodiesBytes: Math.max(DEFAULT_LIMITS.maxBodiesBytes, 4 * maxBodyMib * 2 ** 20),
  };
}
