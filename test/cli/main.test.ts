// The entry as a process: what only the operating system can tell.

import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";

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

test("output that nobody reads any more is no failure", async () => {
  const child = dynamo("serve", "--help");
  await child.stdout.cancel();
  expect(await child.exited).toBe(0);
});

test("a mistake ends with 2 and is told on standard error", async () => {
  const child = dynamo("serve", "graphs.agg:Frontend", "--dry-rum");
  expect(await child.exited).toBe(2);
  expect(await child.stdout.text()).toBe("");
  expect(await child.stderr.text()).toBe(
    'dynamo: unknown flag --dry-rum. Did you mean "--dry-run"?\n',
  );
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`a graph that serves ends with 0 on ${signal}`, async () => {
    const child = dynamo("serve", "graphs.hello_world:Frontend", "--port", "0");
    await waitFor(child.stderr, "ready");
    child.kill(signal);
    expect(await child.exited).toBe(0);
  }, 20_000);
}
