// The body of a request as JSON, never holding more bytes than allowed.

import type { HttpRequest } from "../http/incoming-request.ts";
import { readBody } from "../http/read-body.ts";
import { invalidRequest } from "./api-error.ts";
import { parseJson } from "./parse-json.ts";

export async function readJson(request: HttpRequest, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
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
