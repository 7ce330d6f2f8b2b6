// The OpenAI door: its routes, and what every request passes on its way to one.

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Access, AdmissionPolicy } from "../http/admission.ts";
import { type HttpFault, overloaded } from "../http/fault.ts";
import type { Connection, HttpRequest } from "../http/incoming-request.ts";
import type { ServedApp } from "../http/listen.ts";
import { type Match, pathOf, type Route, Router } from "../http/router.ts";
import { ApiError } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";
import { Exchange } from "./exchange.ts";
import { FailureLog } from "./failure-log.ts";
import { type AppContext, chatRoute, completionRoute, generate } from "./generate.ts";
import { kvEvents } from "./kv-event-route.ts";
import { FrontendMetrics } from "./metrics.ts";
import { withLogLine } from "./request-log.ts";
import { changeSetting, listSettings } from "./setting-routes.ts";
import { whenAdmitted } from "./when-admitted.ts";

export interface AppOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxBodyBytes?: number;
  /** How long a client may read nothing of its stream before it is cut. */
  readonly stallMs?: number;
  /** Sets this server's connections apart from those of others that serve the same workers. */
  readonly server?: number;
  /** Admission of requests. Default: those to localhost, without keys. */
  readonly admission?: AdmissionPolicy;
}

export interface OpenAIApp extends ServedApp {
  /** Without a connection (in tests), the client is on this machine. */
  fetch(request: HttpRequest, connection?: Connection): Response | Promise<Response>;
  /** Ends every open answer now: streams with an error event `server_shutdown`, the others with what they have. */
  endAnswers(): void;
}

export function createApp(backend: OpenAIBackend, options: AppOptions): OpenAIApp {
  const context: AppContext = {
    backend,
    metrics: new FrontendMetrics(),
    open: new Set(),
    clock: options.clock,
    log: options.log,
    maxBodyBytes: options.maxBodyBytes ?? 16 * 2 ** 20,
    stallMs: options.stallMs ?? 30_000,
  };
  const router = new Router(routesOf(context));
  const { admission = LOCALHOST, server = 0, log, clock } = options;
  const failures = new FailureLog(log, clock);
  const logged = (exchange: Exchange) =>
    withLogLine(exchange, options, () => answer({ router, admission }, exchange));
  return {
    fetch: (request, connection = LOCAL) =>
      logged(new Exchange(request, connection, { server, failures })),
    refuse: (fault) => new Exchange(UNREADABLE, LOCAL, { server, failures }).error(fault),
    endAnswers: () => {
      for (const open of [...context.open]) open.shutDown();
    },
  };
}

type Answer = Response | Promise<Response>;
type Handler = (exchange: Exchange, param: (name: string) => string) => Answer;

const LOCAL: Connection = { number: 0, peer: "127.0.0.1", isSpare: false };
const LOCALHOST: AdmissionPolicy = {
  hosts: { listensOn: "localhost", allowed: [] },
  origins: [],
  keys: undefined,
};
/** In place of a request that is none. */
const UNREADABLE = new Request("http://nameless/");

function routesOf(context: AppContext): readonly Route<Handler>[] {
  const { backend } = context;
  const get = (path: string, handler: Handler) => ({ method: "GET", path, handler }) as const;
  const post = (path: string, handler: Handler) => ({ method: "POST", path, handler }) as const;
  return [
    post("/v1/chat/completions", (x) => generate(context, chatRoute, x)),
    post("/v1/completions", (x) => generate(context, completionRoute, x)),
    get("/v1/models", (x) => x.json(modelList(backend))),
    get("/v1/models/:id+", (x, param) => x.json(oneModel(backend, param("id")))),
    get("/", (x) => x.json(WELCOME)),
    get("/health", (x) => health(backend, x)),
    get("/live", (x) => x.json(LIVE)),
    get("/metrics", (x) => metricsText(context, x)),
    get("/kv_events", (x) => kvEvents(context, x)),
    get("/config", (x) => listSettings(backend.settings, x)),
    {
      method: "PUT",
      path: "/config/:service/:key",
      handler: (x, param) =>
        changeSetting(backend.settings, x, { service: param("service"), key: param("key") }),
    },
  ];
}

const LIVE = { status: "live", message: "Service is live" };
const WELCOME = {
  name: "dynamo",
  message: "An LLM server with OpenAI's API. Its base URL is this one with /v1.",
  routes: ["/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/live", "/metrics"],
};

/** Access of routes; those that are not here, and paths that are no route, are for clients. */
const ACCESS: ReadonlyMap<string, Access> = new Map([
  ["/health", "open"],
  ["/live", "open"],
  ["/metrics", "operator"],
  ["/kv_events", "operator"],
  ["/config", "operator"],
  ["/config/:service/:key", "operator"],
]);

interface Door {
  readonly router: Router<Handler>;
  readonly admission: AdmissionPolicy;
}

/** Every answer, also to a path or method that is not served, has the same shape and bears an id. */
async function answer({ router, admission }: Door, exchange: Exchange): Promise<Response> {
  const path = pathOf(exchange.request.url);
  const match = router.match(path);
  const access = ACCESS.get(match?.route ?? "") ?? "client";
  try {
    return await whenAdmitted(exchange, {
      access,
      admission,
      allow: path === "*" ? EVERY_METHOD : match?.allow,
      answer() {
        if (access === "client" && exchange.connection.isSpare) throw tooManyConnections();
        return serve(path, match, exchange);
      },
    });
  } catch (error) {
    return exchange.error(error);
  }
}

function serve(path: string, match: Match<Handler> | undefined, exchange: Exchange): Answer {
  const { method } = exchange.request;
  if (path === "*") return exchange.nothing({ allow: EVERY_METHOD });
  if (!match) throw routeNotFound(path);
  if (method === "OPTIONS") return exchange.nothing({ allow: match.allow });
  const handler = match.handlerOf(method);
  if (!handler) throw methodNotAllowed(match, path);
  return handler(exchange, (name) => match.param(name));
}

const EVERY_METHOD = "GET, HEAD, POST, PUT, OPTIONS";

function tooManyConnections(): HttpFault {
  return overloaded("The server has as many connections as it takes.");
}

function modelList(backend: OpenAIBackend): object {
  return { object: "list", data: backend.models().map(modelCard) };
}

function oneModel(backend: OpenAIBackend, id: string): object {
  const model = backend.models().find((served) => served.id === id);
  if (model) return modelCard(model);
  const message = `The model '${id.slice(0, 100)}' does not exist.`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

function modelCard({ id, created, maxModelLen }: ReturnType<OpenAIBackend["models"]>[number]) {
  return { id, object: "model", created, owned_by: "dynamo", max_model_len: maxModelLen };
}

/** Healthy means that a request sent now can be routed. */
function health(backend: OpenAIBackend, exchange: Exchange): Response {
  if (backend.models().length === 0 || backend.isStarting()) {
    return exchange.json({ status: "unhealthy", message: "No endpoints available" }, 503);
  }
  return exchange.json({ status: "healthy", endpoints: backend.endpoints() });
}

/** The frontend's families first; what the rest cannot tell now is missing, and logged. */
async function metricsText({ metrics, backend, log }: AppContext, exchange: Exchange) {
  const own = await metrics.registry.metrics();
  const rest = await backend.metrics().catch((error: unknown) => {
    log.warn("metrics of the services are missing", { error: String(error) });
    return "";
  });
  return exchange.text(own + rest, metrics.registry.contentType);
}

function methodNotAllowed({ allow }: Match<Handler>, path: string): ApiError {
  return new ApiError({
    status: 405,
    code: "method_not_allowed",
    message: `${path.slice(0, 100)} takes ${allow} only.`,
    headers: { allow },
  });
}

function routeNotFound(path: string): ApiError {
  return new ApiError({
    status: 404,
    code: "route_not_found",
    message: `There is nothing at ${path.slice(0, 100)}. The API is under /v1.`,
  });
}
