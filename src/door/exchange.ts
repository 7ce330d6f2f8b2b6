// One HTTP request and the answers that every route can give to it.

import { DynamoError } from "../base/error.ts";
import type { LogFields } from "../base/log.ts";
import { type ApiKey, type LimitedClient, tenantOf } from "../http/api-key.ts";
import type { Connection, HttpRequest } from "../http/incoming-request.ts";
import { type Pump, StreamingResponse } from "../http/streaming-response.ts";
import { ApiError, toApiError, toStreamError } from "./api-error.ts";
import { type ErrorShape, openAIErrors } from "./error-shape.ts";
import type { FailureLog } from "./failure-log.ts";
import { SERVER_SENT_EVENTS, type StreamKind } from "./stream-kind.ts";

export interface ExchangeOptions {
  /** Sets its connections apart from those of other servers of the same workers. */
  readonly server: number;
  readonly failures: FailureLog;
  /** Status of a refusal because the queue is full. Default: 429. */
  readonly overloadStatus?: number | undefined;
}

export class Exchange {
  readonly request: HttpRequest;
  /** The client's `x-request-id`, or one of ours. For people and logs: a client may send it twice. */
  readonly requestId: string;
  readonly connection: Connection;
  /** The scheduler shares out by tenant: the client's key, or its connection if it has none. */
  tenant: number;
  /** The client, if its key has limits. */
  client: LimitedClient | undefined;
  /** Whose what is kept for later is: all clients without a key are one. */
  owner = 0;
  /** The client's key's; undefined for clients without one. */
  keyName: string | undefined;
  /** As the route's API has them. */
  errors: ErrorShape = openAIErrors;
  /** For the log: what the route knows of its answer. */
  facts: LogFields = {};
  readonly #failures: FailureLog;
  readonly #overloadStatus: number | undefined;
  #streamed: (() => void) | undefined;
  readonly #headers: Record<string, string>;

  constructor(
    request: HttpRequest,
    connection: Connection,
    { server, failures, overloadStatus }: ExchangeOptions,
  ) {
    const given = request.headers.get("x-request-id");
    this.request = request;
    this.requestId =
      given !== null && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
    this.connection = connection;
    this.tenant = server * 2 ** 32 + connection.number;
    this.#failures = failures;
    this.#overloadStatus = overloadStatus;
    this.#headers = { "x-request-id": this.requestId };
  }

  /** It is one of the key's clients. */
  admit(key: ApiKey): void {
    this.tenant = tenantOf(key);
    this.owner = this.tenant;
    this.keyName = key.name;
    this.client = key.limits && { name: key.name, limits: key.limits };
  }

  /** For the answer, whatever it will be. */
  addHeaders(headers: Readonly<Record<string, string>>): void {
    Object.assign(this.#headers, headers);
  }

  /** Names the fields that were not understood, in a header of the answer. */
  reportIgnored(names: readonly string[]): void {
    if (names.length === 0) return;
    const shown = names.slice(0, 32).map((name) => name.slice(0, 64).replace(/[^\w.[\]-]/g, "?"));
    this.#headers["x-dynamo-ignored-params"] = shown.join(", ");
  }

  json(body: object, status = 200): Response {
    return Response.json(body, { status, headers: this.#headers });
  }

  text(body: string, contentType: string): Response {
    return new Response(body, { headers: { ...this.#headers, "content-type": contentType } });
  }

  events(pump: Pump, kind: StreamKind = SERVER_SENT_EVENTS): Response {
    const headers = {
      ...this.#headers,
      "content-type": kind.contentType,
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    };
    return new StreamingResponse(this.#watched(pump), { headers, heartbeat: kind.heartbeat });
  }

  /** Calls `receive` when the last event of a stream is written, or its client is gone. */
  whenStreamed(receive: () => void): void {
    this.#streamed = receive;
  }

  /** 204: all there is to say is in the headers. */
  nothing(headers: Readonly<Record<string, string>> = {}): Response {
    return new Response(null, { status: 204, headers: { ...this.#headers, ...headers } });
  }

  error(error: unknown, parameter?: string): Response {
    const apiError = this.#withStatus(this.#logged(error, toApiError(error, parameter)));
    const headers = { ...this.#headers, ...apiError.headers };
    return Response.json(this.errors.body(apiError, this.requestId), {
      status: this.errors.statusOf?.(apiError) ?? apiError.status,
      headers,
    });
  }

  /** An error in the middle of a stream, whose status line has long been sent. */
  errorEvent(error: unknown, write: ErrorShape["event"] = this.errors.event): string {
    return write(this.#logged(error, toStreamError(error)), this.requestId);
  }

  /** For a client that is gone, and will not read it; nginx's number. */
  clientGone(): Response {
    return new Response(null, { status: 499 });
  }

  /** Expected failures, as a slow reader, have been logged by those who threw them. */
  #watched(pump: Pump): Pump {
    return async (sink) => {
      try {
        await pump(sink);
      } catch (error) {
        if (!(error instanceof DynamoError)) this.#logged(error, toApiError(error));
        throw error;
      } finally {
        this.#streamed?.();
      }
    };
  }

  /** A full queue has the status that this server's clients know for it. */
  #withStatus(apiError: ApiError): ApiError {
    const status = this.#overloadStatus;
    if (status === undefined || apiError.code !== "queue_full") return apiError;
    const { code, message, param, headers, details } = apiError;
    return new ApiError({ status, code, message, param, headers, details });
  }

  /** A failure of the server is logged under the request's id. */
  #logged(error: unknown, apiError: ApiError): ApiError {
    if (apiError.status >= 500) this.#failures.report(this.requestId, error, apiError);
    return apiError;
  }
}
