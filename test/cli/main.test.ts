// The entry as a process: what only the operating system can tell.

import { afterEach, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";

const ROOT = join(import.meta.dir, "../..");
const running: Bun.Subprocess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function dynamo(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, "src/main.ts", ...args], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  });
  running.push(child);
  return child;
}

/** Reads the log until a line has `text`; the rest of it is the caller's. */
async function waitFor(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  const decoder = new TextDecoder();
  let log = "";
  for await (const chunk of stream) {
    log += decoder.decode(chunk, { stream: true });
    if (log.includes(text)) return log;
  }
  throw new Error(`it ended without ${JSON.stringify(text)}:\n${log}`);
}

test("--version is one line", async () => {
  const child = dynamo("--version");
  expect(await child.stdout.text()).toMatch(/^dynamo \d+\.\d+\.\d+\n$/);
  expect(await child.exited).toBe(0);
});

for (const args of [["serve", "--help"], ["--version"]]) {
  test(`output of ${args.join(" ")} that nobody reads any more is no failure`, async () => {
    const unread = '(sleep 0.2; "$0" "$@"; echo "code $?" >&2) | true';
    const command = ["sh", "-c", unread, process.execPath, "src/main.ts", ...args];
    const child = Bun.spawn(command, { cwd: ROOT, stderr: "pipe" });
    running.push(child);
    expect(await child.stderr.text()).toBe("code 0\n");
  });
}

test(
  "a server whose log cannot be written, its disk being full, serves all the same",
  async () => {
    const log = openSync("/dev/full", "w");
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const args = ["serve", "graphs.hello_world:Frontend", "--port", String(port)];
    const child = Bun.spawn([process.execPath, "src/main.ts", ...args], { cwd: ROOT, stderr: log });
    running.push(child);
    closeSync(log);
    const body = '{"text": "hello"}';
    const url = `http://127.0.0.1:${port}/generate`;
    let answer: string | undefined;
    for (let attempt = 0; answer === undefined && attempt < hangLimit(2000); attempt++) {
      await Bun.sleep(25);
      const response = await fetch(url, { method: "POST", body }).catch(() => undefined);
      answer = await response?.text();
    }
    expect(answer).toContain("Backend: hello");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
  },
  hangLimit(60_000),
);

test("a mistake ends with 2 and is told on standard error", async () => {
  const child = dynamo("serve", "graphs.agg:Frontend", "--dry-rum");
  expect(await child.exited).toBe(2);
  expect(await child.stdout.text()).toBe("");
  expect(await child.stderr.text()).toBe(
    'dynamo: unknown flag --dry-rum. Did you mean "--dry-run"?\n',
  );
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(
    `a graph that serves ends with 0 on ${signal}`,
    async () => {
      const child = dynamo("serve", "graphs.hello_world:Frontend", "--port", "0");
      await waitFor(child.stderr, "ready");
      child.kill(signal);
      expect(await child.exited).toBe(0);
    },
    hangLimit(60_000),
  );
}
