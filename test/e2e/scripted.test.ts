// A scripted engine behind the whole server: its answers are exact, and all else acts as for a model.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { executable, type Server, startServer } from "./server.ts";

const START_MS = 30_000;
const scratch = mkdtempSync(join(tmpdir(), "dynamo-scripted-"));

function scriptFile(name: string, entries: readonly object[]): string {
  const path = join(scratch, name);
  writeFileSync(path, JSON.stringify(entries)); // which is YAML, too
  return path;
}

const SAID = "Grüße aus Zürich 🎉, end.";
const script = scriptFile("answers.yaml", [
  { match: "greet", text: SAID, split: "bytes" },
  { match: "later", text: "Later." },
  { text: "first" },
  { text: "second" },
  { match: "slowly", text: "a b c d e f g h", "delay-ms": 60_000 },
]);

function serve(...more: readonly string[]): Promise<Server> {
  return startServer({
    args: [
      "graphs.agg:Frontend",
      "-f",
      "configs/scripted.yaml",
      `--VllmWorker.script=${script}`,
      ...more,
    ],
  });
}

let server: Server;
beforeAll(async () => {
  server = await serve();
}, START_MS);
afterAll(async () => {
  await server.stop();
  rmSync(scratch, { recursive: true });
});

const user = (content: string) => ({ role: "user", content });

async function chat(fields: object): Promise<Response> {
  const response = await server.post("/v1/chat/completions", { model: "scripted", ...fields });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response;
}

interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

async function answer(fields: object): Promise<Answer> {
  return (await (await chat(fields)).json()) as Answer;
}

async function deltas(fields: object): Promise<readonly string[]> {
  const text = await (await chat({ ...fields, stream: true })).text();
  return text
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta.content)
    .filter((content) => typeof content === "string" && content !== "");
}

describe("a scripted engine", () => {
  test("streams an answer byte by byte, in whole characters", async () => {
    const pieces = await deltas({ messages: [user("please greet me")] });
    expect(pieces).toEqual([...SAID]);
  });

  test("keeps to limits and stop strings, and counts as for a model", async () => {
    const messages = [
      user("greet again, in a prompt that is long enough for a block of the prefix cache"),
    ];
    const [whole, cut, stopped] = [
      await answer({ messages }),
      await answer({ messages, max_tokens: 3 }),
      await answer({ messages, stop: "Zürich" }),
    ];
    expect(whole.choices[0]).toMatchObject({ message: { content: SAID }, finish_reason: "stop" });
    expect(whole.usage.completion_tokens).toBe(Buffer.byteLength(SAID) + 1);
    expect(cut.choices[0]).toMatchObject({
      message: { content: "Gr\ufffd" },
      finish_reason: "length",
    });
    expect(stopped.choices[0]).toMatchObject({
      message: { content: "Grüße aus " },
      finish_reason: "stop",
    });
    expect(stopped.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
  });

  test("answers the newest thing said, and others in turn", async () => {
    const say = async (...texts: readonly string[]) =>
      (await answer({ messages: texts.map(user) })).choices[0]?.message.content;
    expect(await say("greet me later")).toBe("Later.");
    expect(await say("later", "and greet")).toBe(SAID);
    expect([await say("x"), await say("y"), await say("z")]).toEqual(["first", "second", "first"]);
    const two = await answer({ messages: [user("x")], n: 2 });
    expect(two.choices.map(({ message }) => message.content).toSorted()).toEqual([
      "first",
      "second",
    ]);
  });

  test("takes a prompt of 40,000 tokens", async () => {
    const messages = [user("42 ".repeat(20_000)), user("greet")];
    const { choices, usage } = await answer({ messages });
    expect(choices[0]?.message.content).toBe(SAID);
    expect(usage.prompt_tokens).toBeGreaterThan(40_000);
  });

  test("gives up a play whose client leaves, though its step would last", async () => {
    const leaving = new AbortController();
    const asked = server.post(
      "/v1/chat/completions",
      { model: "scripted", messages: [user("slowly")] },
      leaving.signal,
    );
    const refused = asked.then(
      () => "answered",
      () => "left",
    );
    const numRunning = () => server.metric("vllm:num_requests_running");
    while ((await numRunning()) === 0) await Bun.sleep(20);
    leaving.abort();
    expect(await refused).toBe("left");
    while ((await numRunning()) > 0) await Bun.sleep(20);
    expect((await answer({ messages: [user("greet")] })).choices[0]?.message.content).toBe(SAID);
  });
});

describe("a configuration", () => {
  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    [
      "a script that cannot be played",
      [`--VllmWorker.script=${scriptFile("bad.yaml", [{ txt: 1 }])}`],
      "entry 1: an entry has",
    ],
    [
      "a script for another engine",
      [`--VllmWorker.script=${script}`, "--VllmWorker.engine=native"],
      "plays no script",
    ],
    ["an unknown parser", ["--Processor.tool-call-parser=hermess"], "hermes"],
    [
      "a template that is not there",
      ["--Processor.chat-template=none.jinja"],
      "none.jinja is not there",
    ],
  ];
  for (const [name, flags, message] of wrong) {
    test(`with ${name} is refused before anything starts`, async () => {
      const args = [
        "serve",
        "graphs.agg:Frontend",
        "-f",
        "configs/scripted.yaml",
        "--port",
        "0",
        ...flags,
      ];
      const child = Bun.spawn([executable, ...args], { stdio: ["ignore", "ignore", "pipe"] });
      const stderr = await new Response(child.stderr).text();
      expect(await child.exited).not.toBe(0);
      expect(stderr).toContain(message);
    });
  }
});
