import { describe, expect, test } from "bun:test";
import type { ErrorDetails } from "../../src/base/error.ts";
import { type DynamoError, RemoteError } from "../../src/base/error.ts";
import { TemplateError } from "../../src/tokenizer/chat-template.ts";
import { CHAT, COMPLETION, eventsOf, harness, post } from "./harness.ts";

/** A failure as it arrives from another thread. */
function remote(code: string, details: ErrorDetails = {}): DynamoError {
  return new RemoteError({ code, message: "at /secret/path.ts", stack: undefined, details });
}

describe("failures before the first token", () => {
  const overloaded = ["no_workers", "mailbox_full", "actor_down", "actor_stopping", "engine_full"];
  for (const code of [...overloaded, "server_shutdown"]) {
    test(`${code} is 503 with Retry-After, streamed or not`, async () => {
      for (const stream of [false, true]) {
        const { app, opened, lines } = harness();
        const answer = app.fetch(post({ ...COMPLETION, stream }));
        (await opened()).fail(remote(code));
        const response = await answer;
        expect(response.status).toBe(503);
        expect(response.headers.get("retry-after")).toBe("1");
        expect(await response.json()).toMatchObject({ error: { type: "server_error", code } });
        expect(response.headers.get("x-should-retry")).toBeNull();
        expect(lines.join("")).toContain(`request=${response.headers.get("x-request-id")}`);
      }
    });
  }

  for (const code of ["request_kills_workers", "invalid_logits", "encode_failed"]) {
    test(`${code} is 500 that clients do not repeat`, async () => {
      const { app, opened, lines } = harness();
      const answer = app.fetch(post(COMPLETION, { "x-request-id": "mine" }));
      (await opened()).fail(remote(code));
      const response = await answer;
      expect([response.status, response.headers.get("x-should-retry")]).toEqual([500, "false"]);
      expect(lines.join("")).toContain("request=mine");
    });
  }

  test("an unusable template is told without its file, which the log has", async () => {
    const { app, opened, lines } = harness();
    const answer = app.fetch(post(CHAT, {}, "chat/completions"));
    (await opened()).fail(new TemplateError("/secret/tokenizer_config.json", "it does not end"));
    const text = await (await answer).text();
    expect(text).toContain("This model's chat template cannot be used: it does not end");
    expect(text).not.toContain("secret");
    expect(lines.join("")).toContain("/secret/tokenizer_config.json");
  });

  test("an overflow is 400 with the counts, on the field that carries the prompt", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(CHAT, {}, "chat/completions"));
    const details = { prompt_tokens: 600, max_tokens: 20, max_model_len: 512 };
    (await opened()).fail(remote("context_length_exceeded", details));
    const { error } = (await (await answer).json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "context_length_exceeded", param: "messages" });
    expect(error["message"]).toBe(
      "This model's context is 512 tokens, but the request needs more (600 in the prompt, " +
        "20 for the completion). Shorten the prompt or lower max_tokens.",
    );
  });

  test("an invalid request that only the processor can see names its field", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    (await opened()).fail(remote("invalid_request", { param: "prompt" }));
    expect(await (await answer).json()).toMatchObject({ error: { param: "prompt" } });
  });

  test("anything else is 500, logged with its reason and told without", async () => {
    for (const error of [new Error("at /secret/path.ts"), remote("internal")]) {
      const { app, opened, lines } = harness();
      const answer = app.fetch(post(COMPLETION, { "x-request-id": "mine" }));
      (await opened()).fail(error);
      const response = await answer;
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(text).not.toContain("secret");
      expect(JSON.parse(text)).toMatchObject({ request_id: "mine" });
      expect(lines.join("")).toContain("/secret/path.ts");
      expect(lines.join("")).toContain("request=mine");
    }
  });

  test("a backend that throws at the call is treated the same", async () => {
    const chat = () => {
      throw remote("no_workers");
    };
    const { app } = harness({ chat });
    const response = await app.fetch(post(CHAT, {}, "chat/completions"));
    expect(response.status).toBe(503);
    expect(await metricsOf(app)).toContain(`dynamo_frontend_requests_total{model="m"`);
    expect(await metricsOf(app)).not.toMatch(/inflight_requests\{.*\} [^0]/);
  });

  test("while no model can be routed to, requests and health are 503", async () => {
    const { app } = harness({ models: () => [] });
    const response = await app.fetch(post(COMPLETION));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "no_workers" } });
    const health = await app.fetch(new Request("http://test/health"));
    expect(health.status).toBe(503);
    expect(await health.json()).toEqual({
      status: "unhealthy",
      message: "No endpoints available",
    });
  });
});

describe("while no model can be routed to any more", () => {
  const model = { id: "m", created: 1, maxModelLen: 512 };

  test("health is 503 at once, and a request waits for the model to come back", async () => {
    let served: (typeof model)[] = [];
    const back = Promise.withResolvers<void>();
    const { app, opened } = harness({ models: () => served, whenServed: () => back.promise });
    const answer = app.fetch(post(COMPLETION));
    expect((await app.fetch(new Request("http://test/health"))).status).toBe(503);
    served = [model];
    back.resolve();
    const stream = await opened();
    stream.push({ finishReason: "stop" });
    stream.end();
    expect((await answer).status).toBe(200);
  });

  test("the request that waited in vain is 503", async () => {
    const { app } = harness({ models: () => [], whenServed: async () => {} });
    const response = await app.fetch(post(COMPLETION));
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
  });
});

describe("while others are served", () => {
  const others = () => [{ id: "other", created: 1, maxModelLen: 512 }];
  const statusOf = async (backend: Parameters<typeof harness>[0]) =>
    (await harness({ models: others, ...backend }).app.fetch(post(COMPLETION))).status;

  test("a model that may come back is 503, and one that nobody knows is 404", async () => {
    expect(await statusOf({ isKnown: () => true })).toBe(503);
    expect(await statusOf({})).toBe(404);
  });

  test("and some are yet to come, a name is 503 and so is the health", async () => {
    expect(await statusOf({ isStarting: () => true })).toBe(503);
    const { app } = harness({ models: others, isStarting: () => true });
    expect((await app.fetch(new Request("http://test/health"))).status).toBe(503);
  });
});

test("a request that kills workers is 500, with what the processor says of it", async () => {
  const { app, opened } = harness();
  const answer = app.fetch(post(COMPLETION));
  const message = "This request is not run: a worker ended";
  const wire = { code: "request_kills_workers", message, stack: undefined, details: {} };
  (await opened()).fail(new RemoteError(wire));
  const response = await answer;
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({
    error: { message, type: "server_error", param: null, code: "request_kills_workers" },
  });
});

describe("an answer that begins again", () => {
  test("has the text and the usage of its last start, choice by choice", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, n: 2 }));
    const stream = await opened();
    stream.push({ index: 0, text: "void" });
    stream.push({ index: 0, text: "void" });
    stream.push({ index: 1, text: "kept" });
    stream.push({ index: 0, text: "new", restarts: true });
    stream.push({ index: 0, text: "er", finishReason: "stop" });
    stream.push({ index: 1, text: "!", finishReason: "stop" });
    stream.end();
    expect(await (await answer).json()).toMatchObject({
      choices: [{ text: "newer" }, { text: "kept!" }],
      usage: { completion_tokens: 4 },
    });
  });
});

describe("an annotation of the last output", () => {
  const output = {
    text: "",
    finishReason: "stop",
    annotations: { worker_instance_id: "7" },
  } as const;

  test("is a named event of a stream, its value in a comment", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, stream: true }));
    const stream = await opened();
    stream.push(output);
    stream.end();
    const text = await (await answer).text();
    expect(text).toStartWith('event: worker_instance_id\n: "7"\n\ndata: {');
    expect(text).toEndWith("data: [DONE]\n\n");
  });

  test("is under nvext in a whole answer, where others have nothing", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    const stream = await opened();
    stream.push(output);
    stream.end();
    const body = await (await answer).json();
    expect(body).toMatchObject({ nvext: { worker_instance_id: "7" } });
    const plain = app.fetch(post(COMPLETION));
    const second = await opened(2);
    second.push({ text: "x", finishReason: "stop" });
    second.end();
    expect(await (await plain).json()).not.toHaveProperty("nvext");
  });
});

describe("failures in the middle of a stream", () => {
  test("an error is an event in OpenAI's shape, and no [DONE] follows", async () => {
    const { app, opened, lines } = harness();
    const answer = app.fetch(post({ ...COMPLETION, stream: true }, { "x-request-id": "mine" }));
    const stream = await opened();
    stream.push({ text: "one" });
    stream.fail(remote("actor_down"));
    const response = await answer;
    expect(response.status).toBe(200);
    const [first, error, ...more] = eventsOf(await response.text());
    expect(first).toMatchObject({ choices: [{ text: "one" }] });
    expect(error).toMatchObject({ error: { code: "actor_down", type: "server_error" } });
    expect(error).toHaveProperty(
      "error.message",
      "The worker of this answer has ended, and this is how far it came. Send the request again.",
    );
    expect(lines.join("")).toContain("request=mine");
    expect(more).toEqual([]);
  });

  test("server_shutdown is an error event, if a choice is open; neither usage nor [DONE] follows", async () => {
    const { app, opened } = harness();
    const body = { ...COMPLETION, n: 2, stream: true, stream_options: { include_usage: true } };
    const answer = app.fetch(post(body));
    const stream = await opened();
    stream.push({ index: 0, text: "done", finishReason: "stop" });
    stream.push({ index: 1, text: "half" });
    stream.fail(remote("server_shutdown"));
    const events = eventsOf(await (await answer).text());
    expect(events.slice(-3)).toMatchObject([
      { choices: [{ index: 0, text: "", finish_reason: "stop" }] },
      { choices: [{ index: 1, text: "half" }] },
      { error: { code: "server_shutdown", type: "server_error" } },
    ]);
  });

  test("a whole answer that is cut by a shutdown has what there is", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, n: 2 }));
    const stream = await opened();
    stream.push({ index: 1, text: "done", finishReason: "stop" });
    stream.push({ text: "half" });
    stream.fail(remote("server_shutdown"));
    const { choices } = (await (await answer).json()) as { choices: object[] };
    expect(choices[0]).toMatchObject({
      ...{ text: "half", finish_reason: "length", stop_reason: "server_shutdown" },
    });
    expect(choices[1]).toMatchObject({ text: "done", finish_reason: "stop" });
    expect(choices[1]).not.toHaveProperty("stop_reason");
  });

  test("a whole answer that is cut by a shutdown before it has text is 503", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    const stream = await opened();
    stream.push({ text: "" }); // held back
    stream.fail(remote("server_shutdown"));
    expect((await answer).status).toBe(503);
  });

  test("endAnswers ends every open answer and leaves its stream", async () => {
    const { app, opened } = harness();
    const whole = app.fetch(post(COMPLETION));
    const streamed = app.fetch(post({ ...CHAT, stream: true }, {}, "chat/completions"));
    const waiting = app.fetch(post(COMPLETION));
    const streams = [await opened(1), await opened(2), await opened(3)];
    streams[0]?.push({ text: "a" });
    streams[1]?.push({ text: "b" });
    const text = (await streamed).text();
    app.endAnswers();
    await Promise.all(streams.map((stream) => stream.left));
    expect(await (await whole).json()).toMatchObject({
      choices: [{ finish_reason: "length", stop_reason: "server_shutdown" }],
    });
    expect(eventsOf(await text).at(-1)).toMatchObject({ error: { code: "server_shutdown" } });
    expect((await waiting).status).toBe(503);
  });

  test("a backend that ends without a finish reason is our failure", async () => {
    const { app, opened, lines } = harness();
    const answer = app.fetch(post(COMPLETION));
    const stream = await opened();
    stream.push({ text: "half" });
    stream.end();
    expect((await answer).status).toBe(500);
    expect(lines.join("")).toContain("before choice 0 had its finish reason");
  });
});

describe("streams", () => {
  test("a choice that ends without text still has its role and its reason", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...CHAT, stream: true }, {}, "chat/completions"));
    const stream = await opened();
    stream.push({ text: "", finishReason: "stop" });
    stream.end();
    expect(eventsOf(await (await answer).text())).toMatchObject([
      { choices: [{ delta: { role: "assistant", content: "" }, finish_reason: null }] },
      { choices: [{ delta: {}, finish_reason: "stop" }] },
      "[DONE]",
    ]);
  });

  test("held-back tokens make no chunk", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, stream: true }));
    const stream = await opened();
    stream.push({ text: "" });
    stream.push({ text: "both", finishReason: "length" });
    stream.end();
    expect(eventsOf(await (await answer).text())).toHaveLength(3);
  });

  test("any text arrives as it was, also what JSON must escape", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, stream: true }));
    const text = '"\\\n\r\u2028</script>\u0000日本🙂data: [DONE]\n\n';
    const stream = await opened();
    stream.push({ text, finishReason: "stop" });
    stream.end();
    expect(eventsOf(await (await answer).text())[0]).toMatchObject({ choices: [{ text }] });
  });

  test("usage counts a prompt once and the least of its choices' cached tokens", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, prompt: ["a", "b"], n: 2 }));
    const stream = await opened();
    const finish = { finishReason: "stop", numTokens: 2 } as const;
    stream.push({ index: 1, numPromptTokens: 10, numCachedTokens: 8, ...finish });
    stream.push({ index: 0, numPromptTokens: 10, numCachedTokens: 4, ...finish });
    stream.push({ index: 2, numPromptTokens: 7, numCachedTokens: 0, ...finish });
    stream.push({ index: 3, numPromptTokens: 7, numCachedTokens: 6, ...finish });
    stream.end();
    expect(await (await answer).json()).toMatchObject({
      usage: {
        prompt_tokens: 17,
        completion_tokens: 8,
        total_tokens: 25,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    });
  });
});

describe("request ids", () => {
  test("two requests with the same x-request-id are two requests to the backend", async () => {
    const { app, opened, requestIds } = harness();
    const headers = { "x-request-id": "same" };
    const answers = [app.fetch(post(COMPLETION, headers)), app.fetch(post(COMPLETION, headers))];
    await opened(2);
    expect(new Set(requestIds).size).toBe(2);
    app.endAnswers();
    for (const answer of answers) {
      expect((await answer).headers.get("x-request-id")).toBe("same");
    }
  });

  test("an id that is no plain word is replaced", async () => {
    const { app } = harness();
    for (const id of ["with space", "x".repeat(129), "é"]) {
      const request = new Request("http://test/live", { headers: { "x-request-id": id } });
      const response = await app.fetch(request);
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("a field's name cannot break the header that reports it", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post({ ...COMPLETION, "a\r\nset-cookie: b\ud800": 1 }));
    const stream = await opened();
    stream.push({ finishReason: "stop" });
    stream.end();
    const { headers } = await answer;
    expect(headers.get("x-dynamo-ignored-params")).toBe("a??set-cookie??b?");
    expect(headers.get("set-cookie")).toBeNull();
  });
});

describe("bodies", () => {
  test("one of exactly the limit is read", async () => {
    const text = JSON.stringify({ ...COMPLETION, model: "other" });
    const { app } = harness({ maxBodyBytes: text.length });
    expect((await app.fetch(post(text))).status).toBe(404);
  });

  test("none at all, or no object, is 400", async () => {
    const { app } = harness();
    for (const body of ["", "null", "[]", "5", '"x"', "{]"]) {
      expect((await app.fetch(post(body))).status).toBe(400);
    }
  });
});

describe("the other routes", () => {
  const get = async (path: string) => {
    const response = await harness().app.fetch(new Request(`http://test${path}`));
    return { status: response.status, body: await response.json() };
  };

  test("/live says that the service is live", async () => {
    expect(await get("/live")).toEqual({
      status: 200,
      body: { status: "live", message: "Service is live" },
    });
  });

  test("/health lists the endpoints", async () => {
    expect(await get("/health")).toEqual({
      status: 200,
      body: { status: "healthy", endpoints: ["dyn://dynamo.Processor.chat"] },
    });
  });

  test("a model whose name has a slash is found, encoded or not", async () => {
    const models = () => [{ id: "org/m-1", created: 1, maxModelLen: 8 }];
    const { app } = harness({ models });
    for (const name of ["org/m-1", "org%2Fm-1"]) {
      const response = await app.fetch(new Request(`http://test/v1/models/${name}`));
      expect(await response.json()).toEqual({
        id: "org/m-1",
        object: "model",
        created: 1,
        owned_by: "dynamo",
        max_model_len: 8,
      });
    }
  });
});

describe("metrics", () => {
  test("the frontend's and the services' families are both there", async () => {
    const text = await metricsOf(harness().app);
    expect(text).toContain("# TYPE dynamo_frontend_inter_token_latency_seconds histogram");
    expect(text).toEndWith("vllm:num_requests_running 0\n");
  });

  test("services that cannot be asked do not hide the frontend's own", async () => {
    const { app, lines } = harness({ metrics: () => Promise.reject(new Error("down")) });
    expect(await metricsOf(app)).toContain("dynamo_frontend_requests_total");
    expect(lines.join("")).toContain("metrics of the services are missing");
  });

  test("latency between tokens is per token: three at once share their time", async () => {
    const { app, clock, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    const stream = await opened();
    await clock.advance(40);
    stream.push();
    await clock.advance(300);
    stream.push({ text: " a b c", numTokens: 3, finishReason: "stop" });
    stream.end();
    await answer;
    const text = await metricsOf(app);
    const value = (name: string) => sampleOf(text, `dynamo_frontend_${name}{model="m"}`);
    expect(value("inter_token_latency_seconds_count")).toBe(3);
    expect(value("inter_token_latency_seconds_sum")).toBeCloseTo(0.3);
    expect(text).toContain(`inter_token_latency_seconds_bucket{le="0.1",model="m"} 3`);
    expect(value("time_to_first_token_seconds_sum")).toBeCloseTo(0.04);
    expect(value("request_duration_seconds_sum")).toBeCloseTo(0.34);
    expect(value("output_sequence_tokens_sum")).toBe(4);
    expect(value("input_sequence_tokens_sum")).toBe(3);
  });

  test("a request is queued until its first token and in flight until its end", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    const stream = await opened();
    const gauges = async () => {
      const text = await metricsOf(app);
      const names = ["queued", "inflight"];
      return names.map((name) => sampleOf(text, `dynamo_frontend_${name}_requests{model="m"}`));
    };
    expect(await gauges()).toEqual([1, 1]);
    stream.push();
    expect(await gauges()).toEqual([0, 1]);
    stream.push({ finishReason: "stop" });
    stream.end();
    await answer;
    expect(await gauges()).toEqual([0, 0]);
    expect(await metricsOf(app)).toContain(
      `dynamo_frontend_requests_total{model="m",endpoint="completions",request_type="unary",status="success"} 1`,
    );
  });

  test("made-up model names do not become labels", async () => {
    const { app } = harness();
    for (let i = 0; i < 5; i++) await app.fetch(post({ ...COMPLETION, model: `made-up-${i}` }));
    const text = await metricsOf(app);
    expect(text).not.toContain("made-up");
    expect(text).toContain(`model="unknown",endpoint="completions"`);
  });
});

async function metricsOf(app: ReturnType<typeof harness>["app"]): Promise<string> {
  return (await app.fetch(new Request("http://test/metrics"))).text();
}

function sampleOf(text: string, series: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(series));
  return Number(line?.slice(series.length));
}

test("a request bears its connection's number, which differs from any of another server", async () => {
  const tenants: number[] = [];
  const connection = (number: number) => ({
    number,
    isSpare: false,
    isLocal: true,
    peer: "192.0.2.1",
  });
  for (const server of [1, 2]) {
    const { app } = harness({
      server,
      complete: ({ tenant }) => {
        tenants.push(tenant);
        throw remote("no_workers");
      },
    });
    for (const number of [5, 5, 6, 2 ** 32 - 1]) {
      await app.fetch(post(COMPLETION), connection(number));
    }
  }
  const [first, again, ...others] = tenants;
  expect(again).toBe(first as number);
  expect(new Set(tenants).size).toBe(6);
  expect(others.every((tenant) => tenant >= 2 ** 32 && Number.isSafeInteger(tenant))).toBe(true);
});

describe("a full queue", () => {
  const full = () => remote("queue_full", { retry_after_s: 7 });

  test("is 429 with the time after which the queue has room", async () => {
    const { app, opened } = harness();
    const answer = app.fetch(post(COMPLETION));
    (await opened()).fail(full());
    const response = await answer;
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await response.json()).toMatchObject({
      error: { code: "queue_full", type: "rate_limit_error" },
    });
  });

  test("has the status of overload-status, in each API", async () => {
    for (const [path, body] of [
      ["v1/completions", COMPLETION],
      ["v1/messages", { ...CHAT, max_tokens: 5 }],
      ["api/chat", CHAT],
    ] as const) {
      const { app, opened } = harness({ overloadStatus: 529 });
      const answer = app.fetch(post(body, {}, `../${path}`));
      (await opened()).fail(full());
      const response = await answer;
      expect([path, response.status, response.headers.get("retry-after")]).toEqual([
        path,
        529,
        "7",
      ]);
    }
  });
});

describe("request-timeout-ms", () => {
  test("ends an answer with 504, and its work", async () => {
    for (const stream of [false, true]) {
      const { app, clock, opened } = harness({ requestTimeoutMs: 2000 });
      const answer = app.fetch(post({ ...COMPLETION, stream }));
      const work = await opened();
      await clock.advance(1999);
      expect(work.hasLeft).toBe(false);
      await clock.advance(1);
      const response = await answer;
      expect(response.status).toBe(504);
      expect(await response.json()).toMatchObject({ error: { code: "answer_timeout" } });
      expect(work.hasLeft).toBe(true);
    }
  });

  test("ends a stream that has begun with an error event", async () => {
    const { app, clock, opened } = harness({ requestTimeoutMs: 2000 });
    const answer = app.fetch(post({ ...COMPLETION, stream: true }));
    const work = await opened();
    work.push({ text: "one" });
    const text = (await answer).text();
    await clock.advance(2000);
    const last = eventsOf(await text).at(-1);
    expect(last).toMatchObject({ error: { code: "answer_timeout" } });
    expect(work.hasLeft).toBe(true);
  });

  test("is no concern of an answer that has ended", async () => {
    const { app, clock, opened } = harness({ requestTimeoutMs: 2000 });
    const answer = app.fetch(post(COMPLETION));
    const work = await opened();
    work.push({ finishReason: "stop" });
    work.end();
    expect((await answer).status).toBe(200);
    expect(clock.numTimers).toBe(0);
  });
});

describe("POST /drain/SERVICE:N", () => {
  const drain = (headers: Record<string, string> = {}) =>
    new Request("http://test/drain/VllmWorker:1", { method: "POST", headers });

  test("begins a drain, and tells how far it is", async () => {
    const { app } = harness();
    const first = await app.fetch(drain());
    const body = { instance: "VllmWorker:1", drain_timeout_s: 2 };
    expect([first.status, await first.json()]).toEqual([202, { ...body, state: "draining" }]);
    const second = await app.fetch(drain());
    expect([second.status, await second.json()]).toEqual([200, { ...body, state: "drained" }]);
  });

  test("is for this machine alone, and for no page", async () => {
    const { app } = harness();
    const far = { number: 1, peer: "192.0.2.7", isSpare: false };
    expect((await app.fetch(drain(), far)).status).toBe(403);
    expect((await app.fetch(drain({ forwarded: "for=192.0.2.7" }))).status).toBe(403);
    expect((await app.fetch(drain({ origin: "http://evil.example" }))).status).toBe(403);
  });

  test("says which instances there are, or that one is not ready", async () => {
    for (const [code, status] of [
      ["no_such_instance", 404],
      ["instance_not_ready", 409],
    ] as const) {
      const { app } = harness({ drain: () => Promise.reject(remote(code)) });
      const response = await app.fetch(drain());
      expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    }
  });
});
