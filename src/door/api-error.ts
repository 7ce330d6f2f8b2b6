// Errors as OpenAI's clients know them. Failures of the rooms behind arrive as DynamoErrors and are
// told apart by code; what has no place in the table is a 500 that says nothing of our insides.

import { DynamoError, type ErrorDetails, errorCode } from "../base/error.ts";
import { HttpFault } from "../http/fault.ts";

export interface ApiErrorOptions {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** The field at fault, as `messages[0].content`. */
  readonly param?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Plain values behind the message, as counts. */
  readonly details?: ErrorDetails;
}

/** Statuses of what may be sent again in a moment. */
const RETRIED: ReadonlySet<number> = new Set([429, 503]);

/** An answer that is an error. Its message is meant for the client. */
export class ApiError extends DynamoError {
  override readonly code: string;
  readonly status: number;
  readonly param: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(options: ApiErrorOptions) {
    super(options.message, options.details);
    this.status = options.status;
    this.code = options.code;
    this.param = options.param;
    this.headers = options.headers ?? (RETRIED.has(options.status) ? { "retry-after": "1" } : {});
  }

  get type(): string {
    if (this.status === 429) return "rate_limit_error";
    return this.status >= 500 ? "server_error" : "invalid_request_error";
  }
}

/** `parameter`: the field that carries the prompt, which is at fault when the context overflows. */
export function toApiError(error: unknown, parameter?: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof HttpFault) return new ApiError(error);
  const code = errorCode(error);
  if (OVERLOADED.has(code)) return overloaded(code);
  if (error instanceof DynamoError && code === "context_length_exceeded") {
    const { details } = error;
    const message = overflowMessage(error);
    return new ApiError({ status: 400, code, message, param: parameter, details });
  }
  if (error instanceof DynamoError && REFUSED_FORMS.has(code)) return refusedForm(error);
  if (error instanceof DynamoError && code === "invalid_request")
    return refusedField(error, parameter);
  const status = TOLD.get(code);
  if (status !== undefined && error instanceof DynamoError) {
    return told(error, status);
  }
  return new ApiError({
    status: 500,
    code: "internal_error",
    message: "The server failed while it worked on this request. Its log has the reason.",
  });
}

function refusedForm({ code, message, details: { param } }: DynamoError): ApiError {
  const field = typeof param === "string" ? param : undefined;
  return new ApiError({ status: 400, code, message: `${message}.`, param: field });
}

/** The rooms behind know one prompt, whatever route it came by. */
function refusedField({ message, details: { param } }: DynamoError, promptField?: string) {
  const field = typeof param === "string" ? param : undefined;
  return new ApiError({
    ...{ status: 400, code: "invalid_value", message },
    param: field === "prompt" ? promptField : field,
  });
}

/** The error event of a stream that has begun: the client has a part of its answer. */
export function toStreamError(error: unknown): ApiError {
  const apiError = toApiError(error);
  return OVERLOADED.has(apiError.code) ? cutStream(apiError.code) : apiError;
}

export function invalidRequest(code: string, message: string, param?: string): ApiError {
  return new ApiError({ status: 400, code, message, param });
}

/** Forms of answers that cannot be held: the message names the place in the schema, or in the grammar. */
const REFUSED_FORMS = new Set(["grammar_invalid", "grammar_unsupported", "grammar_too_complex"]);

/** Codes of errors whose message is meant for the client. The same request gets the same 500 again. */
const TOLD: ReadonlyMap<string, number> = new Map([
  ["no_such_setting", 404],
  ["no_such_instance", 404],
  ["instance_not_ready", 409],
  ["invalid_setting", 400],
  ["state_file", 500],
  ["invalid_logits", 500],
  ["grammar_dead_end", 400],
  ["grammar_broken", 500],
  ["grammar_failed", 500],
  ["request_kills_workers", 500],
  ["slow_reader", 503],
  ["too_many_sequences", 429],
  ["queue_full", 429],
  ["template_error", 500],
  ["encode_failed", 500],
]);

/** Codes of a server that is well but cannot take this request now. */
const OVERLOADED = new Set([
  "no_workers",
  "mailbox_full",
  "engine_full",
  "memory_short",
  "text_queue_full",
  "workers_busy",
  "actor_down",
  "actor_stopping",
  "server_shutdown",
  "cancelled",
]);

/** The answer took longer than the server lets one take. */
export function requestTimeout(): ApiError {
  return new ApiError({
    status: 504,
    code: "answer_timeout",
    message:
      "The answer took longer than this server allows (request-timeout-ms). Ask for fewer tokens, or try again when it has less to do.",
  });
}

export function overloaded(code: string): ApiError {
  return new ApiError({
    status: 503,
    code,
    message: `The server cannot take this request now (${code}). Try again in a moment.`,
  });
}

function cutStream(code: string): ApiError {
  const cause = CUT_BY[code] ?? `The server cannot go on with this answer (${code})`;
  const message = `${cause}, and this is how far it came. Send the request again.`;
  return new ApiError({ status: 503, code, message });
}

const CUT_BY: Readonly<Record<string, string>> = {
  server_shutdown: "The server is about to end",
  actor_down: "The worker of this answer has ended",
};

/** A template's file is for the log; clients get the reason alone. */
function told({ code, message, details }: DynamoError, status: number): ApiError {
  const { retry_after_s: retryAfterS } = details;
  const reason = `This model's chat template cannot be used: ${details["reason"]}.`;
  return new ApiError({
    ...{ status, code, message: code === "template_error" ? reason : message },
    ...(status === 500 && { headers: NO_RETRY }),
    ...(retryAfterS !== undefined && { headers: { "retry-after": String(retryAfterS) } }),
  });
}

/** OpenAI's clients repeat a request after a 5xx, but for this header. */
const NO_RETRY = { "x-should-retry": "false" };

function overflowMessage(error: DynamoError): string {
  const { prompt_tokens, max_tokens, max_model_len } = error.details;
  if (typeof max_model_len !== "number") return error.message;
  const completion = typeof max_tokens === "number" ? `, ${max_tokens} for the completion` : "";
  return (
    `This model's context is ${max_model_len} tokens, but the request needs more ` +
    `(${prompt_tokens} in the prompt${completion}). Shorten the prompt or lower max_tokens.`
  );
}
