// The largest heads of any shape take work in proportion to their bytes, whole or byte by byte. Times are compared with
// each other only: 32 times the bytes may take 192 times as long, and take 1,024 times as long where work is quadratic.

import { describe, expect, spyOn, test } from "bun:test";

import { admit } from "../../src/http/admission.ts";
import { HttpFault } from "../../src/http/fault.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import type { RequestHead } from "../../src/http/request-head.ts";
import { RequestReader } from "../../src/http/request-reader.ts";

const SMALL = 2000;
const GROWTH = 32;
const MOST = 6 * GROWTH;

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
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A head that takes less than this, in milliseconds, is not measured any finer. */
const FLOOR_MS = 1;

function expectLinear(shape: Shape, filler: string): void {
  const ofBytes = (numBytes: number) =>
    Buffer.from(shape(filler.repeat(numBytes / filler.length)), "latin1");
  const [few, many] = [ofBytes(SMALL), ofBytes(GROWTH * SMALL)];
  const fewMs = timeOf(() => read(few, few.length));
  const manyMs = timeOf(() => read(many, many.length));
  expect(manyMs).toBeLessThan(Math.max(fewMs, FLOOR_MS) * MOST);
}

describe("the work of a head is linear:", () => {
  for (const [name, shape] of Object.entries(SHAPES)) {
    test(`${name}, at once`, () => {
      for (const filler of FILLERS) expectLinear(shape, filler);
    });
  }
});

describe("the bytes that are copied and searched, for each byte that trickles in:", () => {
  const MOST_PER_BYTE = 8;

  /** Bytes that buffers copy, search and decode while `work` runs. */
  function bytesTouched(work: () => void): number {
    let numBytes = 0;
    const { copy, indexOf, toString: decode } = Buffer.prototype;
    const { concat } = Buffer;
    const spies = [
      spyOn(Buffer.prototype, "copy").mockImplementation(function (
        this: Buffer,
        ...args: Parameters<typeof copy>
      ) {
        const copied = copy.apply(this, args);
        numBytes += copied;
        return copied;
      }),
      spyOn(Buffer.prototype, "indexOf").mockImplementation(function (
        this: Buffer,
        ...args: Parameters<typeof indexOf>
      ) {
        numBytes += this.length - Number(args[1] ?? 0);
        return indexOf.apply(this, args);
      }),
      spyOn(Buffer.prototype, "toString").mockImplementation(function (
        this: Buffer,
        ...args: Parameters<typeof decode>
      ) {
        const text = decode.apply(this, args);
        numBytes += text.length;
        return text;
      }),
      spyOn(Buffer, "concat").mockImplementation((list, ...rest) => {
        for (const { length } of list) numBytes += length;
        return concat(list, ...rest);
      }),
    ];
    try {
      work();
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    return numBytes;
  }

  const heads: Record<string, string> = {
    "a long target": `GET /${"a".repeat(30_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    "a long header": `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(30_000)}`,
    "many lines": `GET / HTTP/1.1\r\n${"a:\r\n".repeat(7_500)}`,
  };
  for (const [name, head] of Object.entries(heads)) {
    test(name, () => {
      const bytes = Buffer.from(head);
      const numBytes = bytesTouched(() => read(bytes, 1));
      expect(numBytes).toBeGreaterThan(0);
      expect(numBytes).toBeLessThan(MOST_PER_BYTE * bytes.length);
    });
  }

  test("bytes that wait behind a request", () => {
    const reader = new RequestReader(LIMITS);
    const one = Buffer.from("x");
    const numBytes = bytesTouched(() => {
      for (let i = 0; i < 30_000; i++) reader.push(one);
    });
    expect(numBytes).toBeLessThan(MOST_PER_BYTE * 30_000);
  });
});
