// Which of a frontend's backends a request goes to: the model that it names is served by a service, and the backend is
// that service, or leads to it.

import {
  type Client,
  type Endpoints,
  type InstanceId,
  NoWorkersError,
  type ServiceContext,
} from "dynamo";

import type { Logger } from "../../base/log.ts";
import type { ChatCompletionRequest, CompletionRequest } from "../../protocol/chat.ts";
import type { TextOutput } from "../../protocol/llm.ts";
import type { ChatBackend } from "../chat-backend.ts";
import { reachedFrom } from "../graph-paths.ts";
import { FrontendDispatch } from "./frontend-dispatch.ts";
import type { ServedModels } from "./served-models.ts";

export interface FrontendRoutesOptions {
  readonly context: ServiceContext;
  readonly log: Logger;
  readonly models: ServedModels;
  /** In the order of the graph: of several that lead to a model, the first has its requests. */
  readonly backends: ReadonlyMap<string, Client<ChatBackend>>;
  readonly follow: (
    live: AsyncIterable<readonly InstanceId[]>,
    receive: (live: readonly InstanceId[]) => void,
  ) => void;
}

interface Route {
  readonly name: string;
  readonly client: Client<ChatBackend>;
  readonly dispatch: FrontendDispatch;
}

export class FrontendRoutes {
  readonly #models: ServedModels;
  /** By the service that publishes a model. */
  readonly #routes = new Map<string, Route>();

  constructor(options: FrontendRoutesOptions) {
    this.#models = options.models;
    for (const [name, client] of options.backends) this.#add(name, client, options);
  }

  /** Backends through which a model can be asked for now. */
  live(): readonly string[] {
    const services = [...this.#models.served.values()].map(({ service }) => service);
    return [...new Set(services.flatMap((service) => this.#routes.get(service)?.name ?? []))];
  }

  run(
    request: ChatCompletionRequest | CompletionRequest,
    begin: (backend: Endpoints<ChatBackend>) => AsyncIterableIterator<TextOutput>,
  ): AsyncIterableIterator<TextOutput> {
    const service = this.#models.serviceOf(request.model);
    const route = this.#routes.get(service ?? "");
    if (!route) throw new NoWorkersError(service ?? "ChatBackend");
    const { client, dispatch } = route;
    return dispatch.run(request, (instance) => begin(client.at(instance)));
  }

  #add(name: string, client: Client<ChatBackend>, options: FrontendRoutesOptions): void {
    const { context, log, models, follow } = options;
    const services = reachedFrom(context.graph, name).map((one) => one.name);
    const dispatch = new FrontendDispatch({
      ...{ service: name, log, clock: context.clock },
      instances: () => client.instances,
      ping: (instance) => client.at(instance).ping(),
      waitMs: () => models.waitMs(services),
    });
    follow(client.watchInstances(), (live) => dispatch.setLive(live));
    for (const service of services) {
      if (!this.#routes.has(service)) this.#routes.set(service, { name, client, dispatch });
    }
  }
}
