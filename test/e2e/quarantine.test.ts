// Requests that kill workers, on the compiled executable: they are found out, and cost the others what was with them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const POISON = { model: "built-in", prompt: [5, 6, 5, 6, 5], max_tokens: 4 };
const LATE_POISON = {
  model: "built-in",
  prompt: [6, 5, 6, 5, 6],
  max_tokens: 400,
  ignore_eos: true,
};
const POISON_AT_TOKEN = { ...LATE_POISON, prompt: [6, 6, 5, 5, 6] };
const graph = join(import.meta.dir, "fixtures/poisoned.ts");

/** On a machine with much else to do, a worker may take longer to start than a client would wait. */
const PATIENT = "wait-for-worker-ms=60000";

function start(...args: readonly string[]): Promise<Server> {
  return startServer({
    args: [`${graph}:Frontend`, "--model", "built-in", `--Processor.${PATIENT}`, ...args],
    env: { DYNAMO_VERIFY: "1" },
  });
}

/** Greedy, so that its text is the same however often it is asked. */
function honest(i: number, fields: object = {}) {
  const prompt = `Question ${i} of many: what does a lease hold?`;
  return {
    model: "built-in",
    prompt,
    temperature: 0,
    ignore_eos: true,
    max_tokens: 120,
    ...fields,
  };
}

function numDeaths(server: Server): Promise<number> {
  return server.metric("dynamo_runtime_restarts_total", { service: "MortalWorker" });
}

function numMigrations(server: Server, type: string): Promise<number> {
  return server.metric("dynamo_frontend_model_migration_total", { migration_type: type });
}

describe("a poison that many send, beside streams", () => {
  const NUM_STREAMS = 8;
  const NUM_WORKERS = 4;
  let server: Server;
  beforeAll(async () => {
    server = await start(
      "--Processor.router=round-robin",
      `--MortalWorker.ServiceArgs.workers=${NUM_WORKERS}`,
    );
  });
  afterAll(() => server?.stop());

  test("kills few workers, and no stream: those on them go on elsewhere", async () => {
    const alone = await Promise.all(
      Array.from(
        { length: NUM_STREAMS },
        async (_, i) => (await server.complete(honest(i))).choices[0]?.text,
      ),
    );
    const streams = Array.from({ length: NUM_STREAMS }, (_, i) => openStream(server, honest(i)));
    await Promise.all(streams.map(({ begun }) => begun));
    const poisons = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        server.post("/v1/completions", { ...POISON, seed: i, stream: i % 2 === 0 }),
      ),
    );
    for (const refused of poisons) {
      expect(refused.status).toBe(500);
      expect(await refused.json()).toMatchObject({
        error: { type: "server_error", code: "request_kills_workers", param: null },
      });
    }
    const deaths = await numDeaths(server);
    expect(deaths).toBeGreaterThan(0);
    expect(deaths).toBeLessThanOrEqual(4);
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const numMoved = await numMigrations(server, "ongoing_request");
    console.log(`  ${deaths} deaths, ${numMoved} migrations of ${NUM_STREAMS} streams`);
    for (const [i, { text, error }] of ends.entries()) {
      expect(error).toBeUndefined();
      expect(text).toBe(alone[i] as string);
    }
  });

  test("is refused from then on, with what happened and when it may be tried again", async () => {
    const before = await numDeaths(server);
    const refused = await server.post("/v1/completions", POISON);
    const { error } = (await refused.json()) as { error: { message: string } };
    expect(refused.headers.get("x-should-retry")).toBe("false");
    const [, id = "none"] =
      /The server's log has the cause in its line with id=(\d+)\./.exec(error.message) ?? [];
    expect(server.stderr()).toMatch(new RegExp(`:\\d+ \\(id=${id}\\) failed: `));
    const [, until = ""] = /refused until (\S+);/.exec(error.message) ?? [];
    expect(Date.parse(until) - Date.now()).toBeWithin(8 * 60_000, 10 * 60_000);
    expect(await numDeaths(server)).toBe(before);
    expect(server.stderr()).toContain("a request has killed a worker and is refused from now on");
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: "healthy" });
  });

  test("is found out also if it kills at some token: at the price of three workers, and of no stream", async () => {
    const before = await numDeaths(server);
    const streams = Array.from({ length: NUM_STREAMS }, (_, i) => openStream(server, honest(i)));
    await Promise.all(streams.map(({ begun }) => begun));
    const poison = await openStream(server, POISON_AT_TOKEN).ended;
    expect(poison.error).toMatchObject({ code: "request_kills_workers" });
    expect((await numDeaths(server)) - before).toBeWithin(2, 4);
    for (const { ended } of streams) expect((await ended).error).toBeUndefined();
  });

  test("is found out also if its clients leave at once", async () => {
    const before = await numDeaths(server);
    const poison = { ...POISON, temperature: 0.25 };
    for (let i = 0; i < 20; i++) {
      const client = new AbortController();
      const answer = server.post(
        "/v1/completions",
        { ...poison, stream: i % 2 === 0 },
        client.signal,
      );
      await Bun.sleep(3);
      client.abort();
      await answer.catch(() => undefined);
    }
    const last = await server.post("/v1/completions", poison);
    expect(await last.json()).toMatchObject({ error: { code: "request_kills_workers" } });
    expect((await numDeaths(server)) - before).toBeWithin(1, 5);
  });

  test("of another content costs those that wait beside it nothing", async () => {
    const before = await numDeaths(server);
    const short = (i: number) => honest(i, { max_tokens: 2, stream: i % 2 === 0 });
    const answers = Array.from({ length: 12 }, (_, i) => server.post("/v1/completions", short(i)));
    const poison = server.post("/v1/completions", { ...POISON, temperature: 0.5 });
    answers.push(
      ...Array.from({ length: 12 }, (_, i) => server.post("/v1/completions", short(12 + i))),
    );
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(200);
      await answer.text();
    }
    expect((await poison).status).toBe(500);
    expect((await numDeaths(server)) - before).toBeLessThanOrEqual(3);
  });
});

describe("a poison that hangs its worker", () => {
  test("is found out, and the requests beside it are served", async () => {
    const server = await start(
      ...[
        "--MortalWorker.ServiceArgs.workers=2",
        "--MortalWorker.ServiceArgs.heartbeat-timeout-ms=1500",
      ],
    );
    try {
      const ask = (body: object) => server.post("/v1/completions", body);
      const short = (i: number) => honest(i, { max_tokens: 2, stream: i % 2 === 0 });
      const before = Array.from({ length: 6 }, (_, i) => ask(short(i)));
      const hanging = Array.from({ length: 10 }, () => ask({ ...POISON, prompt: [5, 5, 6, 6, 5] }));
      const after = Array.from({ length: 6 }, (_, i) => ask(short(6 + i)));
      for (const answer of await Promise.all([...before, ...after])) {
        expect(answer.status).toBe(200);
        await answer.text();
      }
      for (const answer of await Promise.all(hanging)) {
        expect(await answer.json()).toMatchObject({ error: { code: "request_kills_workers" } });
      }
      expect(await numDeaths(server)).toBeWithin(1, 4);
    } finally {
      await server.stop();
    }
  });
});

describe("the only worker", () => {
  const NUM_TOKENS = 300;

  test("dies: health says so, a request waits for the next one, and what it had begun goes on", async () => {
    const server = await start();
    try {
      const asked = honest(1, { max_tokens: NUM_TOKENS });
      const alone = await server.complete(asked);
      const whole = server.complete(asked);
      const late = openStream(server, LATE_POISON);
      await late.begun;
      await untilHealth(server, 503);
      const waiting = server.complete(honest(2, { max_tokens: 1 }));
      await untilHealth(server, 200);
      expect((await waiting).usage.completion_tokens).toBe(1);
      expect(await numDeaths(server)).toBe(1);
      const { choices, usage } = await whole;
      expect(choices).toEqual(alone.choices);
      expect((await late.ended).error).toBeUndefined();
      expect(await numMigrations(server, "ongoing_request")).toBe(2);
      expect(usage.completion_tokens).toBe(NUM_TOKENS);
    } finally {
      await server.stop();
    }
  });

  test("is waited for no longer than wait-for-worker-ms", async () => {
    const server = await start("--Processor.wait-for-worker-ms=0");
    try {
      expect((await server.post("/v1/completions", POISON)).status).toBe(500);
      await untilHealth(server, 503);
      const refused = await server.post("/v1/completions", honest(1));
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.json()).toMatchObject({ error: { code: "no_workers" } });
      await untilHealth(server, 200);
    } finally {
      await server.stop();
    }
  });
});

describe("what a frontend calls", () => {
  const cases = [
    {
      service: "MortalRouterLess",
      file: "poisoned-routerless.ts",
      engine: "MortalRouterLess",
      workers: 3,
    },
    { service: "MortalProcessor", file: "poisoned-processor.ts", engine: "VllmWorker", workers: 1 },
  ];
  for (const { service, file, engine, workers } of cases) {
    test(`${service}: a chat that kills it is refused, and the chats beside it are served`, async () => {
      const server = await startServer({
        args: [
          ...[`${join(import.meta.dir, "fixtures", file)}:Frontend`, "--model", "mock"],
          ...[`--${engine}.engine=mocker`, `--${service}.ServiceArgs.workers=${workers}`],
          `--${service}.${PATIENT}`,
        ],
      });
      const chat = (content: string, fields: object = {}) => {
        const messages = [{ role: "user", content }];
        return server.post("/v1/chat/completions", {
          model: "mock",
          messages,
          max_tokens: 2,
          ...fields,
        });
      };
      try {
        const before = Array.from({ length: 6 }, (_, i) =>
          chat(`before ${i}`, { stream: i % 2 === 0 }),
        );
        const deadly = Array.from({ length: 20 }, (_, i) =>
          chat("die", { stream: i % 2 === 0, seed: i }),
        );
        const after = Array.from({ length: 6 }, (_, i) =>
          chat(`after ${i}`, { stream: i % 2 === 0 }),
        );
        for (const answer of await Promise.all(deadly)) {
          expect(answer.status).toBe(500);
          expect(await answer.json()).toMatchObject({ error: { code: "request_kills_workers" } });
        }
        for (const answer of await Promise.all([...before, ...after])) {
          expect(answer.status).toBe(200);
          expect(await answer.text()).not.toContain("error");
        }
        const deaths = await server.metric("dynamo_runtime_restarts_total", { service });
        expect(deaths).toBeWithin(1, 4);
      } finally {
        await server.stop();
      }
    });
  }
});

interface OpenStream {
  /** Resolves at the first piece of text. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly text: string; readonly error: object | undefined }>;
}

function openStream(server: Server, body: object): OpenStream {
  const begun = Promise.withResolvers<void>();
  const ended = (async () => {
    const response = await server.post("/v1/completions", { ...body, stream: true });
    let [rest, text, error] = ["", "", undefined as object | undefined];
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        if (event === "data: [DONE]") continue;
        const data = JSON.parse(event.replace(/^data: /, ""));
        error ??= data.error;
        text += data.choices?.[0]?.text ?? "";
      }
      begun.resolve();
    }
    return { text, error };
  })();
  return { begun: begun.promise, ended };
}

async function untilHealth(server: Server, status: number): Promise<void> {
  for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
    if ((await fetch(`${server.url}/health`)).status === status) return;
    await Bun.sleep(2);
  }
  throw new Error(`/health did not become ${status}`);
}
