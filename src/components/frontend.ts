// Frontend: the OpenAI door. It parses nothing itself: src/openai does, and gets handlers from here.
//
//   HTTP --> Frontend --chat, completions--> Processor, or a worker that serves chats itself
//            (models/ in the registry say which of them can be routed to)

import {
  type ConfigProblem,
  configured,
  depends,
  type GraphView,
  isLinked,
  parseAddress,
  Service,
} from "dynamo";
import * as v from "valibot";

import { DynamoError } from "../base/error.ts";
import type { HttpServer } from "../http/listen.ts";
import type { OpenAIBackend, ServedModel } from "../openai/backend.ts";
import { key, port } from "./fields.ts";
import { FrontendDispatch } from "./frontend-dispatch.ts";
import { Processor } from "./processor.ts";
import { MODELS_PREFIX } from "./published-model.ts";
import { VllmWorkerRouterLess } from "./routerless-worker.ts";
import { ServedModels } from "./served-models.ts";

export const FrontendConfig = v.strictObject({
  servedModelName: key(
    "The name that clients ask for. Default: the last part of the processor's model.",
    v.optional(v.string()),
  ),
  endpoint: key(
    "Where chats go: namespace.Service.endpoint, as `dynamo.Processor.chat/completions`. Default: what is linked.",
    v.optional(v.string()),
  ),
  host: key("0.0.0.0 lets other machines in.", v.optional(v.string(), "127.0.0.1")),
  port: key("0 is any free port.", v.optional(port, 8000)),
  maxBodyMib: key(
    "Larger bodies are refused with 413.",
    v.optional(v.pipe(v.number(), v.minValue(0.001), v.maxValue(1024)), 16),
  ),
});

/** How long before its deadline the server stops waiting for answers in flight and ends them. */
const LAST_WORDS_MS = 1000;

export class Frontend extends Service {
  config = configured(FrontendConfig);
  processor = depends(Processor);
  workerRouterless = depends(VllmWorkerRouterLess);

  static override readonly startsEarly = true; // `/live` and honest 503s, while a model loads

  #models!: ServedModels;
  #server: HttpServer | undefined;

  static override validate(config: v.InferOutput<typeof FrontendConfig>, graph: GraphView) {
    return config.endpoint === undefined ? [] : validateEndpoint(config.endpoint, graph);
  }

  override async start(): Promise<void> {
    const { clock } = this.context;
    this.#models = new ServedModels(clock);
    const [{ createApp }, { listen }] = await Promise.all([
      import("../openai/app.ts"),
      import("../http/listen.ts"),
      this.#followModels(),
    ]);
    const { host, port, maxBodyMib } = this.config;
    const app = createApp(this.#backend(), {
      clock,
      log: this.log,
      server: this.context.instanceId,
      maxBodyBytes: Math.floor(maxBodyMib * 2 ** 20),
    });
    this.#server = listen(app, { host, port, clock });
    this.log.info("listening", { url: this.#server.url });
  }

  override async stop(remainingMs: number): Promise<void> {
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
      whenServed: () => this.#models.whenServed(),
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

function validateEndpoint(endpoint: string, graph: GraphView): readonly ConfigProblem[] {
  const problem = (message: string) => [{ key: "endpoint", message }];
  const self = graph.services.find(({ name }) => name === graph.service);
  let address: ReturnType<typeof parseAddress>;
  try {
    address = parseAddress(endpoint, self?.namespace ?? "");
  } catch (error) {
    if (error instanceof DynamoError) return problem(error.message);
    throw error;
  }
  const linked = self?.edges.get("processor") ?? self?.edges.get("workerRouterless");
  const target = graph.services.find(({ name }) => name === address.component);
  if (!target || linked !== target.name) {
    return problem(`${address.component} is not what ${graph.service} is linked to: ${linked}`);
  }
  if (target.namespace !== address.namespace) {
    return problem(
      `${target.name} is in the namespace ${target.namespace}, not ${address.namespace}`,
    );
  }
  if (!target.endpoints.includes(address.endpoint)) {
    const known = target.endpoints.join(", ");
    return problem(`${target.name} has no endpoint ${address.endpoint}; it has: ${known}`);
  }
  return [];
}
