// Bodies that clients have compressed. No more is unpacked than a body may have bytes.

import { brotliDecompress, gunzip, inflate } from "node:zlib";

import { bodyTooLarge, HttpFault, malformed } from "./fault.ts";

type Unpack = typeof gunzip;

const CODINGS: Readonly<Record<string, Unpack | undefined>> = {
  gzip: gunzip,
  "x-gzip": gunzip,
  deflate: inflate,
  br: brotliDecompress as Unpack,
};

/** What unpacks a body of this Content-Encoding; `undefined` if there is nothing to do. Throws `HttpFault` (415). */
export function unpackerOf(coding: string | null): Unpack | undefined {
  const name = coding?.toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return undefined;
  const unpack = Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined;
  if (unpack) return unpack;
  throw new HttpFault({
    status: 415,
    code: "unsupported_content_encoding",
    message: "This server unpacks gzip, deflate and br, one of them at a time.",
    headers: { "accept-encoding": "gzip, deflate, br" },
  });
}

/** Throws `HttpFault`: 413 beyond `maxBytes`, 400 for what is not in this coding. */
export async function unpack(packed: Buffer, by: Unpack, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  by(packed, { maxOutputLength: maxBytes }, (error, body) => {
    if (!error) resolve(body);
    else if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE")
      reject(bodyTooLarge(maxBytes));
    else reject(malformed("The body is not in its Content-Encoding."));
  });
  return promise;
}
