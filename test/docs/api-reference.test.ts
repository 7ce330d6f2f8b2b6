// docs/api.md against the schemas, and against a server with a mocked model.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { withReference } from "../../scripts/api-reference.ts";
import { DynamoError } from "../../src/base/error.ts";
import { type ApiError, toApiError } from "../../src/door/api-error.ts";
import { parseChatRequest } from "../../src/openai/schema.ts";
import { root } from "../e2e/server.ts";
import { hangLimit } from "../time-limits.ts";
import { Session } from "./session.ts";

const document = readFileSync(join(root, "docs/api.md"), "utf8");
const SERVER_MS = hangLimit(60_000);
const MAX_BODY_BYTES = 10 * 1024;

describe("docs/api.md, fields", () => {
  test("has the names, values and defaults of the schemas", () => {
    expect(document).toBe(withReference(document));
  });

  test("says what each means", () => {
    expect(document.match(/^\| `.*\| +\|$/gm) ?? []).toEqual([]);
  });

  test("what it calls not yet or refused is refused by name, and nothing else", () => {
    const rows = [
      ...document.matchAll(/^\| `(\w+)` \|.*\| (?:chats: )?(works|passed over|not yet|refused)/gm),
    ];
    const fates = rows.map(([, name = "", fate = ""]) => [name, fate] as const);
    expect(fates.length).toBeGreaterThan(130);
    for (const [name, fate] of fates) {
      const isRefused = fate === "not yet" || fate === "refused";
      expect([name, refusalOf(name) === `${UNSUPPORTED} ${name}`]).toEqual([name, isRefused]);
    }
  });
});

describe("docs/api.md, a running server", () => {
  let session: Session;
  const ask = (path: string, body?: string) => fetch(session.url + path, requestOf(body));

  beforeAll(async () => {
    session = new Session();
    const flags = [
      `--Frontend.max-body-mib=${MAX_BODY_BYTES / 2 ** 20}`,
      ...["--VllmWorker.remote-prefill=true", "--PrefillWorker.engine=mocker"], // for their queue
    ].join(" ");
    await session.serve(`./dynamo serve graphs.disagg:Frontend -f configs/mock.yaml ${flags}`);
    expect((await ask(CHAT, chat({ max_tokens: 2 }))).status).toBe(200);
  }, SERVER_MS);
  afterAll(() => session.close(), SERVER_MS);

  test("lists the families of /metrics with their types and labels", async () => {
    const metrics = await (await ask("/metrics")).text();
    expect(documentedFamilies().toSorted()).toEqual(familiesIn(metrics).toSorted());
  });

  const refusals: readonly (readonly [number, string, string, string?])[] = [
    [400, "invalid_json", CHAT, "{"],
    [400, "json_too_deep", CHAT, "[".repeat(65)],
    [400, "invalid_type", CHAT, chat({ temperature: "warm" })],
    [400, "invalid_value", CHAT, chat({ temperature: 3 })],
    [400, "missing_required_parameter", COMPLETIONS, chat({})],
    [400, "unsupported_parameter", CHAT, chat({ best_of: 2 })],
    [400, "context_length_exceeded", CHAT, chat({ max_tokens: 100_000 })],
    [404, "model_not_found", CHAT, chat({ model: "none" })],
    [404, "route_not_found", "/v2"],
    [405, "method_not_allowed", CHAT],
    [413, "request_too_large", CHAT, chat({ user: "x".repeat(MAX_BODY_BYTES) })],
  ];
  /** Those of `/config` and of access: test/admin/setting-routes.test.ts and test/http provoke them. */
  const ofAccess = [
    ...["400 invalid_setting", "404 no_such_setting"],
    ...["401 invalid_api_key", "403 host_not_allowed", "403 origin_not_allowed"],
    ...["403 admin_key_required", "403 local_only", "429 rate_limit_exceeded"],
  ];
  /** Those of the door: test/http provokes them. */
  const ofDoor = [
    ...["400 malformed_request", "400 version_not_supported", "400 unknown_transfer_encoding"],
    ...["408 request_timeout", "415 unsupported_content_encoding", "417 expectation_failed"],
    ...["431 head_too_large", "503 overloaded", "400 json_too_many_values", "504 answer_timeout"],
  ];
  for (const [status, code, path, body] of refusals) {
    test(`answers with ${status} ${code} where it says so`, async () => {
      const response = await ask(path, body);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({
        error: { code },
        request_id: response.headers.get("x-request-id"),
      });
      expect(documentedErrors()).toContain(`${status} ${code}`);
    });
  }

  test("lists no error but these, 500 and what 503 stands for", () => {
    const provoked = new Set(refusals.map(([status, code]) => `${status} ${code}`));
    for (const error of [...ofAccess, ...ofDoor]) provoked.add(error);
    for (const error of documentedErrors()) {
      const [status, code = ""] = error.split(" ");
      if (provoked.has(error)) continue;
      const inside = code === "internal_error" ? new Error("a bug") : new CodedError(code);
      expect(toApiError(inside)).toMatchObject({ status: Number(status), code });
    }
  });
});

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";
const UNSUPPORTED = "400 unsupported_parameter";

function chat(fields: object): string {
  return JSON.stringify({ model: "mock", messages: [{ role: "user", content: "hi" }], ...fields });
}

function requestOf(body: string | undefined): RequestInit {
  return body === undefined ? {} : { method: "POST", body };
}

/** Fields of which others are details: those ask for nothing where these are absent. */
const MAIN = {
  ...{ mirostat: 1, dry_multiplier: 1, xtc_probability: 1, dynatemp_range: 1 },
  ...{ smoothing_factor: 1, repeat_penalty: 2 },
};

/** Answer to a chat that asks for `name`, with a value that asks for something under any name. */
function refusalOf(name: string): string {
  try {
    parseChatRequest({ [name]: ["something"], ...JSON.parse(chat({})), ...MAIN }, 1);
    return "none";
  } catch (error) {
    const { status, code, param } = error as ApiError;
    return `${status} ${code} ${param}`;
  }
}

function documentedErrors(): readonly string[] {
  return [...document.matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)].map(([, ...row]) => row.join(" "));
}

/** As `name type label label`. */
function documentedFamilies(): readonly string[] {
  const rows = document.matchAll(/^\| `([\w:]+)` \| (counter|gauge|histogram) \| ([^|]*) \|/gm);
  return [...rows].map(([, name, type, labels = ""]) =>
    [name, type, ...labels.replaceAll("`", "").split(", ")].join(" "),
  );
}

function familiesIn(metrics: string): readonly string[] {
  return [...metrics.matchAll(/^# TYPE (\S+) (\S+)\n(.*)/gm)].map(([, name, type, sample = ""]) => {
    const labels = [...sample.matchAll(/(\w+)="/g)].map((match) => match[1]);
    return [name, type, ...labels.filter((label) => label !== "le")].join(" ");
  });
}

class CodedError extends DynamoError {
  override readonly code: string;

  constructor(code: string) {
    super("as another room says it");
    this.code = code;
  }
}
