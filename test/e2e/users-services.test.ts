// Users' own services on the compiled executable: classes that extend each component, services between Frontend and
// Processor, several models in one process, and what a graph says that forgets a link.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../api/raw-client.ts";
import { hangLimit } from "../time-limits.ts";
import { runDynamo, type Server, startServer } from "./server.ts";

const fixture = (name: string) => `test/e2e/fixtures/${name}.ts`;
const hello = { messages: [{ role: "user", content: "hello" }], temperature: 0, max_tokens: 8 };

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}

async function contentOf(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  return ((await response.json()) as Answer).choices[0]?.message.content ?? "";
}

async function modelsOf({ url }: Server): Promise<readonly string[]> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  return list.data.map(({ id }) => id);
}

describe("classes that extend the components", () => {
  const SERVICES = ["Door", "Texts", "Way", "Engine", "Helper"];
  const args = [
    ...[
      fixture("subclasses"),
      "--model",
      "built-in",
      "--Way.mine=yes",
      "--Engine.remote-prefill=true",
    ],
    ...["--Engine.max-local-prefill-length=0", "--Engine.conditional-disagg=true"],
  ];

  test(
    "start where --dry-run says that they do, and answer",
    async () => {
      const dryRun = await runDynamo(["serve", ...args, "--dry-run"]);
      expect({ code: dryRun.code, stderr: dryRun.stderr }).toEqual({ code: 0, stderr: "" });
      const server = await startServer({ args });
      try {
        expect(
          await contentOf(await server.post("/v1/chat/completions", { model: "dynamo", ...hello })),
        ).toStartWith("Hello");
        const health = await (await fetch(`${server.url}/health`)).json();
        expect(health).toEqual({
          status: "healthy",
          endpoints: ["dyn://dynamo.Texts.chat/completions"],
        });
        expect(await server.metric("vllm:request_success_total", { service: "Engine" })).toBe(1);
        expect(await server.metric("dynamo_remote_prefills_total", { service: "Engine" })).toBe(1);
        for (const service of SERVICES) {
          const mine = service === "Way" ? "yes" : "default";
          expect(server.stderr()).toMatch(new RegExp(`${service}:1 +own start +mine=${mine}`));
        }
        expect(server.stderr()).toContain("own generate");
      } finally {
        expect(await server.stop()).toBe(0);
      }
    },
    hangLimit(60_000),
  );

  test("are known by what they extend: keys, values and checks are theirs", async () => {
    const { code, stderr } = await runDynamo([
      ...[
        "serve",
        ...args,
        "--dry-run",
        "--Engine.tensor-parallel-size=2",
        "--Engine.quantization=awq",
      ],
      ...["--Texts.block-size=32"],
    ]);
    expect(stderr).toContain("Texts.block-size: 32 tokens, but the KV blocks of Engine have 16");
    expect(code).toBe(2);
    const ignoring = await runDynamo([
      ...[
        "serve",
        ...args,
        "--dry-run",
        "--Engine.tensor-parallel-size=2",
        "--Engine.quantization=awq",
      ],
    ]);
    expect(ignoring.stderr).toContain("Engine.tensor-parallel-size, Engine.quantization=awq");
    expect(ignoring.code).toBe(0);
    const misnamed = await runDynamo([
      ...["serve", ...args, "--dry-run", "--VllmWorker.max-num-seqs=2"],
    ]);
    expect(misnamed.stderr).toContain(
      'this graph has no service "VllmWorker", but Engine, which extends it; name the section Engine',
    );
    expect(misnamed.code).toBe(2);
  });
});

describe("a service between Frontend and", () => {
  for (const [what, graph] of [
    ["Processor", "between"],
    ["VllmWorkerRouterLess", "between-routerless"],
  ] as const) {
    test(
      `${what} asks it, passes requests on, and refuses`,
      async () => {
        const server = await startServer({ args: [fixture(graph), "--model", "built-in"] });
        const chat = (body: object) =>
          server.post("/v1/chat/completions", { model: "dynamo", ...body });
        try {
          expect(await contentOf(await chat(hello))).toStartWith("Hello");
          expect(server.stderr()).toMatch(/Between:1 +asked +note="?\w+/);
          // Tokens are the model's: a service that knows nothing of them is passed by.
          const tokens = await server.post("/tokenize", { prompt: "Hello" });
          expect(await tokens.json()).toMatchObject({ count: 1 });
          const stream = await (await chat({ ...hello, stream: true })).text();
          expect(stream.match(/^data: \{/gm)?.length).toBeGreaterThan(4);
          expect(stream).toEndWith("data: [DONE]\n\n");
          const refused = await chat({ messages: [{ role: "user", content: "the secret" }] });
          expect(refused.status).toBe(400);
          expect(await refused.text()).toContain("this is not talked about");
          const completion = await server.complete({
            model: "dynamo",
            prompt: "hello",
            max_tokens: 3,
          });
          expect(completion.usage.completion_tokens).toBe(3);
          const health = await (await fetch(`${server.url}/health`)).text();
          expect(health).toContain("dyn://dynamo.Between.chat/completions");
          expect(await firstEvent(server)).toContain("cleared");
        } finally {
          expect(await server.stop()).toBe(0);
        }
      },
      hangLimit(60_000),
    );
  }
});

async function firstEvent({ url }: Server): Promise<string> {
  const { body } = await fetch(`${url}/kv_events`);
  if (!body) throw new Error("no events");
  for await (const bytes of body) return new TextDecoder().decode(bytes);
  throw new Error("no event");
}

describe("two models in one process", () => {
  const graph = ["graphs.two_models:Frontend", "-f", "configs/two_models.yaml"];
  const mocked = [
    ...["--Code.model=mock", "--CodeWorker.model=mock", "--CodeWorker.engine=mocker"],
    "--CodeWorker.speedup-ratio=100",
  ];
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ args: [...graph, ...mocked] });
  }, hangLimit(60_000));
  afterAll(async () => void (await server.stop()), 15_000);

  test("both are listed, and each has its own limits", async () => {
    expect(await modelsOf(server)).toEqual(["chat", "dynamo", "code"]);
    const code = await (await fetch(`${server.url}/v1/models/code`)).json();
    expect(code).toMatchObject({ max_model_len: 16384 });
  });

  test("the model of a request chooses; one that is not there is 404, with the list", async () => {
    const ask = (model: string) => server.post("/v1/chat/completions", { model, ...hello });
    expect(await contentOf(await ask("chat"))).toStartWith("Hello");
    expect(await contentOf(await ask("code"))).not.toStartWith("Hello");
    expect(await server.metric("vllm:request_success_total", { service: "ChatWorker" })).toBe(1);
    expect(await server.metric("vllm:request_success_total", { service: "CodeWorker" })).toBe(1);
    const missing = await ask("gpt-4");
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain("There is: chat, dynamo, code.");
  });

  test("both stand in /health, and the events of both caches in /kv_events", async () => {
    const health = await (await fetch(`${server.url}/health`)).json();
    expect(health).toMatchObject({
      endpoints: ["dyn://dynamo.Chat.chat/completions", "dyn://dynamo.Code.chat/completions"],
    });
    const { body } = await fetch(`${server.url}/kv_events`);
    const workers = new Set<string>();
    let text = "";
    for await (const bytes of body ?? []) {
      text += new TextDecoder().decode(bytes);
      for (const [, worker = ""] of text.matchAll(/"worker_id":(\d+)/g)) workers.add(worker);
      if (workers.size === 2) break;
    }
    expect(workers.size).toBe(2);
  });

  test("two with one name are refused, as is one name of the frontend for both", async () => {
    const { code, stderr } = await runDynamo([
      ...["serve", ...graph, "--dry-run", "--Code.served-model-name=chat"],
      "--Frontend.served-model-name=all",
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'Chat and Code serve "chat"; set served-model-name of each (--Chat.served-model-name=...)',
    );
    expect(stderr).toContain("set Chat.served-model-name and Code.served-model-name in its place");
  });

  test("what does not fit into memory together is refused, though each fits alone", async () => {
    const { stdout } = await runDynamo(["serve", ...graph, "--dry-run", "--explain"]);
    const free = [...stdout.matchAll(/Worker +(\d+\.\d) MB +free now/g)].map(([, mb]) =>
      Number(mb),
    );
    expect(free).toHaveLength(2);
    const [, mb = 0, blocks = 1] =
      /ChatWorker +(\d+\.\d) MB +1 x (\d+) KV blocks/.exec(stdout) ?? [];
    const most = (0.6 * Math.min(...free)) / (Number(mb) / Number(blocks));
    const each = (service: string) => `--${service}.num-gpu-blocks-override=${Math.round(most)}`;
    const alone = await runDynamo([
      "serve",
      ...graph,
      "--dry-run",
      "--explain",
      each("ChatWorker"),
    ]);
    expect(alone.stdout).not.toContain("it will not start");
    expect(alone.stderr).not.toContain("of memory");
    const both = await runDynamo([
      ...["serve", ...graph, "--dry-run", "--explain", each("ChatWorker"), each("CodeWorker")],
    ]);
    expect(both.stdout).toContain("it will not start");
    expect(both.stderr).toMatch(/ChatWorker\.model: built-in needs .* of memory/);
  });
});

test(
  "while the workers of one model restart, the other serves, and a request for the first waits",
  async () => {
    const mocked = ["Steady", "Frail"].flatMap((name) => [
      ...[`--${name}.model=mock`, `--${name}Worker.model=mock`, `--${name}Worker.engine=mocker`],
      ...[`--${name}.served-model-name=${name.toLowerCase()}`, `--${name}Worker.speedup-ratio=100`],
    ]);
    const patient = "--Frail.wait-for-worker-ms=30000";
    const server = await startServer({ args: [fixture("two-mortal"), ...mocked, patient] });
    const ask = (model: string, prompt: string) =>
      server.post("/v1/completions", { model, prompt, max_tokens: 2 });
    try {
      const deadly = ask("frail", "die");
      const hasFailed = () => / FrailWorker:1 .*failed: /.test(server.stderr());
      await until(hasFailed, "the worker that dies of its prompt");
      const [steady, frail] = await Promise.all([ask("steady", "hello"), ask("frail", "hello")]);
      expect({ steady: steady.status, frail: frail.status }).toEqual({ steady: 200, frail: 200 });
      expect((await deadly).status).toBe(500);
      expect(await server.metric("dynamo_runtime_restarts_total", { service: "FrailWorker" })).toBe(
        1,
      );
      expect(
        await server.metric("dynamo_runtime_restarts_total", { service: "SteadyWorker" }),
      ).toBe(0);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  },
  hangLimit(60_000),
);

test("a dependency that the graph forgets is told when it loads, with the cure", async () => {
  const { code, stderr } = await runDynamo(["serve", fixture("forgotten"), "--dry-run"]);
  expect(code).toBe(0);
  expect(stderr).toBe(
    "dynamo: warning: nothing is linked to Room.clock, so its calls will fail; add Room.link(...) with Clock or a " +
      'service that extends it, or declare the field depends(Clock, "optional")\n' +
      "dynamo: also in the graph, with no section of their own: Frontend, Room\n",
  );
});
