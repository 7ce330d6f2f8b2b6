// The body of a request as JSON, never holding more bytes than allowed.

import type { HttpRequest } from "../http/incoming-request.ts";
import { readBody } from "../http/read-body.ts";
import { invalidRequest } from "./api-error.ts";
import { isDeeperThan } from "./json-depth.ts";
import { parseJson } from "./parse-json.ts";

/** No request needs more, and what walks a body may do so by recursion. */
const MAX_DEPTH = 64;

export async function readJson(request: HttpRequest, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  if (isDeeperThan(MAX_DEPTH, text)) {
    throw invalidRequest("json_too_deep", `The body is nested deeper than ${MAX_DEPTH} levels.`);
  }
  try {
    return parseJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : "unreadable";
    throw invalidRequest("invalid_json", `The body is not valid JSON: ${reason}`);
  }
}

export async function readText(request: HttpRequest, maxBytes: number): Promise<string> {
  return (await readBody(request, maxBytes)).toString();
}
