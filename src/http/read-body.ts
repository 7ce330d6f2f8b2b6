// The body of a request, unpacked, and never more of it than allowed.

import { codingOf, unpack } from "./content-coding.ts";
import { bodyTooLarge } from "./fault.ts";
import { type HttpRequest, IncomingRequest } from "./incoming-request.ts";

/** Once for each request. Throws `HttpFault`. */
export async function readBody(request: HttpRequest, maxBytes: number): Promise<Buffer> {
  const coding = codingOf(request.headers.get("content-encoding"));
  try {
    const body = await readBytes(request, maxBytes);
    return coding ? await unpack(body, coding, maxBytes) : body;
  } finally {
    if (request instanceof IncomingRequest) request.release();
  }
}

async function readBytes(request: HttpRequest, maxBytes: number): Promise<Buffer> {
  if (request instanceof IncomingRequest) return await request.read(maxBytes);
  if (!(request instanceof Request)) return Buffer.alloc(0);
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > maxBytes) throw bodyTooLarge(maxBytes);
  return body;
}
