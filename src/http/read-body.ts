// The body of a request, unpacked, and never more of it than allowed.

import { codingOf, unpack } from "./content-coding.ts";
import { bodyTooLarge } from "./fault.ts";
import { type HttpRequest, IncomingRequest } from "./incoming-request.ts";

/** Hands the body to `use`, and keeps its bytes charged until that is done. Once for each request. Throws `HttpFault`. */
export async function withBody<T>(
  request: HttpRequest,
  maxBytes: number,
  use: (body: Buffer) => T | Promise<T>,
): Promise<T> {
  const coding = codingOf(request.headers.get("content-encoding"));
  try {
    const body = await readBytes(request, maxBytes);
    return await use(coding ? await unpack(body, coding, maxBytes) : body);
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
