// Plays the reader of one document, top to bottom: a folder with ./dynamo in it, files written there, one server
// at a time, and commands in another window.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { executable, freePort, root, tinyStories } from "../e2e/server.ts";
import { hangLimit } from "../time-limits.ts";

export interface Outcome {
  readonly status: number;
  /** Both streams, as a terminal shows them. */
  readonly output: string;
}

/** The port that the documents write. */
const WRITTEN = "localhost:8000";
const COMMAND_MS = hangLimit(30_000);
const READY_MS = hangLimit(60_000);

export class Session {
  readonly folder = mkdtempSync(join(tmpdir(), "dynamo-docs-"));
  #server: ChildProcess | undefined;
  #log: Promise<Outcome> | undefined;
  #port = 0;

  constructor() {
    this.write(".curlrc", "silent\nshow-error\n"); // no progress bar, as in a terminal
    symlinkSync(tinyStories, join(this.folder, "DIR"));
    if (existsSync(executable)) symlinkSync(executable, join(this.folder, "dynamo"));
    else {
      const command = `exec ${process.execPath} ${join(root, "src/main.ts")} "$@"`;
      this.write("dynamo", `#!/bin/sh\n${command}\n`, 0o755);
    }
  }

  write(path: string, text: string, mode = 0o644): void {
    const absolute = join(this.folder, path);
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, text, { mode });
  }

  /** Address of this session's server. */
  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Runs a command to its end. */
  async run(command: string): Promise<Outcome> {
    const child = this.#spawn(command.replaceAll(WRITTEN, `localhost:${this.#port}`));
    const timer = setTimeout(() => killGroup(child, "SIGKILL"), COMMAND_MS);
    try {
      return await outcomeOf(child);
    } finally {
      clearTimeout(timer);
      killGroup(child, "SIGKILL");
    }
  }

  /** Ends the server that runs, as Ctrl-C does, and starts another. Resolves when it takes requests. */
  async serve(command: string): Promise<void> {
    await this.interrupt();
    this.#port = await freePort();
    const server = this.#spawn(`${command.replace(/#.*/, "")} --port ${this.#port}`);
    const log = outcomeOf(server);
    for (const begun = performance.now(); performance.now() < begun + READY_MS; ) {
      if (server.exitCode !== null) break;
      // A graph without the route says 404, which is as good.
      const health = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(1000) }).catch(
        () => undefined,
      );
      if (health && health.status !== 503) {
        this.#server = server;
        this.#log = log;
        return;
      }
      await Bun.sleep(25);
    }
    killGroup(server, "SIGKILL");
    throw new Error(`${command}\nended, or took no request in time:\n${(await log).output}`);
  }

  /** Ctrl-C for the server, if there is one. Anything but a clean end is an error. */
  async interrupt(): Promise<void> {
    const [server, log] = [this.#server, this.#log];
    if (!server || !log) return;
    this.#server = undefined;
    killGroup(server, "SIGINT");
    const timer = setTimeout(() => killGroup(server, "SIGKILL"), COMMAND_MS);
    const { status, output } = await log;
    clearTimeout(timer);
    if (status !== 0) throw new Error(`Ctrl-C: it ended with ${status}\n${output}`);
  }

  async close(): Promise<void> {
    try {
      await this.interrupt();
    } finally {
      rmSync(this.folder, { recursive: true });
    }
  }

  #spawn(command: string): ChildProcess {
    return spawn("bash", ["-euo", "pipefail", "-c", command], {
      cwd: this.folder,
      env: { ...process.env, CURL_HOME: this.folder },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a process group, so that nothing of it outlives the test
    });
  }
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  return { status, output };
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) throw error;
  }
}
