// The body of a request as JSON, never holding more bytes than allowed.

import { ApiError, invalidRequest } from "./api-error.ts";
import { parseJson } from "./parse-json.ts";

export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  try {
    return parseJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : "unreadable";
    throw invalidRequest("invalid_json", `The body is not valid JSON: ${reason}`);
  }
}

/** A stated length is believed, since the HTTP parser holds the client to it; a chunked body is counted. */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  const length = request.headers.get("content-length");
  if (length !== null) {
    if (Number(length) > maxBytes) throw tooLarge(maxBytes);
    return request.text();
  }
  if (!request.body) return "";
  const chunks: Uint8Array[] = [];
  let numBytes = 0;
  for await (const chunk of request.body) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

// The connection stays: Bun reads the rest and drops it, so the client gets to see this answer instead of a reset.
function tooLarge(maxBytes: number): ApiError {
  return new ApiError({
    status: 413,
    code: "request_too_large",
    message: `The body is larger than the ${maxBytes} bytes that this server takes.`,
  });
}
