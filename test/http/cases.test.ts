// Requests that are not just one plain request, over bare sockets.

import { describe, expect, test } from "bun:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import { COMPLETION } from "../api/harness.ts";
import { until } from "../api/raw-client.ts";
import { openDoor } from "./door.ts";
import { getBytes, postBytes, type RawAnswer, talk } from "./talk.ts";

const UNKNOWN_MODEL = JSON.stringify({ ...COMPLETION, model: "other" });
const CHUNKED = "POST /v1/completions HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n";
const CHUNKS = `${UNKNOWN_MODEL.length.toString(16)}\r\n${UNKNOWN_MODEL}\r\n0\r\n`;

async function answerTo(bytes: string | Buffer, app: Parameters<typeof openDoor>[0] = {}) {
  const client = await talk(openDoor(app).port, bytes);
  const [answer] = await client.answered();
  client.close();
  if (!answer) throw new Error(`no answer, but ${JSON.stringify(client.text)}`);
  return answer;
}

/** Every error has OpenAI's shape and an id. */
function expectError({ status, headers, body }: RawAnswer, wanted: number, code: string): void {
  expect([status, JSON.parse(body)]).toMatchObject([
    wanted,
    { error: { code, message: expect.any(String) }, request_id: headers.get("x-request-id") },
  ]);
  expect(headers.get("content-type")).toStartWith("application/json");
}

describe("refused for their form", () => {
  const malformed: Record<string, string> = {
    "two Host headers": "GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two equal Host headers": "GET /live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "no Host header": "GET /live HTTP/1.1\r\n\r\n",
    "a Host that is none": "GET /live HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "two lengths":
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}",
    "a length behind a no-break space":
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xa02\r\n\r\n{}",
    "a length before a no-break space":
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\xa0\r\n\r\n{}",
    "a Host before a no-break space": "GET /live HTTP/1.1\r\nHost: a\xa0\r\n\r\n",
    "a no-break space in a name": "GET /live HTTP/1.1\r\nHost: a\r\nX\xa0: b\r\n\r\n",
    "a no-break space before a name": "GET /live HTTP/1.1\r\nHost: a\r\n\xa0X: b\r\n\r\n",
    "a no-break space in the target": "GET /live\xa0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a no-break space before the method": "\xa0GET /live HTTP/1.1\r\nHost: a\r\n\r\n",
    "a no-break space behind the version": "GET /live HTTP/1.1\xa0\r\nHost: a\r\n\r\n",
    "a no-break space for the space": "GET\xa0/live HTTP/1.1\r\nHost: a\r\n\r\n",
    "a form feed behind a value": "GET /live HTTP/1.1\r\nHost: a\f\r\n\r\n",
    "a next-line character in the target": "GET /live\x85 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a negative length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}",
    "a hexadecimal length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n{}",
    "a length with a sign": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
    "an empty length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n{}",
    "an endless length": `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${"9".repeat(30)}\r\n\r\n{}`,
    "a length and chunks": `${CHUNKED}Content-Length: 5\r\n\r\n${CHUNKS}\r\n`,
    "chunked twice": `${CHUNKED}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}\r\n`,
    "chunks in HTTP/1.0": "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": "GET /live HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "a folded first header": "GET /live HTTP/1.1\r\n Host: a\r\n\r\n",
    "a space before the colon": "GET /live HTTP/1.1\r\nHost : a\r\n\r\n",
    "a header without a colon": "GET /live HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n",
    "a header without a name": "GET /live HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "a zero byte in a header": "GET /live HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a bare CR in a header": "GET /live HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "a bare LF in a header": "GET /live HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: 9\r\n\r\n",
    "bare line ends": "GET /live HTTP/1.1\nHost: a\n\n",
    "two spaces in the request line": "GET  /live HTTP/1.1\r\nHost: a\r\n\r\n",
    "a request line without a version": "GET /live\r\nHost: a\r\n\r\n",
    "a lower-case protocol": "GET /live http/1.1\r\nHost: a\r\n\r\n",
    "a target that is no path": "GET live HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star for another method": "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "no HTTP": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half a word": "nonsense\r\n",
  };
  for (const [name, bytes] of Object.entries(malformed)) {
    test(`${name} is 400, and the connection ends`, async () => {
      const client = await talk(openDoor().port, Buffer.from(bytes, "latin1"));
      const [answer] = await client.answered();
      if (!answer) throw new Error("no answer");
      expectError(answer, 400, "malformed_request");
      expect(answer.headers.get("connection")).toBe("close");
      await client.ended();
      client.close();
    });
  }

  const bodies: Record<string, string> = {
    "a size that is none": "zz\r\nhello\r\n0\r\n\r\n",
    "an empty size": "\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": "+5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": "0x5\r\nhello\r\n0\r\n\r\n",
    "a size before a space": "5 \r\nhello\r\n0\r\n\r\n",
    "a size behind a space": " 5\r\nhello\r\n0\r\n\r\n",
    "a size before a no-break space": "5\xa0\r\nhello\r\n0\r\n\r\n",
    "an extension with a no-break space": "5;\xa0a=b\r\nhello\r\n0\r\n\r\n",
    "a trailer with a no-break space in its name": "0\r\nA\xa0: b\r\n\r\n",
    "a size beyond all bounds": `${"f".repeat(17)}\r\nhello\r\n0\r\n\r\n`,
    "a size line with a bare LF": "5\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than its size": "5\r\nhelloX\r\n0\r\n\r\n",
    "an endless extension": `5;${"a".repeat(5000)}\r\nhello\r\n0\r\n\r\n`,
    "chunks of one byte without end": "1\r\n \r\n".repeat(50_000),
    "a trailer that is no header": "0\r\nnothing here\r\n\r\n",
    "trailers without end": `0\r\n${"A: b\r\n".repeat(1000)}\r\n`,
  };
  for (const [name, chunks] of Object.entries(bodies)) {
    test(`a chunked body with ${name} is 400`, async () => {
      const bytes = Buffer.from(`${CHUNKED}\r\n${chunks}`, "latin1");
      expectError(await answerTo(bytes), 400, "malformed_request");
    });
  }

  test("an unknown Expect is 417", async () => {
    const bytes = postBytes("/v1/completions", UNKNOWN_MODEL, "Expect: a-miracle\r\n");
    expectError(await answerTo(bytes), 417, "expectation_failed");
  });

  test("CONNECT is 405", async () => {
    const answer = await answerTo("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    expectError(answer, 405, "method_not_allowed");
    expect(answer.headers.get("allow")).toContain("POST");
  });

  test("another version of HTTP is 400, and no failure of ours", async () => {
    for (const version of ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9"]) {
      const answer = await answerTo(`GET /live ${version}\r\nHost: a\r\n\r\n`);
      expectError(answer, 400, "version_not_supported");
    }
  });

  test("another Transfer-Encoding is 400, and no failure of ours", async () => {
    for (const coding of [
      ...["gzip", "gzip, chunked", "chunked, gzip", "identity"],
      ...["chunked\xa0", "\xa0chunked", "chunked,", "chunked;", "\x85chunked"],
    ]) {
      const head = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
      const answer = await answerTo(Buffer.from(head, "latin1"));
      expectError(answer, 400, "unknown_transfer_encoding");
    }
  });

  test("a head above the limit is 431, whole or not", async () => {
    const large = [
      getBytes("/live", `X: ${"x".repeat(70_000)}\r\n`),
      `GET /${"x".repeat(70_000)}`,
      getBytes("/live", Array.from({ length: 500 }, (_, i) => `X-${i}: 1\r\n`).join("")),
    ];
    for (const bytes of large) expectError(await answerTo(bytes), 431, "head_too_large");
  });
});

describe("served although unusual", () => {
  const served: Record<string, [bytes: string, status: number]> = {
    "empty lines before the request": [`\r\n\r\n${getBytes("/live")}`, 200],
    "an empty line behind a body": [`${postBytes("/v1/completions", UNKNOWN_MODEL)}\r\n`, 404],
    "blanks around a length": [
      "POST /live HTTP/1.1\r\nHost: \ta \r\nContent-Length: \t 2\t \r\n\r\n{}",
      405,
    ],
    trailers: [`${CHUNKED}\r\n${CHUNKS}X-Checksum: 1\r\nX-Other: 2\r\n\r\n`, 404],
    "chunks with an extension": [`${CHUNKED}\r\n${CHUNKS.replace("\r\n", ';a="b"\r\n')}\r\n`, 404],
    "an upgrade that is not taken": [
      getBytes("/live", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
      200,
    ],
    "an upgrade to HTTP/2 with a body": [
      postBytes("/v1/completions", UNKNOWN_MODEL, "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
      404,
    ],
    "an absolute URL": ["GET http://test:80/live?x HTTP/1.1\r\nHost: other\r\n\r\n", 200],
    "an absolute URL without a path": ["GET http://test HTTP/1.1\r\nHost: test\r\n\r\n", 200],
    "no Host in HTTP/1.0": ["GET /live HTTP/1.0\r\n\r\n", 200],
    "an empty Host": ["GET /live HTTP/1.1\r\nHost:\r\n\r\n", 200],
    "an IPv6 Host": ["GET /live HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", 200],
    "a query": [getBytes("/live?from=balancer"), 200],
    "a body with a GET": [getBytes("/live", "Content-Length: 2\r\n").concat("{}"), 200],
    "a method that is unknown": ["BREW /live HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    "the root": [getBytes("/"), 200],
    "a slash behind a path": [getBytes("/v1/models/"), 200],
  };
  for (const [name, [bytes, status]] of Object.entries(served)) {
    test(`${name}: ${status}`, async () => {
      const client = await talk(openDoor().port, bytes);
      expect((await client.answered())[0]?.status).toBe(status);
      client.send(getBytes("/live")); // and the connection is as good as before
      if (!bytes.includes("HTTP/1.0")) expect((await client.answered(2))[1]?.status).toBe(200);
      client.close();
    });
  }

  test("a body in chunks of one byte", async () => {
    const chunks = [...UNKNOWN_MODEL].map((byte) => `1\r\n${byte}\r\n`).join("");
    expectError(await answerTo(`${CHUNKED}\r\n${chunks}0\r\n\r\n`), 404, "model_not_found");
  });

  test("a body in many pieces", async () => {
    const body = JSON.stringify({ ...COMPLETION, model: "other", user: "x".repeat(3_000_000) });
    const bytes = postBytes("/v1/completions", body);
    const client = await talk(openDoor().port);
    for (let at = 0; at < bytes.length; at += 70_001) client.send(bytes.slice(at, at + 70_001));
    expectError((await client.answered())[0] as RawAnswer, 404, "model_not_found");
    client.close();
  });

  test("bytes that arrive one by one", async () => {
    const client = await talk(openDoor().port);
    for (const byte of `${CHUNKED}\r\n${CHUNKS}A: b\r\n\r\n`) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.answered())[0]?.status).toBe(404);
    client.close();
  });

  test("Expect: 100-continue is told to continue, then answered", async () => {
    const [head = "", body = ""] = postBytes(
      "/v1/completions",
      UNKNOWN_MODEL,
      "Expect: 100-continue\r\n",
    ).split("\r\n\r\n");
    const client = await talk(openDoor().port, `${head}\r\n\r\n`);
    await until(() => client.text.length > 0, "the interim answer");
    expect(client.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.send(body);
    expect((await client.answered())[0]?.status).toBe(404);
    client.close();
  });

  test("Expect: 100-continue for a body that is too large is refused unsent", async () => {
    const head =
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n";
    const client = await talk(openDoor({ maxBodyBytes: 100 }).port, head);
    await client.answered();
    expect(client.text).toStartWith("HTTP/1.1 413 ");
    client.close();
  });

  test("OPTIONS is 204 with the methods, of one path or of all", async () => {
    const allowed = {
      "/v1/models": "GET, HEAD, OPTIONS",
      "/v1/chat/completions": "POST, OPTIONS",
      "/config/a/b": "PUT, OPTIONS",
      "*": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    };
    for (const [path, allow] of Object.entries(allowed)) {
      const answer = await answerTo(`OPTIONS ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect([answer.status, answer.headers.get("allow")]).toEqual([204, allow]);
      expect(answer.headers.has("content-length")).toBe(false);
    }
  });

  test("HEAD has the head of GET and no body, on every route", async () => {
    const { port } = openDoor();
    for (const path of [
      "/",
      "/live",
      "/health",
      "/metrics",
      "/v1/models",
      "/v1/models/m",
      "/config",
    ]) {
      const client = await talk(
        port,
        `HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      await client.ended();
      expect(client.text).toStartWith("HTTP/1.1 200 ");
      expect(client.text).toMatch(/content-length: [1-9]/);
      expect(client.text.split("\r\n\r\n")[1]).toBe("");
      client.close();
    }
  });

  test("HTTP/1.0 is closed after its answer, or kept where it asks for that", async () => {
    const { port } = openDoor();
    const closed = await talk(port, "GET /live HTTP/1.0\r\n\r\n");
    await closed.ended();
    expect(closed.answers.map(({ status }) => status)).toEqual([200]);
    const kept = await talk(port, "GET /live HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    const [first] = await kept.answered();
    expect(first?.headers.get("connection")).toBe("keep-alive");
    kept.send("GET /live HTTP/1.0\r\n\r\n");
    expect(await kept.answered(2)).toHaveLength(2);
    await kept.ended();
    closed.close();
    kept.close();
  });
});

describe("compressed bodies", () => {
  const packed = {
    gzip: gzipSync,
    "X-GZIP": gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
  };
  const post = (coding: string, body: Buffer) =>
    Buffer.concat([
      Buffer.from(
        `POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`,
      ),
      body,
    ]);

  for (const [coding, pack] of Object.entries(packed)) {
    test(`${coding} is unpacked`, async () => {
      expectError(await answerTo(post(coding, pack(UNKNOWN_MODEL))), 404, "model_not_found");
    });

    test(`${coding} that unpacks to more than the limit is 413`, async () => {
      const bomb = pack(Buffer.alloc(1001));
      expectError(
        await answerTo(post(coding, bomb), { maxBodyBytes: 1000 }),
        413,
        "request_too_large",
      );
    });

    test(`${coding} that is none is 400`, async () => {
      for (const body of [
        Buffer.from("{}"),
        Buffer.alloc(0),
        pack(UNKNOWN_MODEL).subarray(0, 20),
      ]) {
        expectError(await answerTo(post(coding, body)), 400, "malformed_request");
      }
    });
  }

  test("another coding is 415, and says which there are", async () => {
    for (const coding of ["zstd", "gzip, gzip", "constructor"]) {
      const answer = await answerTo(post(coding, Buffer.from("{}")));
      expectError(answer, 415, "unsupported_content_encoding");
      expect(answer.headers.get("accept-encoding")).toBe("gzip, deflate, br");
    }
  });
});

describe("JSON", () => {
  test("of 64 levels is read, of 65 is 400", async () => {
    const nested = (levels: number) =>
      UNKNOWN_MODEL.replace("{", `{"x":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)},`);
    const answer = await answerTo(postBytes("/v1/completions", nested(64)));
    expectError(answer, 404, "model_not_found");
    for (const body of [nested(65), nested(200_000), "[".repeat(1_000_000)]) {
      expectError(await answerTo(postBytes("/v1/completions", body)), 400, "json_too_deep");
    }
  });

  test("of more values than any request has is 400", async () => {
    for (const values of [
      "{},".repeat(140_000),
      '"a":1,'.repeat(140_000),
      "1,".repeat(2_000_001),
    ]) {
      const answer = await answerTo(postBytes("/v1/completions", values));
      expectError(answer, 400, "json_too_many_values");
    }
  });
});
