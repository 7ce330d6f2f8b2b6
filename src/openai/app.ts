// The OpenAI door: its routes. hono is imported in this file only.
// There is no middleware: a body stream that is touched on its way out loses Bun's direct path.

import { type Context, Hono } from "hono";
import { getPath } from "hono/utils/url";

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { ApiError } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";
import { type Connection, Exchange } from "./exchange.ts";
import { type AppContext, chatRoute, completionRoute, generate } from "./generate.ts";
import { kvEvents } from "./kv-event-route.ts";
import { FrontendMetrics } from "./metrics.ts";
import { changeSetting, listSettings } from "./setting-routes.ts";

export interface AppOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxBodyBytes?: number;
  /** How long a client may read nothing of its stream before it is cut. */
  readonly stallMs?: number;
  /** Sets this server's connections apart from those of others that serve the same workers. */
  readonly server?: number;
}

export interface OpenAIApp {
  /** Without a connection (in tests), idle timeouts are nobody's business. */
  fetch(request: Request, connection?: Connection): Response | Promise<Response>;
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
  const routes: readonly Route[] = [
    {
      method: "POST",
      path: "/v1/chat/completions",
      answer: (x) => generate(context, chatRoute, x),
    },
    {
      method: "POST",
      path: "/v1/completions",
      answer: (x) => generate(context, completionRoute, x),
    },
    { method: "GET", path: "/v1/models", answer: (x) => x.json(modelList(backend)) },
    {
      method: "GET",
      path: "/v1/models/:id{.+}",
      answer: (x, param) => x.json(oneModel(backend, param("id"))),
    },
    { method: "GET", path: "/health", answer: (x) => health(backend, x) },
    { method: "GET", path: "/live", answer: (x) => x.json(LIVE) },
    { method: "GET", path: "/metrics", answer: (x) => metricsText(context, x) },
    { method: "GET", path: "/kv_events", answer: (x) => kvEvents(context, x) },
    { method: "GET", path: "/config", answer: (x) => listSettings(backend.settings, x) },
    {
      method: "PUT",
      path: "/config/:service/:key",
      answer: (x, param) =>
        changeSetting(backend.settings, x, { service: param("service"), key: param("key") }),
    },
  ];
  const hono = honoOf(routes, { server: options.server ?? 0, log: options.log });
  return {
    fetch: (request, connection = UNTIMED) => hono.fetch(request, connection),
    endAnswers: () => {
      for (const answer of [...context.open]) answer.shutDown();
    },
  };
}

interface Route {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** `param`: what a parameter of the path stands for. */
  answer(exchange: Exchange, param: (name: string) => string): Response | Promise<Response>;
}

type Env = { readonly Bindings: Connection };

const LIVE = { status: "live", message: "Service is live" };
const UNTIMED: Connection = { number: 0, isLocal: true, hold() {}, release() {} };

/** Every answer, also to a path or method that nobody serves, has the same shape and bears an id. */
function honoOf(
  routes: readonly Route[],
  context: ConstructorParameters<typeof Exchange>[2],
): Hono<Env> {
  const hono = new Hono<Env>({ getPath: pathOf });
  const exchangeOf = (c: Context<Env>) => new Exchange(c.req.raw, c.env, context);
  for (const { method, path, answer } of routes) {
    hono.on(method, path, (c) => answer(exchangeOf(c), (name) => c.req.param(name) ?? ""));
    hono.all(path, (c) => exchangeOf(c).error(methodNotAllowed(method, c.req.path)));
  }
  hono.notFound((c) => exchangeOf(c).error(routeNotFound(c.req.path)));
  hono.onError((error, c) => exchangeOf(c).error(error));
  return hono;
}

/** Where a request names no host, as HTTP/1.0 allows, Bun's URL is its path alone. */
function pathOf(request: Request): string {
  const { url } = request;
  return getPath(url.startsWith("/") ? new Request(`http://nameless${url}`) : request);
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
  if (backend.models().length === 0) {
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

function methodNotAllowed(allowed: string, path: string): ApiError {
  return new ApiError({
    status: 405,
    code: "method_not_allowed",
    message: `${path} takes ${allowed} only.`,
    headers: { allow: allowed },
  });
}

function routeNotFound(path: string): ApiError {
  return new ApiError({
    status: 404,
    code: "route_not_found",
    message: `There is nothing at ${path.slice(0, 100)}. The API is under /v1.`,
  });
}
