// The body of a request as JSON, never holding more bytes than allowed.

import type { HttpRequest } from "../http/incoming-request.ts";
import { withBody } from "../http/read-body.ts";
import { invalidRequest } from "./api-error.ts";
import { excessOf, MAX_COMMAS, MAX_DEPTH, MAX_PARTS } from "./json-size.ts";
import { parseJson } from "./parse-json.ts";
import { keepRawTexts, type RawText, rawTextsOf } from "./raw-json.ts";

/** The client of a body. */
export interface BodyClient {
  readonly tenant: number;
  /** Aborted when it is gone. */
  readonly signal: AbortSignal;
}

/** Throws, or rejects with, `ApiError`. `bytes` may be of no use afterwards. */
export type ParseBody = (bytes: Buffer, client: BodyClient) => unknown;

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly parseBody: ParseBody;
}

export function readJson(
  { request, tenant }: { readonly request: HttpRequest; readonly tenant: number },
  { maxBodyBytes, parseBody }: BodyLimits,
): Promise<unknown> {
  const client = { tenant, signal: request.signal };
  return withBody(request, maxBodyBytes, (bytes) => parseBody(bytes, client));
}

export function readText(request: HttpRequest, maxBytes: number): Promise<string> {
  return withBody(request, maxBytes, (bytes) => bytes.toString());
}

/** Parses in the thread that calls it. Throws `ApiError`. */
export function jsonOf(bytes: Buffer): unknown {
  const { value, raw } = parsedBody(bytes);
  keepRawTexts(value, raw);
  return value;
}

/** For another thread, which is to call `keepRawTexts`. Throws `ApiError`. */
export function parsedBody(bytes: Buffer): { value: unknown; raw: readonly RawText[] } {
  const text = bytes.toString();
  refuseExcess(text);
  try {
    return { value: parseJson(text), raw: rawTextsOf(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : "unreadable";
    throw invalidRequest("invalid_json", `The body is not valid JSON: ${reason}`);
  }
}

function refuseExcess(text: string): void {
  switch (excessOf(text)) {
    case "depth":
      throw invalidRequest("json_too_deep", `The body is nested deeper than ${MAX_DEPTH} levels.`);
    case "values":
      throw invalidRequest(
        "json_too_many_values",
        `The body has more than ${MAX_PARTS} lists, objects, keys and strings, or ${MAX_COMMAS} commas. Send less in one request.`,
      );
    default:
  }
}
