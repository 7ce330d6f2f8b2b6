// The body of a request as JSON, never holding more bytes than allowed.

import type { HttpRequest } from "../http/incoming-request.ts";
import { readBody } from "../http/read-body.ts";
import { invalidRequest } from "./api-error.ts";
import { excessOf, MAX_COMMAS, MAX_DEPTH, MAX_PARTS } from "./json-size.ts";
import { parseJson } from "./parse-json.ts";

export async function readJson(request: HttpRequest, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  refuseExcess(text);
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
