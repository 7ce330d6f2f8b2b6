import { describe, expect, test } from "bun:test";

import { HttpFault } from "../../src/http/fault.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestReader } from "../../src/http/request-reader.ts";

const HEAD = "POST /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \r\n";
const LENGTH = `${HEAD}Content-Length: 11\r\n\r\nhello world`;
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nT: 1\r\n\r\n`;
const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/** Reads requests that arrive in the given pieces. */
function read(pieces: readonly string[]) {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const requests: { line: string; body: string }[] = [];
  let current: { line: string; body: string } | undefined;
  for (const piece of pieces) {
    reader.push(Buffer.from(piece, "latin1"));
    for (;;) {
      if (!current) {
        const head = reader.takeHead();
        if (!head) break;
        current = { line: `${head.method} ${head.url} ${head.headers.get("x-a")}`, body: "" };
      }
      const taken = current;
      const isWhole = reader.takeBody((chunk) => {
        taken.body += chunk.toString("latin1");
      });
      if (!isWhole) break;
      requests.push(current);
      current = undefined;
    }
  }
  return requests;
}

describe("a request reader", () => {
  const whole = { line: "POST /a?b 1, 2", body: "hello world" };
  const plain = { line: "GET / undefined", body: "" };
  const together = LENGTH + CHUNKED + GET + CHUNKED;
  const wanted = [whole, whole, plain, whole];

  test("reads requests that arrive at once", () => {
    expect(read([together])).toEqual(wanted);
  });

  test("reads them byte by byte", () => {
    expect(read([...together])).toEqual(wanted);
  });

  test("reads them cut anywhere", () => {
    for (let at = 1; at < together.length; at++) {
      expect(read([together.slice(0, at), together.slice(at)])).toEqual(wanted);
    }
  });

  test("throws nothing but an HttpFault, whatever arrives", () => {
    let state = 1;
    const below = (limit: number) => {
      state = (state * 48271) % 0x7fff_ffff;
      return state % limit;
    };
    let numRefused = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(together);
      for (let count = below(4); count >= 0; count--) bytes[below(bytes.length)] = below(256);
      try {
        read([bytes.toString("latin1")]);
      } catch (error) {
        numRefused++;
        if (!(error instanceof HttpFault)) throw error;
      }
    }
    expect(numRefused).toBeGreaterThan(5000);
  });
});
