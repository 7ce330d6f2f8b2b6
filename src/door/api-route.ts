// A line of the table of routes.

import type { GenericSchema } from "valibot";

import type { Access } from "../http/admission.ts";
import type { ErrorShape } from "./error-shape.ts";
import type { Exchange } from "./exchange.ts";

export type Answer = Response | Promise<Response>;
export type Handler = (exchange: Exchange, param: (name: string) => string) => Answer;

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly handler: Handler;
  /** Default: `client`. The same for all methods of a path. */
  readonly access?: Access;
  /** Default: OpenAI's. The same for all methods of a path. */
  readonly errors?: ErrorShape;
  /** For `/openapi.json`: one sentence, and what checks the body. */
  readonly summary?: string;
  readonly body?: GenericSchema;
}

type RouteParts = Pick<ApiRoute, "access" | "errors" | "summary" | "body">;

export function get(path: string, handler: Handler, parts: RouteParts = {}): ApiRoute {
  return { method: "GET", path, handler, ...parts };
}

export function post(path: string, handler: Handler, parts: RouteParts = {}): ApiRoute {
  return { method: "POST", path, handler, ...parts };
}

export function del(path: string, handler: Handler, parts: RouteParts = {}): ApiRoute {
  return { method: "DELETE", path, handler, ...parts };
}
