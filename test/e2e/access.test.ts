// Who may come in, at the executable: every route, over real sockets.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";

import { rawClient, until } from "../api/raw-client.ts";
import { hangLimit } from "../time-limits.ts";
import { type Completion, runDynamo, type Server, startServer } from "./server.ts";

const MOCK = ["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--VllmWorker.speedup-ratio=100"];
const CLIENT = "client-key-0123456789";
const ADMIN = "admin-key-0123456789";
const KEYS = `# who may come in\nalice ${CLIENT}\nops: ${ADMIN} admin\n`;
const PAGE = "https://chat.example";
const CHAT = { model: "mock", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 2 };

const folder = mkdtempSync(join(tmpdir(), "e2e-access-"));
afterAll(() => rmSync(folder, { recursive: true }));

function keyFile(name: string, text = KEYS): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** The head of the answer to a request that is written as it stands. */
async function raw(server: Server, head: readonly string[], body = ""): Promise<string> {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  const text = [...head, length, "Connection: close", "", body].join("\r\n");
  const client = await rawClient(Number(new URL(server.url).port), text);
  await client.closed;
  return client.text();
}

describe("a server with a file of keys", () => {
  let server: Server;
  const file = keyFile("keys");
  beforeAll(async () => {
    const flags = ["--api-key-file", file, "--allow-origin", PAGE];
    server = await startServer({ args: [...MOCK, ...flags] });
  });
  afterAll(() => server?.stop());

  const ask = async (method: string, path: string, headers: Record<string, string>) => {
    const leave = new AbortController();
    const body = method === "POST" ? JSON.stringify({ ...CHAT, prompt: "hi" }) : null;
    const response = await fetch(server.url + path, {
      method,
      headers: { connection: "close", ...headers },
      body: method === "PUT" ? "1" : body,
      signal: leave.signal,
    });
    leave.abort(); // /kv_events does not end
    return response.status;
  };
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  test("one key's clients find what they have asked, and no other key's do", async () => {
    const prompt = "a prompt that fills more than one block of sixty-four tokens. ".repeat(4);
    const cachedFor = async (key: string, fields: object) => {
      const body = JSON.stringify({ model: "mock", prompt, max_tokens: 1, ...fields });
      const headers = bearer(key);
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers,
        body,
      });
      const { usage } = (await response.json()) as Completion;
      return usage.prompt_tokens_details.cached_tokens;
    };
    for (const [key, fields] of [
      [CLIENT, {}],
      [ADMIN, {}],
      [CLIENT, { cache_salt: "x" }],
    ] as const) {
      const cached: number[] = [];
      for (let turn = 0; turn < 4; turn++) cached.push(await cachedFor(key, fields)); // two workers in turn
      expect(cached).toEqual([0, 0, 192, 192]);
    }
  });

  const routes: readonly (readonly [string, string, number])[] = [
    ["GET", "/v1/models", 200],
    ["GET", "/v1/models/mock", 200],
    ["POST", "/v1/chat/completions", 200],
    ["POST", "/v1/completions", 200],
    ["GET", "/metrics", 200],
    ["GET", "/config", 200],
    ["GET", "/kv_events", 200],
    ["PUT", "/config/Processor/none", 404],
    ["GET", "/nothing", 404],
    ["DELETE", "/v1/models", 405],
  ];
  for (const [method, path, status] of routes) {
    test(`${method} ${path}: refused without a key of its own, else ${status}`, async () => {
      expect(await ask(method, path, {})).toBe(401);
      expect(await ask(method, path, bearer("client-key-0123456780"))).toBe(401);
      expect(await ask(method, path, { "x-api-key": "none" })).toBe(401);
      expect(await ask(method, path, bearer(CLIENT))).toBe(status);
      expect(await ask(method, path, { "x-api-key": ADMIN })).toBe(status);
    });
  }

  test("a drain is for this machine, with a key", async () => {
    const path = "/drain/VllmWorker:9";
    expect(await ask("POST", path, {})).toBe(401);
    expect(await ask("POST", path, bearer(CLIENT))).toBe(404);
    const far = { "X-Forwarded-For": "192.0.2.7" };
    expect(await ask("POST", path, { ...far, ...bearer(ADMIN) })).toBe(403);
    expect(await ask("POST", path, { origin: PAGE, ...bearer(ADMIN) })).toBe(403);
  });

  test("/live and /health need none", async () => {
    for (const path of ["/live", "/health"]) expect(await ask("GET", path, {})).toBe(200);
  });

  test("what was forwarded is not from this machine: the operator's routes take admin keys", async () => {
    for (const path of ["/metrics", "/config", "/kv_events"]) {
      for (const name of ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"]) {
        const from = { [name]: "127.0.0.1" };
        expect(await ask("GET", path, { ...from, ...bearer(CLIENT) })).toBe(403);
        expect(await ask("GET", path, { ...from, ...bearer(ADMIN) })).toBe(200);
      }
    }
  });

  test("the official client works with a key, and tells when it has none", async () => {
    const baseURL = `${server.url}/v1`;
    const client = new OpenAI({ baseURL, apiKey: CLIENT, maxRetries: 0 });
    const models = await Array.fromAsync(client.models.list());
    expect(models.map(({ id }) => id)).toEqual(["mock"]);
    expect((await client.chat.completions.create(CHAT)).choices).toHaveLength(1);
    const stranger = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
    const failure: unknown = await stranger.models.list().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(failure).toMatchObject({ status: 401, code: "invalid_api_key" });
  });

  test("a name that is not this server's is refused, key or not: DNS rebinding ends here", async () => {
    for (const host of ["evil.example", "localhost.evil.example:8000", "127.0.0.1.nip.io"]) {
      for (const target of ["GET /v1/models", "GET /live", "GET /metrics"]) {
        const head = [`${target} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${ADMIN}`];
        const answer = await raw(server, head);
        expect(answer).toStartWith("HTTP/1.1 403 ");
        expect(answer).toContain("--allow-host");
      }
    }
    for (const host of ["localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.9"]) {
      const answer = await raw(server, ["GET /live HTTP/1.1", `Host: ${host}`]);
      expect(answer).toStartWith("HTTP/1.1 200 ");
    }
  });

  test("a foreign page's POST and PUT are refused, whatever they call their content", async () => {
    const body = JSON.stringify(CHAT);
    for (const origin of ["http://evil.example", "http://localhost:3000", "null"]) {
      for (const target of ["POST /v1/chat/completions", "PUT /config/Processor/router"]) {
        for (const type of ["text/plain", "application/json"]) {
          const head = [
            `${target} HTTP/1.1`,
            "Host: localhost",
            `Origin: ${origin}`,
            `Content-Type: ${type}`,
            `Authorization: Bearer ${ADMIN}`,
          ];
          const answer = await raw(server, head, body);
          expect(answer).toStartWith("HTTP/1.1 403 ");
          expect(answer).toContain("origin_not_allowed");
          expect(answer.toLowerCase()).not.toContain("access-control-allow-origin");
        }
      }
    }
  });

  test("an allowed page gets through: the preflight as Chromium sends it, then the request", async () => {
    const preflight = await raw(server, [
      "OPTIONS /v1/chat/completions HTTP/1.1",
      "Host: localhost:8000",
      "Accept: */*",
      "Access-Control-Request-Method: POST",
      "Access-Control-Request-Headers: authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout",
      "Access-Control-Request-Private-Network: true",
      `Origin: ${PAGE}`,
      "Sec-Fetch-Mode: cors",
      "Sec-Fetch-Site: cross-site",
      "Sec-Fetch-Dest: empty",
      "User-Agent: Mozilla/5.0",
    ]);
    const text = preflight.toLowerCase();
    expect(text).toStartWith("http/1.1 204 ");
    expect(text).toContain(`access-control-allow-origin: ${PAGE}\r\n`);
    expect(text).toMatch(/access-control-allow-methods: .*post/);
    expect(text).toMatch(/access-control-allow-headers: .*authorization.*x-stainless-timeout/);
    expect(text).toContain("access-control-max-age: 7200\r\n");
    expect(text).toContain("access-control-allow-private-network: true\r\n");
    expect(text).toContain("vary: origin\r\n");
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { origin: PAGE, "content-type": "application/json", ...bearer(CLIENT) },
      body: JSON.stringify(CHAT),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(PAGE);
  });
});

describe("keys that change", () => {
  test(
    "while clients use them: no request of a kept key fails",
    async () => {
      const file = keyFile("busy");
      const server = await startServer({ args: [...MOCK, "--api-key-file", file] });
      const agent = new Agent({ keepAlive: true, maxSockets: 8 });
      try {
        const statuses: number[] = [];
        let isSwapping = true;
        const clients = Array.from({ length: 8 }, async () => {
          while (isSwapping || statuses.length < 300) {
            statuses.push(await modelsStatus(server, agent, CLIENT));
          }
        });
        for (let i = 0; i < 10; i++) {
          const sent = statuses.length;
          replace(file, i);
          await until(() => statuses.length >= sent + 20, "20 more requests");
        }
        isSwapping = false;
        await Promise.all(clients);
        expect(statuses.length).toBeGreaterThanOrEqual(300);
        expect(statuses.filter((status) => status !== 200)).toEqual([]);
        expect(await modelsStatus(server, agent, "key-of-swap-9-0123")).toBe(200);
        expect(await modelsStatus(server, agent, "key-of-swap-8-0123")).toBe(401);
      } finally {
        agent.destroy();
        await server.stop();
      }
    },
    hangLimit(60_000),
  );

  test(
    "a removed key opens nothing more; a file that is broken changes nothing and is logged",
    async () => {
      const file = keyFile("removed");
      const server = await startServer({ args: [...MOCK, "--api-key-file", file] });
      const agent = new Agent({ keepAlive: true });
      const status = (key: string) => modelsStatus(server, agent, key);
      try {
        expect([await status(CLIENT), await status(ADMIN)]).toEqual([200, 200]);
        renameSync(keyFile("removed.new", `ops ${ADMIN} admin\n`), file);
        expect([await status(CLIENT), await status(ADMIN)]).toEqual([401, 200]);
        renameSync(keyFile("removed.new", `ops ${CLIENT}\nops\n`), file);
        expect([await status(CLIENT), await status(ADMIN)]).toEqual([401, 200]);
        expect(server.stderr()).toContain(`${file}:2: there is no key after the name`);
        writeFileSync(file, `bob ${CLIENT}\n`);
        expect([await status(CLIENT), await status(ADMIN)]).toEqual([200, 401]);
      } finally {
        agent.destroy();
        await server.stop();
      }
    },
    hangLimit(60_000),
  );
});

/** The i-th new content of a file, in one of the ways in which files are replaced. */
function replace(file: string, i: number): void {
  const text = `swap key-of-swap-${i}-0123\n# ${"-".repeat(i)}\nalice ${CLIENT}\n`;
  if (i % 2 === 0) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  } else {
    truncateSync(file);
    writeFileSync(file, text);
  }
}

/** Over a connection that is kept, unlike fetch's, as long as the agent lives. */
function modelsStatus(server: Server, agent: Agent, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    request(`${server.url}/v1/models`, { agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    })
      .on("error", reject)
      .end();
  });
}

describe("a server without keys", () => {
  let server: Server;
  beforeAll(async () => {
    const hosts = ["--allow-host", "llm.example,10.1.2.3", "--insecure"];
    server = await startServer({ args: [...MOCK, "--host", "0.0.0.0", ...hosts] });
  });
  afterAll(() => server?.stop());

  test("warns that it serves everyone, and keeps the operator's routes for this machine", async () => {
    expect(server.stderr()).toContain("serves other machines without API keys");
    for (const path of ["/metrics", "/config"]) {
      expect((await fetch(server.url + path)).status).toBe(200);
      const forwarded = { headers: { "x-forwarded-for": "127.0.0.1" } };
      expect((await fetch(server.url + path, forwarded)).status).toBe(403);
    }
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(200);
  });

  test("answers to the names that it was given, and to addresses", async () => {
    for (const [host, status] of [
      ["llm.example:80", 200],
      ["LLM.example.", 200],
      ["10.9.8.7", 200],
      ["other.example", 403],
    ] as const) {
      const answer = await raw(server, ["GET /live HTTP/1.1", `Host: ${host}`]);
      expect([host, answer.slice(9, 12)]).toEqual([host, String(status)]);
    }
  });

  test("refuses a page's text/plain POST", async () => {
    const head = ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: text/plain"];
    const body = JSON.stringify({ model: "mock", prompt: "hi", max_tokens: 1 });
    expect(await raw(server, [...head, "Origin: http://evil.example"], body)).toContain(" 403 ");
    expect(await raw(server, head, body)).toContain(" 200 ");
  });
});

describe("before anything starts", () => {
  test("a door that would stand open is refused with 2", async () => {
    const { code, stderr } = await runDynamo(["serve", ...MOCK, "--host", "0.0.0.0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--api-key-file");
    expect(stderr).toContain("--insecure");
  });

  test("a file of keys that cannot be used is refused with 2, at its line", async () => {
    const file = keyFile("bad", "alice a-key-0123456789\nbob\n");
    const bad = await runDynamo(["serve", ...MOCK, "--api-key-file", file]);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining(`${file}:2: `)]);
    const none = await runDynamo(["serve", ...MOCK, "--api-key-file", join(folder, "none")]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining(`${folder}/none`)]);
  });
});

const [address] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ family, internal }) => family === "IPv4" && !internal);

test.skipIf(!address)(
  "through another address than loopback, the operator's routes take admin keys only (needs a network)",
  async () => {
    const file = keyFile("far");
    const args = [...MOCK, "--host", "0.0.0.0", "--api-key-file", file];
    const server = await startServer({ args });
    const url = server.url.replace("127.0.0.1", address?.address ?? "");
    const status = async (path: string, key: string) =>
      (await fetch(url + path, { headers: { "x-api-key": key } })).status;
    try {
      for (const path of ["/metrics", "/config"]) {
        expect([await status(path, CLIENT), await status(path, ADMIN)]).toEqual([403, 200]);
      }
      expect(await status("/v1/models", CLIENT)).toBe(200);
    } finally {
      await server.stop();
    }
  },
);

test("limits of a key are named in the refusal, and are no other key's", async () => {
  const keys = `a key-a-0123456789ab sequences=2\nb key-b-0123456789ab tokens-per-minute=40\nc key-c-0123456789ab\n`;
  const server = await startServer({
    args: ["agg", "-f", "configs/mock.yaml", "--api-key-file", keyFile("limits", keys)],
  });
  const ask = (who: string, body: object) =>
    fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { authorization: `Bearer key-${who}-0123456789ab` },
      body: JSON.stringify({ model: "mock", prompt: [1, 2, 3, 4, 5], max_tokens: 5, ...body }),
    });
  const running = await ask("a", { n: 2, stream: true, max_tokens: 16_000 });
  const refused = await ask("a", {});
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await refused.text()).toContain("(limit: sequences)");
  await running.body?.cancel();
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await ask("b", {})).status);
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
  const spent = await ask("b", {});
  expect(Number(spent.headers.get("retry-after"))).toBeGreaterThan(30);
  expect(await spent.text()).toContain("(limit: tokens-per-minute)");
  expect((await ask("c", { n: 3 })).status).toBe(200);
  await server.stop();
});

test("DYNAMO_API_KEY is a key that opens everything", async () => {
  const server = await startServer({
    args: [...MOCK, "--host", "0.0.0.0"],
    env: { DYNAMO_API_KEY: "environment-key-0123" },
  });
  try {
    const forwarded = { via: "1.1 proxy" };
    const headers = { ...forwarded, authorization: "Bearer environment-key-0123" };
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${server.url}/metrics`, { headers })).status).toBe(200);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});
