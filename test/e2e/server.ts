// Starts the compiled ./dynamo for a test, on a port of its own, and stops it as a user would.

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";

export const root = join(import.meta.dir, "..", "..");
export const executable = join(root, "dynamo");
/** A real model of 656 K parameters, where the workplace has it. */
export const tinyStories = join(root, "..", "shared", "data", "tinystories-656k");
export const hasTinyStories = existsSync(join(tinyStories, "model.safetensors"));

/** The parts of an answer that tests look at. */
export interface Completion {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

export interface ServerOptions {
  /** Arguments after `dynamo serve`. `--port` is added. */
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Command that runs it: an emulator or a chroot, then its path there. */
  readonly command?: readonly string[];
  /** Port to listen on. Default: a free port. */
  readonly port?: number;
  /** Answer that counts the server as started: `/health` with 200, or anything at all. */
  readonly readyWhen?: "healthy" | "listening";
  /** How long the start may take; only a hang takes so long. */
  readonly timeoutMs?: number;
}

export interface Server {
  readonly url: string;
  readonly pid: number;
  /** Everything that it has written to stderr so far. */
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  post(path: string, body: object, signal?: AbortSignal): Promise<Response>;
  /** A text completion that must succeed. */
  complete(body: object): Promise<Completion>;
  readonly exited: Promise<number>;
  /** Ctrl-C, and its exit code. Kills what hangs. */
  stop(): Promise<number>;
  /** The sum of a metric's samples whose labels contain all of `labels`. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

/** Answers that a test leaves behind hold up no stop. */
const SHORT_DRAIN = { DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: "1" };

export async function startServer(options: ServerOptions): Promise<Server> {
  const port = options.port ?? (await freePort());
  const command = options.command ?? [executable];
  const child = Bun.spawn([...command, "serve", ...options.args, "--port", String(port)], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...SHORT_DRAIN, ...options.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) stderr += decoder.decode(bytes, { stream: true });
  })();
  const url = `http://127.0.0.1:${port}`;
  const server: Server = {
    url,
    pid: child.pid,
    stderr: () => stderr,
    signal: (name) => child.kill(name),
    exited: child.exited,
    post: (path, body, signal) =>
      fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      }),
    async complete(body) {
      const response = await server.post("/v1/completions", body);
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as Completion;
    },
    async stop() {
      child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), hangLimit(30_000));
      const code = await child.exited;
      clearTimeout(timer);
      await reading;
      return code;
    },
    async metric(name, labels = {}) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return sumSamples(text, name, labels);
    },
  };
  await waitUntilReady(server, options);
  return server;
}

async function waitUntilReady(
  server: Server,
  { readyWhen = "healthy", timeoutMs = hangLimit(60_000) }: ServerOptions,
): Promise<void> {
  let ended: number | undefined;
  void server.exited.then((code) => {
    ended = code;
  });
  for (let attempt = 0; attempt < timeoutMs / 25; attempt++) {
    if (ended !== undefined) {
      throw new Error(`dynamo ended with code ${ended} before it served:\n${server.stderr()}`);
    }
    const response = await fetch(`${server.url}/health`).catch(() => undefined);
    if (response && (response.ok || readyWhen === "listening")) return;
    await Bun.sleep(25);
  }
  await server.stop();
  throw new Error(`dynamo did not serve within ${timeoutMs} ms:\n${server.stderr()}`);
}

/** Runs the executable to its end. */
export async function runDynamo(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([executable, ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: hangLimit(60_000),
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

export function sumSamples(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    const match = /^([\w:]+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match?.[1] !== name) continue;
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    if (wanted.every((pair) => match[2]?.includes(pair))) sum += Number(match[3]);
  }
  return sum;
}

/** A port without a listener, as the kernel names one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
