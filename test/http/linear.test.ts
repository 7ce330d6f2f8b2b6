// The largest heads of any shape take time in proportion to their bytes, whole or byte by byte. Times are compared with
// each other only: eight times the bytes may take 24 times as long, and take 64 times as long where work is quadratic.

import { describe, expect, test } from "bun:test";

import { admit } from "../../src/http/admission.ts";
import { HttpFault } from "../../src/http/fault.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import type { RequestHead } from "../../src/http/request-head.ts";
import { RequestReader } from "../../src/http/request-reader.ts";

const SMALL = 4000;
const GROWTH = 8;
const MOST = 3 * GROWTH;

const LIMITS = { ...DEFAULT_LIMITS, maxHeadBytes: 2 * GROWTH * SMALL };
const POLICY = {
  hosts: { listensOn: "localhost", allowed: ["a.example"] },
  origins: ["https://b.example"],
  keys: { find: () => undefined, settled: () => undefined },
};

const FILLERS = [
  " ",
  "\t",
  ",",
  ", ",
  "a",
  "a,",
  " ,a",
  "a ",
  "=",
  ";",
  '"',
  "\\",
  "%41",
  "\xa0",
  "xn--z9",
  "[:",
  "/",
];
const NAMES = [
  ...[
    "Connection",
    "Host",
    "Origin",
    "Authorization",
    "X-Api-Key",
    "Expect",
    "X-Request-Id",
    "X-Forwarded-For",
  ],
  ...[
    "Content-Length",
    "Transfer-Encoding",
    "Content-Encoding",
    "Access-Control-Request-Headers",
    "X-Any",
  ],
];

type Shape = (filler: string) => string;

const SHAPES: Record<string, Shape> = {
  "request line": (filler) => `GET /${filler} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  "absolute target": (filler) => `GET http://localhost/${filler} HTTP/1.1\r\nHost: a\r\n\r\n`,
  method: (filler) => `G${filler}`,
  "header name": (filler) => `GET / HTTP/1.1\r\nHost: localhost\r\nX${filler}: a\r\n\r\n`,
  "unfinished header": (filler) => `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${filler}`,
  bearer: (filler) =>
    `GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${filler}\r\n\r\n`,
};
for (const name of NAMES) {
  const host = name === "Host" ? "" : "Host: localhost\r\n";
  const preflight = "Access-Control-Request-Method: GET\r\n";
  SHAPES[name] = (filler) =>
    `OPTIONS / HTTP/1.1\r\n${host}${preflight}${name}: a${filler}b\r\n\r\n`;
}

function answer(head: RequestHead): void {
  const { headers, method } = head;
  const found = {
    get: (name: string) => headers.get(name) ?? null,
    has: (name: string) => headers.has(name),
    keys: () => headers.keys(),
  };
  for (const access of ["open", "client", "operator"] as const) {
    admit({ method, headers: found, peer: "127.0.0.1" }, access, POLICY);
  }
}

function read(bytes: Buffer, pieceBytes: number): void {
  const reader = new RequestReader(LIMITS);
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      reader.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
      const head = reader.takeHead();
      if (head) answer(head);
    }
  } catch (error) {
    if (!(error instanceof HttpFault)) throw error;
  }
}

/** The least of several, in milliseconds: other work on this machine only adds. */
function timeOf(work: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A head that takes less than this, in milliseconds, is not measured any finer. */
const FLOOR_MS = 1;

function expectLinear(shape: Shape, filler: string, pieceBytes: (bytes: Buffer) => number): void {
  const ofBytes = (numBytes: number) =>
    Buffer.from(shape(filler.repeat(numBytes / filler.length)), "latin1");
  const [few, many] = [ofBytes(SMALL), ofBytes(GROWTH * SMALL)];
  const fewMs = timeOf(() => read(few, pieceBytes(few)));
  const manyMs = timeOf(() => read(many, pieceBytes(many)));
  expect(manyMs).toBeLessThan(Math.max(fewMs, FLOOR_MS) * MOST);
}

describe("the work of a head is linear:", () => {
  for (const [name, shape] of Object.entries(SHAPES)) {
    test(`${name}, at once`, () => {
      for (const filler of FILLERS) expectLinear(shape, filler, ({ length }) => length);
    });
  }

  test("a head that arrives byte by byte", () => {
    for (const name of ["request line", "unfinished header", "X-Any"]) {
      expectLinear(SHAPES[name] as Shape, "a", () => 1);
    }
  });

  test("many lines that arrive byte by byte", () => {
    expectLinear(
      (lines) => `GET / HTTP/1.1\r\n${lines}`,
      "a:\r\n",
      () => 1,
    );
  });

  test("bytes that wait behind a request", () => {
    const push = (numBytes: number) => {
      const reader = new RequestReader(LIMITS);
      for (let i = 0; i < numBytes; i++) reader.push(Buffer.from("x"));
    };
    const fewMs = timeOf(() => push(SMALL));
    expect(timeOf(() => push(GROWTH * SMALL))).toBeLessThan(Math.max(fewMs, FLOOR_MS) * MOST);
  });
});
