// The app's one door: what src/http/admission.ts decides, as answers.

import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { Exchange } from "../../src/door/exchange.ts";
import { FailureLog } from "../../src/door/failure-log.ts";
import { whenAdmitted } from "../../src/door/when-admitted.ts";
import type { AdmissionPolicy } from "../../src/http/admission.ts";
import { findKey, tenantOf } from "../../src/http/api-key.ts";
import { parseKeyFile } from "../../src/http/key-file.ts";
import type { CompletionRequest, GenerationRequest } from "../../src/protocol/chat.ts";
import { FakeBackend } from "../api/fake-backend.ts";
import { COMPLETION, harness, post } from "../api/harness.ts";

const KEY = "client-key-0123456789";
const PAGE = "https://chat.example";
const list = parseKeyFile(`alice ${KEY}`, "keys");
const bearer = { authorization: `Bearer ${KEY}` };

function policy(settled: () => Promise<void> | undefined = () => undefined): AdmissionPolicy {
  return {
    hosts: { listensOn: "127.0.0.1", allowed: [] },
    origins: [PAGE],
    keys: { find: (key) => findKey(list, key), settled },
  };
}

const ROUTES = [
  ["POST", "/v1/chat/completions"],
  ["POST", "/v1/completions"],
  ["GET", "/v1/models"],
  ["GET", "/v1/models/m"],
  ["GET", "/metrics"],
  ["GET", "/kv_events"],
  ["GET", "/config"],
  ["PUT", "/config/Router/mode"],
  ["GET", "/"],
  ["GET", "/nothing"],
  ["DELETE", "/v1/models"],
  ["OPTIONS", "/v1/models"],
  ["GET", "/live/../config"],
  ["GET", "//live"],
] as const;

describe("without a key", () => {
  for (const [method, path] of ROUTES) {
    test(`${method} ${path} is 401`, async () => {
      const { app } = harness({ admission: policy() });
      const response = await app.fetch(new Request(`http://test${path}`, { method }));
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await response.json()).toMatchObject({
        error: { code: "invalid_api_key", type: "invalid_request_error", param: null },
        request_id: response.headers.get("x-request-id"),
      });
    });
  }

  test("/live and /health answer", async () => {
    const { app } = harness({ admission: policy() });
    for (const path of ["/live", "/health", "/live/", "/live?from=balancer"]) {
      expect((await app.fetch(new Request(`http://test${path}`))).status).toBe(200);
    }
  });

  test("a body is not read, and nothing is opened", async () => {
    const { app, streams } = harness({ admission: policy() });
    const request = post(COMPLETION);
    expect((await app.fetch(request)).status).toBe(401);
    expect([request.bodyUsed, streams.length]).toEqual([false, 0]);
  });
});

test("while keys are being replaced, requests wait for the new ones; health does not", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { app } = harness({ admission: policy(() => promise) });
  let hasAnswered = false;
  const answer = Promise.resolve(
    app.fetch(new Request("http://test/v1/models", { headers: bearer })),
  ).finally(() => {
    hasAnswered = true;
  });
  expect((await app.fetch(new Request("http://test/health"))).status).toBe(200);
  expect(hasAnswered).toBe(false);
  resolve();
  expect((await answer).status).toBe(200);
});

test("an allowed page can read every answer: whole, streamed, and refused", async () => {
  const { app, opened } = harness({ admission: policy() });
  const headers = { origin: PAGE, ...bearer };
  const streamed = app.fetch(post({ ...COMPLETION, stream: true }, headers));
  const stream = await opened();
  stream.push({ text: "x", finishReason: "stop" });
  stream.end();
  const answers = [
    await streamed,
    await app.fetch(new Request("http://test/v1/models", { headers })),
    await app.fetch(new Request("http://test/nothing", { headers })),
    await app.fetch(post("{", headers)),
    await app.fetch(post(COMPLETION, { origin: PAGE })),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 400, 401]);
  for (const answer of answers) {
    expect(answer.headers.get("access-control-allow-origin")).toBe(PAGE);
    expect(answer.headers.get("vary")).toBe("Origin");
  }
});

test("a preflight is 204, on any path and without a key", async () => {
  const { app } = harness({ admission: policy() });
  for (const [path, allow] of [
    ["/v1/chat/completions", "POST, OPTIONS"],
    ["/config/Router/mode", "PUT, OPTIONS"],
    ["/nothing", null],
  ] as const) {
    const headers = { origin: PAGE, "access-control-request-method": "POST" };
    const response = await app.fetch(
      new Request(`http://test${path}`, { method: "OPTIONS", headers }),
    );
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(PAGE);
    expect(response.headers.get("allow")).toBe(allow);
    expect(await response.text()).toBe("");
  }
});

test("each key's name has a prefix cache of its own, unless all share one", async () => {
  const ownerWith = async (headers: Record<string, string>, options: object) => {
    const asked: GenerationRequest[] = [];
    const backend = new FakeBackend();
    const complete = (request: CompletionRequest) => {
      asked.push(request);
      return backend.complete(request);
    };
    const { app } = harness({ ...options, complete });
    const response = await app.fetch(post({ ...COMPLETION, stream: false }, headers));
    expect(response.status).toBe(200);
    return asked[0]?.cacheOwner;
  };
  expect(await ownerWith(bearer, { admission: policy() })).toBe("alice");
  const shared = { admission: policy(), sharesPrefixCache: true };
  expect(await ownerWith(bearer, shared)).toBeUndefined();
  expect(await ownerWith({}, {})).toBeUndefined();
});

test("a request's tenant is its key's, or its connection's where it has none", async () => {
  const connection = { peer: "127.0.0.1", number: 17, isSpare: false };
  const tenantWith = async (headers: Record<string, string>, admission: AdmissionPolicy) => {
    const request = new Request("http://test/v1/models", { headers });
    const failures = new FailureLog(createLogger("test", "error"), systemClock);
    const exchange = new Exchange(request, connection, { server: 3, failures });
    const answer = () => exchange.json({ tenant: exchange.tenant });
    const response = await whenAdmitted(exchange, { access: "client", admission, answer });
    return (await response.json()) as unknown;
  };
  const [alice] = list;
  if (!alice) throw new Error("one key");
  expect(await tenantWith(bearer, policy())).toEqual({ tenant: tenantOf(alice) });
  expect(await tenantWith(bearer, { ...policy(), keys: undefined })).toEqual({
    tenant: 3 * 2 ** 32 + 17,
  });
});
