// Workers behind the KV-aware router, on the compiled executable and the model that it carries.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root, runDynamo, type Server, startServer } from "./server.ts";

const NUM_WORKERS = 4;
const BLOCK_SIZE = 16;

interface Chat {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

async function chat(server: Server, body: object): Promise<Chat> {
  const request = { model: "dynamo", temperature: 0, ...body };
  const response = await server.post("/v1/chat/completions", request);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Chat;
}

function put(server: Server, path: string, value: string): Promise<Response> {
  return fetch(`${server.url}/config/${path}`, { method: "PUT", body: value });
}

describe("four workers behind the router", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({
      args: [
        "graphs.agg_router:Frontend",
        "-f",
        "configs/built-in-router.yaml",
        "--explain-routing",
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(() => server?.stop());

  test("conversations of ten turns find at least 95 % of what they could reuse", async () => {
    let reusable = 0;
    let reused = 0;
    const converse = async (topic: string) => {
      const messages: { role: string; content: string }[] = [];
      let known = 0; // Tokens whose K and V some worker has: all but the last that was sampled.
      for (let turn = 0; turn < 10; turn++) {
        messages.push({ role: "user", content: `${topic} Question ${turn}: what then?` });
        const { choices, usage } = await chat(server, { messages, max_tokens: 24 });
        const wholeBlocks = Math.min(known, usage.prompt_tokens - 1) / BLOCK_SIZE;
        reusable += Math.floor(wholeBlocks) * BLOCK_SIZE;
        reused += usage.prompt_tokens_details.cached_tokens;
        known = usage.prompt_tokens + usage.completion_tokens - 1;
        messages.push({ role: "assistant", content: choices[0]?.message.content ?? "" });
      }
    };
    const topics = ["Workers and routers.", "Blocks of a cache.", "Graphs and links.", "A lease."];
    await Promise.all(topics.map(converse));
    console.log(`  reused ${reused} of ${reusable} tokens`);
    expect(reusable).toBeGreaterThan(5000);
    expect(reused / reusable).toBeGreaterThanOrEqual(0.95);
  });

  test("the mode changes while they serve, and no request fails", async () => {
    let isOver = false;
    let numServed = 0;
    const client = async (id: number) => {
      for (let i = 0; !isOver; i++) {
        const content = `Client ${id} asks about the router, number ${i}.`;
        await chat(server, { messages: [{ role: "user", content }], max_tokens: 4 });
        numServed++;
      }
    };
    const clients = Promise.all([0, 1, 2, 3, 4, 5].map(client));
    const modes = [
      "random",
      "round-robin",
      "kv-load",
      "approx-kv",
      "least-loaded",
      "kv-blocks",
      "kv",
    ];
    for (const mode of modes) {
      const servedBefore = numServed;
      const changed = await put(server, "Processor/router", mode);
      expect([mode, changed.status]).toEqual([mode, 200]);
      while (numServed < servedBefore + 12) await Bun.sleep(5);
    }
    isOver = true;
    await clients;
    for (const mode of modes) {
      expect(await server.metric("dynamo_router_requests_total", { mode })).toBeGreaterThan(0);
    }
    const labels = { status: "error" };
    expect(await server.metric("dynamo_frontend_requests_total", labels)).toBe(0);
    expect(await server.metric("dynamo_router_booked_requests")).toBe(0);
  });

  test("a session stays at one worker, however its client names it, also in the mode random", async () => {
    await put(server, "Processor/router", "random");
    const ask = async (name: string, headers: Record<string, string>, fields: object) => {
      const messages = [{ role: "user", content: `Where does ${name} go?` }];
      const nvext = { annotations: ["query_instance_id"] };
      const body = JSON.stringify({ messages, nvext, max_tokens: 1, ...fields });
      const url = `${server.url}/v1/chat/completions`;
      const answer = await fetch(url, { method: "POST", headers, body });
      return JSON.stringify(((await answer.json()) as { nvext?: object }).nvext);
    };
    const ways = [
      ["x-dynamo-session-id", {}],
      ["session_id", {}],
      ["", { session_id: "c" }],
      ["", { prompt_cache_key: "d" }],
    ] as const;
    for (const [index, [header, fields]] of ways.entries()) {
      const headers: Record<string, string> = header === "" ? {} : { [header]: `one ${index}` };
      const workers = new Set<string>();
      for (let i = 0; i < 10; i++) workers.add(await ask(header, headers, fields));
      expect([...workers]).toEqual([expect.stringMatching(/\d/)]);
    }
    await put(server, "Processor/router", "kv");
  });

  test("a mode that does not exist is refused, with those that do", async () => {
    const response = await put(server, "Processor/router", "clever");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("approx-kv");
    const unknown = await put(server, "Processor/block-size", "64");
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toContain("it has: router");
  });

  test("docs/routing.md lists the families of a router, with their types", async () => {
    const document = readFileSync(join(root, "docs/routing.md"), "utf8");
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const documented = [...document.matchAll(/^\| `(\w+)` \| (counter|gauge) \|/gm)];
    const served = [...metrics.matchAll(/^# TYPE ((?:llm_|dynamo_router_)\w+) (\w+)/gm)];
    const rows = (matches: RegExpMatchArray[]) => matches.map(([, ...row]) => row.join(" ")).sort();
    expect(rows(served)).toEqual(rows(documented));
  });

  test("each decision is in the log, with what was weighed", () => {
    const lines = server.stderr().split("\n");
    const line = lines.find((one) => one.includes("routed") && one.includes("mode=kv")) ?? "";
    expect(line).toMatch(
      /request=chatcmpl-\S+ mode=kv tokens=\d+ blocks=\d+ worker=\d+ overlap=\d+/,
    );
    expect(line.match(/\d+: overlap \d+, new \d+, queued \d+, active \d+, cost \S+/g)).toHaveLength(
      NUM_WORKERS,
    );
  });
});

describe("a worker that dies under load", () => {
  let server: Server;
  beforeAll(async () => {
    const graph = join(import.meta.dir, "fixtures/mortal.ts");
    server = await startServer({
      args: [
        ...[`${graph}:Frontend`, "--model", "built-in", "--Processor.router=kv"],
        ...["--MortalWorker.ServiceArgs.workers=4", "--MortalWorker.max-num-seqs=4"],
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(() => server?.stop());

  async function live(): Promise<readonly number[]> {
    const nvext = { backend_instance_id: 1_000_000 };
    const messages = [{ role: "user", content: "?" }];
    const request = { model: "built-in", messages, nvext };
    const answer = await (await server.post("/v1/chat/completions", request)).text();
    const [, ids = ""] = /the live workers are: ([\d, ]+)\./.exec(answer) ?? [];
    return ids.split(", ").map(Number);
  }

  test("costs none of the others' requests, and comes back", async () => {
    const before = await live();
    expect(before).toHaveLength(NUM_WORKERS);
    const ask = (worker: number | undefined, i: number, seed = 1) =>
      chat(server, {
        model: "built-in",
        messages: [{ role: "user", content: `Question ${i} of many: what does a lease hold?` }],
        ...{ max_tokens: 60, ignore_eos: true, seed },
        nvext: { backend_instance_id: worker },
      });
    const [victim, ...others] = before;
    const expected = await ask(others[0], 0);
    const pinned = others.flatMap((worker) => Array.from({ length: 8 }, () => ask(worker, 0)));
    const doomed = Array.from({ length: 8 }, () => ask(victim, 0).catch(() => undefined));
    const routed = Array.from({ length: 16 }, (_, i) => ask(undefined, i).catch(String));
    await Bun.sleep(30);
    const deadly = ask(victim, 0, 666).catch(String);
    for (const { choices } of await Promise.all(pinned)) {
      expect(choices).toEqual(expected.choices);
    }
    await Promise.all([deadly, ...doomed]);
    // Requests that the router placed may have failed only if they had begun on the victim.
    const failed = (await Promise.all(routed)).filter((one) => typeof one === "string");
    console.log(`  ${failed.length} of 16 routed requests were on the victim and had begun`);
    for (const text of failed) expect(text).toContain("actor_down");
    let after = await live();
    for (let i = 0; i < 400 && after.length < NUM_WORKERS; i++) {
      await Bun.sleep(10);
      after = await live();
    }
    expect(after).toHaveLength(NUM_WORKERS);
    expect(after).not.toContain(victim as number);
    expect(await server.metric("dynamo_router_booked_requests")).toBe(0);
    expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
  });
});

describe("greedy text", () => {
  const questions = [
    "How do I change the router?",
    "What does a worker do with its blocks when a client leaves in the middle of a long answer?",
    "Tell me about graphs.",
  ];

  async function answersOf(args: readonly string[]): Promise<readonly string[]> {
    const server = await startServer({ args });
    try {
      const asked = [...questions, ...questions, ...questions].map(async (content) => {
        const messages = [{ role: "user", content }];
        const { choices } = await chat(server, { messages, max_tokens: 40 });
        return choices[0]?.message.content ?? "";
      });
      return await Promise.all(asked);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  }

  test("of agg_router and routerless equals that of agg, bit for bit", async () => {
    const agg = await answersOf(["graphs.agg:Frontend"]);
    const router = ["graphs.agg_router:Frontend", "-f", "configs/built-in-router.yaml"];
    expect(await answersOf(router)).toEqual(agg);
    expect(
      await answersOf(["graphs.routerless:Frontend", "-f", "configs/routerless.yaml"]),
    ).toEqual(agg);
  });
});

test("a client that leaves a worker without a router frees it at once, also while its prompt waits", async () => {
  const server = await startServer({
    args: [
      ...[
        "graphs.routerless:Frontend",
        "--VllmWorkerRouterLess.model=mock",
        "--VllmWorkerRouterLess.engine=mocker",
      ],
      ...[
        "--VllmWorkerRouterLess.max-num-batched-tokens=64",
        "--VllmWorkerRouterLess.max-num-seqs=1",
      ],
    ],
    env: { DYNAMO_VERIFY: "1" },
  });
  try {
    const leaving = new AbortController();
    const request = { model: "mock", prompt: "x".repeat(12_000), max_tokens: 4 };
    const requests = [0, 1, 2].map(() =>
      server.post("/v1/completions", request, leaving.signal).catch(() => undefined),
    );
    while ((await server.metric("vllm:num_requests_waiting")) < 2) await Bun.sleep(5);
    leaving.abort();
    await Promise.all(requests);
    const held = [
      "vllm:num_requests_running",
      "vllm:num_requests_waiting",
      "dynamo_kv_blocks_used",
    ];
    for (const name of held) {
      for (let i = 0; i < 100 && (await server.metric(name)) > 0; i++) await Bun.sleep(10);
      expect([name, await server.metric(name)]).toEqual([name, 0]);
    }
    expect(await server.metric("vllm:prompt_tokens_total")).toBe(0);
    const { usage } = await server.complete({
      model: "mock",
      prompt: "still there?",
      max_tokens: 2,
    });
    expect(usage.completion_tokens).toBe(2);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

describe("at the command line", () => {
  test("a mode that needs a Router is exit 2 in a graph without one, also for a dry run", async () => {
    const command = ["serve", "graphs.agg:Frontend", "--Processor.router=kv"];
    for (const args of [command, [...command, "--dry-run"]]) {
      const { code, stderr } = await runDynamo(args);
      expect(code).toBe(2);
      expect(stderr).toContain("graphs.agg_router");
    }
  });

  test("--explain-routing is for graphs with a Router", async () => {
    const args = ["--explain-routing", "--dry-run"];
    const without = await runDynamo(["serve", "graphs.agg:Frontend", ...args]);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain("graphs.agg_router");
    const { code, stdout } = await runDynamo(["serve", "graphs.agg_router:Frontend", ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain('"explain-routing": true');
  });
});
