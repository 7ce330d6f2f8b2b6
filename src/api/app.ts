// All APIs at one door: their routes, and what every request passes on its way to one.

import { adminRoutes } from "../admin/routes.ts";
import { anthropicRoutes } from "../anthropic/routes.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ApiError } from "../door/api-error.ts";
import { type Answer, type ApiRoute, get, type Handler } from "../door/api-route.ts";
import type { OpenAIBackend } from "../door/backend.ts";
import { Exchange } from "../door/exchange.ts";
import { FailureLog } from "../door/failure-log.ts";
import type { AppContext } from "../door/generate.ts";
import { jsonOf, type ParseBody } from "../door/json-body.ts";
import { KeyLimiter } from "../door/key-limits.ts";
import { FrontendMetrics } from "../door/metrics.ts";
import { withLogLine } from "../door/request-log.ts";
import { whenAdmitted } from "../door/when-admitted.ts";
import type { AdmissionPolicy } from "../http/admission.ts";
import { type HttpFault, overloaded } from "../http/fault.ts";
import type { Connection, HttpRequest } from "../http/incoming-request.ts";
import type { ServedApp } from "../http/listen.ts";
import { type Match, pathOf, Router } from "../http/router.ts";
import { ollamaRoutes } from "../ollama/routes.ts";
import { openAIRoutes } from "../openai/routes.ts";
import { responsesRoutes } from "../responses/routes.ts";
import { openApiRoute } from "./openapi.ts";

export interface AppOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxBodyBytes?: number;
  /** Default: bodies are parsed in the thread of the caller. */
  readonly parseBody?: ParseBody;
  /** How long a client may read nothing of its stream before it is cut. */
  readonly stallMs?: number;
  /** Clients of all API keys find each other's prefixes. Default: those of one key only. */
  readonly sharesPrefixCache?: boolean;
  /** An answer that takes longer ends with 504. Default: no limit. */
  readonly requestTimeoutMs?: number | undefined;
  /** Status of a refusal because the queue is full. Default: 429. */
  readonly overloadStatus?: number | undefined;
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
    isDraining: false,
    clock: options.clock,
    log: options.log,
    parseBody: options.parseBody ?? jsonOf,
    maxBodyBytes: options.maxBodyBytes ?? 16 * 2 ** 20,
    stallMs: options.stallMs ?? 30_000,
    sharesPrefixCache: options.sharesPrefixCache ?? false,
    requestTimeoutMs: options.requestTimeoutMs,
    keyLimits: new KeyLimiter(options.clock),
  };
  const routes = routesOf(context);
  const router = new Router(routes);
  const parts = new Map(routes.map((route) => [route.path, route]));
  const { admission = LOCALHOST, server = 0, log, clock, overloadStatus } = options;
  const own = { server, failures: new FailureLog(log, clock), overloadStatus };
  const logged = (exchange: Exchange) =>
    withLogLine(exchange, options, () => answer({ context, router, parts, admission }, exchange));
  return {
    fetch: (request, connection = LOCAL) => logged(new Exchange(request, connection, own)),
    refuse: (fault) => new Exchange(UNREADABLE, LOCAL, own).error(fault),
    drain: () => {
      context.isDraining = true;
      for (const open of [...context.open]) if (open.isEndless) open.shutDown();
    },
    endAnswers: () => {
      for (const open of [...context.open]) open.shutDown();
    },
  };
}

const LOCAL: Connection = { number: 0, peer: "127.0.0.1", isSpare: false };
const LOCALHOST: AdmissionPolicy = {
  hosts: { listensOn: "localhost", allowed: [] },
  origins: [],
  keys: undefined,
};
/** In place of a request that is none. */
const UNREADABLE = new Request("http://nameless/");

function routesOf(context: AppContext): readonly ApiRoute[] {
  const routes = [
    ...openAIRoutes(context),
    ...responsesRoutes(context),
    ...anthropicRoutes(context),
    ...ollamaRoutes(context),
    ...adminRoutes(context),
    get("/", (exchange) => exchange.json(WELCOME), { summary: "What this server is." }),
  ];
  return [...routes, openApiRoute(routes)];
}

const WELCOME = {
  name: "dynamo",
  message:
    "An LLM server with OpenAI's API: its base URL is this one with /v1. Anthropic's and ollama's have this one.",
  routes: [
    ...["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/models", "/v1/messages"],
    ...["/api/chat", "/health", "/live", "/metrics"],
  ],
};

interface Door {
  readonly context: Pick<AppContext, "isDraining">;
  readonly router: Router<Handler>;
  /** By path. */
  readonly parts: ReadonlyMap<string, Pick<ApiRoute, "access" | "errors">>;
  readonly admission: AdmissionPolicy;
}

/** Every answer, also to a path or method that is not served, bears an id. Paths that are no route are for clients. */
async function answer(
  { context, router, parts, admission }: Door,
  exchange: Exchange,
): Promise<Response> {
  const path = pathOf(exchange.request.url);
  const match = router.match(path);
  const { access = "client", errors } = parts.get(match?.route ?? "") ?? {};
  if (errors) exchange.errors = errors;
  try {
    return await whenAdmitted(exchange, {
      access,
      admission,
      allow: path === "*" ? EVERY_METHOD : match?.allow,
      answer() {
        if (access === "client" && exchange.connection.isSpare) throw tooManyConnections();
        if (access === "client" && context.isDraining) throw draining();
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

const EVERY_METHOD = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

function tooManyConnections(): HttpFault {
  return overloaded("The server has as many connections as it takes.");
}

function draining(): ApiError {
  return new ApiError({
    status: 503,
    code: "server_shutdown",
    message:
      "The server is about to end and takes no new requests. Send it to another, or again in a moment.",
    headers: { "retry-after": "1", connection: "close" },
  });
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
