// Takes the bytes of a body out of what arrives: of a stated length, or chunked (RFC 9112, 7.1).

import { malformed } from "./fault.ts";
import type { BodyFraming } from "./request-head.ts";

export interface BodyDecoder {
  readonly isDone: boolean;
  /** Gives the body's bytes in `bytes` to `take`; returns how many it consumed. Throws `HttpFault`. */
  decode(bytes: Buffer, take: (body: Buffer) => void): number;
}

export function bodyDecoder(framing: BodyFraming): BodyDecoder {
  if (framing.type === "chunked") return new ChunkedDecoder();
  return new LengthDecoder(framing.type === "length" ? framing.numBytes : 0);
}

class LengthDecoder implements BodyDecoder {
  #numLeft: number;

  constructor(numBytes: number) {
    this.#numLeft = numBytes;
  }

  get isDone(): boolean {
    return this.#numLeft === 0;
  }

  decode(bytes: Buffer, take: (body: Buffer) => void): number {
    const body = bytes.subarray(0, this.#numLeft);
    this.#numLeft -= body.length;
    if (body.length > 0) take(body);
    return body.length;
  }
}

/** Longest line of a chunk's size with its extension, or of a trailer. */
const MAX_LINE_BYTES = 4096;
const MAX_TRAILERS = 64;
/** Sizes, extensions and line ends may be as many bytes as the body has, and these. */
const FREE_FRAMING_BYTES = 64 * 1024;
const CHUNK_SIZE = /^([\da-f]{1,12})(?:[ \t]*;[\t -\x7e]*)?$/i;
const TRAILER = /^[\w!#$%&'*+.^`|~-]+:[\t -\x7e\x80-\xff]*$/;

class ChunkedDecoder implements BodyDecoder {
  #expects: "size" | "data" | "data-end" | "trailers" | "nothing" = "size";
  #numLeft = 0;
  #numTrailers = 0;
  /** Bytes of framing less bytes of body. */
  #overhead = 0;

  get isDone(): boolean {
    return this.#expects === "nothing";
  }

  decode(bytes: Buffer, take: (body: Buffer) => void): number {
    let at = 0;
    while (!this.isDone) {
      if (this.#expects === "data") {
        const body = bytes.subarray(at, at + this.#numLeft);
        if (body.length === 0) break;
        take(body);
        at += body.length;
        this.#overhead -= body.length;
        this.#numLeft -= body.length;
        if (this.#numLeft === 0) this.#expects = "data-end";
        continue;
      }
      const line = lineAt(bytes, at);
      if (line === undefined) break;
      at += line.length + 2;
      this.#overhead += line.length + 2;
      if (this.#overhead > FREE_FRAMING_BYTES)
        throw malformed("The chunks of the body are too small.");
      this.#line(line);
    }
    return at;
  }

  #line(line: string): void {
    if (this.#expects === "size") {
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) throw malformed("A chunk of the body has no size that is one.");
      this.#numLeft = Number.parseInt(size, 16);
      this.#expects = this.#numLeft === 0 ? "trailers" : "data";
    } else if (this.#expects === "data-end") {
      if (line !== "") throw malformed("A chunk of the body is longer than its size.");
      this.#expects = "size";
    } else if (line === "") {
      this.#expects = "nothing";
    } else if (!TRAILER.test(line) || ++this.#numTrailers > MAX_TRAILERS) {
      throw malformed("The trailers of the body are no headers, or too many.");
    }
  }
}

/** The line that begins at `at`, without its CRLF; `undefined` while it is not whole. */
function lineAt(bytes: Buffer, at: number): string | undefined {
  const end = bytes.indexOf("\n", at);
  if (end < 0 && bytes.length - at > MAX_LINE_BYTES)
    throw malformed("A line in the chunked body is too long.");
  if (end < 0) return undefined;
  if (end - at > MAX_LINE_BYTES) throw malformed("A line in the chunked body is too long.");
  if (end === at || bytes[end - 1] !== 0x0d)
    throw malformed("A line in the chunked body has a bare line end.");
  return bytes.toString("latin1", at, end - 1);
}
