// The body of a request, never more of it than allowed.

import { bodyTooLarge } from "./fault.ts";
import { type HttpRequest, IncomingRequest } from "./incoming-request.ts";

/** Once for each request. Throws `HttpFault`. */
export async function readBody(request: HttpRequest, maxBytes: number): Promise<Buffer> {
  if (request instanceof IncomingRequest) return await request.read(maxBytes);
  if (!(request instanceof Request) || request.body === null) return Buffer.alloc(0);
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > maxBytes) throw bodyTooLarge(maxBytes);
  return body;
}
