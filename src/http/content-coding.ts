// Bodies that clients have compressed. No more is unpacked than a body may have bytes.

import { bodyTooLarge, HttpFault, malformed } from "./fault.ts";
import { Turns } from "./turns.ts";

type Zlib = typeof import("node:zlib");
type Arguments = [
  packed: Buffer,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, body: Buffer) => void,
];

const UNPACKERS = {
  gzip: (zlib: Zlib, ...args: Arguments) => zlib.gunzip(...args),
  "x-gzip": (zlib: Zlib, ...args: Arguments) => zlib.gunzip(...args),
  deflate: (zlib: Zlib, ...args: Arguments) => zlib.inflate(...args),
  br: (zlib: Zlib, ...args: Arguments) => zlib.brotliDecompress(...args),
};

/** Each has a thread of its own while it runs, and memory of its own for all that it unpacks. */
const turns = new Turns(4);

/** A coding that this server unpacks. */
export type Coding = keyof typeof UNPACKERS;

/** The coding that a Content-Encoding names; `undefined` if there is nothing to do. Throws `HttpFault` (415). */
export function codingOf(header: string | null): Coding | undefined {
  const name = header?.toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return undefined;
  if (isCoding(name)) return name;
  throw new HttpFault({
    status: 415,
    code: "unsupported_content_encoding",
    message: "This server unpacks gzip, deflate and br, one of them at a time.",
    headers: { "accept-encoding": "gzip, deflate, br" },
  });
}

/** Throws `HttpFault`: 413 beyond `maxBytes`, 400 for what is not in this coding. */
export function unpack(packed: Buffer, coding: Coding, maxBytes: number): Promise<Buffer> {
  return turns.run(() => unpackNow(packed, coding, maxBytes));
}

async function unpackNow(packed: Buffer, coding: Coding, maxBytes: number): Promise<Buffer> {
  const zlib = await import("node:zlib"); // Loading it takes 25 ms, which few servers need.
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  UNPACKERS[coding](zlib, packed, { maxOutputLength: maxBytes }, (error, body) => {
    if (!error) resolve(body);
    else if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE")
      reject(bodyTooLarge(maxBytes));
    else reject(malformed("The body is not in its Content-Encoding."));
  });
  return promise;
}

function isCoding(name: string): name is Coding {
  return Object.hasOwn(UNPACKERS, name);
}
