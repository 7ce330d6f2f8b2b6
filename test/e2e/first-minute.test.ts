// A new user's first minute: an empty folder, the executable, and nothing else.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { executable, freePort, runDynamo } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "e2e-first-minute-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  stderr(): string;
}

/** Resolves when a line of stderr has `text`. */
async function start(
  args: readonly string[],
  text: string,
  command = [executable],
): Promise<Started> {
  const child = Bun.spawn([...command, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      stderr += decoder.decode(bytes, { stream: true });
      if (stderr.split("\n").some((line) => line.includes(text))) resolve();
    }
    reject(new Error(`it ended without ${JSON.stringify(text)}:\n${stderr}`));
  })();
  await promise;
  return { child, stderr: () => stderr };
}

function paste(line: string): string {
  const { stdout } = Bun.spawnSync(["sh", "-c", line], { cwd: folder, stderr: "ignore" });
  return stdout.toString();
}

const READY = /^ready: (http:\/\/127\.0\.0\.1:\d+) {2}try: (curl .*)$/m;

describe("in an empty folder", () => {
  test(
    "dynamo serve ends its start with a command that answers",
    async () => {
      const { child, stderr } = await start(["serve", "--port", "0"], "ready: ");
      try {
        const lines = stderr().trimEnd().split("\n");
        const [, url = "", command = ""] = READY.exec(lines.at(-1) ?? "") ?? [];
        expect(command).toStartWith(`curl ${url}/v1/chat/completions `);
        const answer = JSON.parse(paste(command)) as {
          choices: [{ message: { content: string } }];
        };
        expect(answer.choices[0].message.content).not.toBe("");
        for (const line of lines.slice(0, -1)) {
          expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S* (INFO|WARN) /);
        }
      } finally {
        child.kill("SIGTERM");
      }
      expect(await child.exited).toBe(0);
    },
    hangLimit(60_000),
  );

  test(
    "hello_world has a command of its own, and a user's server its address",
    async () => {
      const hello = await start(["serve", "hello_world", "--port", "0"], "ready: ");
      const [, , command = ""] = READY.exec(hello.stderr()) ?? [];
      expect(paste(command)).toContain("Frontend: Middle: Backend: hello");
      hello.child.kill("SIGHUP");
      expect(await hello.child.exited).toBe(0);

      writeFileSync(
        join(folder, "door.ts"),
        'import { Service } from "dynamo";\n' +
          "export default class Door extends Service {\n" +
          '  #server: unknown;\n  override start() { this.#server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hi") }); }\n}\n',
      );
      const door = await start(["serve", "door"], "ready: ");
      const [, url = ""] = /^ready: (http:\/\/127\.0\.0\.1:\d+)$/m.exec(door.stderr()) ?? [];
      expect(await (await fetch(url)).text()).toBe("hi");
      door.child.kill("SIGINT");
      expect(await door.child.exited).toBe(0);
    },
    hangLimit(60_000),
  );

  test(
    "a log in json has nothing else in it, and the level of a service is its own",
    async () => {
      const args = ["serve", "--port", "0", "--log-format", "json", "--log-level", "warn"];
      const own = "--VllmWorker.ServiceArgs.log-level=info";
      const child = Bun.spawn([executable, ...args, own], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      });
      const decoder = new TextDecoder();
      let stderr = "";
      for await (const bytes of child.stderr) {
        stderr += decoder.decode(bytes, { stream: true });
        if (stderr.includes("model ready")) child.kill("SIGINT");
      }
      expect(await child.exited).toBe(0);
      const tags = stderr
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { tag: string }).tag);
      expect([...new Set(tags)]).toEqual(["VllmWorker:1"]);
    },
    hangLimit(60_000),
  );

  test(
    "a server that nohup has started outlives its terminal",
    async () => {
      const { child } = await start(["serve", "--port", "0"], "ready: ", ["nohup", executable]);
      child.kill("SIGHUP");
      expect(await Promise.race([child.exited, Bun.sleep(300)])).toBeUndefined();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
    },
    hangLimit(60_000),
  );
});

describe("what keeps a server from starting", () => {
  test("is told once, before anything is loaded", async () => {
    const port = await freePort();
    const server = Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() });
    const { code, stderr } = await runDynamo(["serve", "--port", String(port)], { cwd: folder });
    await server.stop(true);
    expect(code).toBe(2);
    expect(stderr.match(/is taken by another program/g)).toHaveLength(1);
    expect(stderr).not.toContain("weights");
  });

  test("a service's failure to start is told once", async () => {
    mkdirSync(join(folder, "graphs"), { recursive: true });
    writeFileSync(
      join(folder, "graphs/fails.ts"),
      'import { DynamoError, Service } from "dynamo";\n' +
        'export default class Fails extends Service { #x = 1; override start() { throw new DynamoError("no luck today " + this.#x); } }\n',
    );
    const { code, stderr } = await runDynamo(["serve", "graphs.fails"], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr.match(/no luck today 1/g)).toHaveLength(1);
    expect(stderr).toContain("dynamo: Fails:1 did not start: ");
  });

  test("a limit of address space is told in words, and only a line beside a dry run", async () => {
    const limited = (args: string) => {
      const script = `ulimit -v 2000000; exec ${executable} serve --port 0 ${args}`;
      return Bun.spawnSync(["sh", "-c", script], { cwd: folder });
    };
    const words =
      "VllmWorker.engine: the engine's library cannot be loaded: this process may make no machine code, for want of address " +
      "space (ulimit -v) or since a sandbox forbids it. Raise the limit (ulimit -v unlimited; in systemd LimitAS=infinity), " +
      "allow memory that is written and executed (in systemd MemoryDenyWriteExecute=no), or serve the engine that only takes time: " +
      "-f configs/mock.yaml\n";
    const start = limited("");
    expect(start.stderr.toString()).toBe(`dynamo: ${words}`);
    expect(start.exitCode).toBe(2);
    const dry = limited("--dry-run");
    expect(dry.stderr.toString()).toContain(`dynamo: warning: ${words}`);
    expect(dry.exitCode).toBe(0);
  });

  test("limits of files, their number and their size, are told in words", () => {
    const limited = (limit: string) => {
      const script = `ulimit ${limit}; exec ${executable} serve --port 0`;
      const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", script], { cwd: folder });
      return [exitCode, stderr.toString()];
    };
    expect(limited("-n 40")).toEqual([
      2,
      "dynamo: Frontend: this process may open 40 files at a time, connections included, and a server needs 128; " +
        "raise the limit (ulimit -n 1024; in systemd LimitNOFILE=1024)\n",
    ]);
    const [code, words] = limited("-f 0");
    expect(code).toBe(2);
    expect(words).toMatch(
      /^dynamo: VllmWorker\.engine: a file in memory of \d+ bytes cannot be written: files may not be so large here .* ulimit -f\n$/,
    );
  });

  test("with a log in json is a line of json, too", async () => {
    const args = ["serve", "--log-format", "json", "--frob", "-f", "none.yaml"];
    const { code, stderr } = await runDynamo(args, { cwd: folder });
    expect(code).toBe(2);
    const lines = stderr.trimEnd().split("\n");
    const messages = lines.map((line) => (JSON.parse(line) as { message: string }).message);
    expect(messages).toEqual([
      "unknown flag --frob.",
      expect.stringContaining("there is no configuration file none.yaml."),
    ]);
  });

  test.skipIf(process.getuid?.() !== 0 || Bun.which("setpriv") === null)(
    "a folder that another user may not read is named (needs root, to be another user)",
    () => {
      const closed = join(folder, "closed");
      mkdirSync(closed);
      chmodSync(folder, 0o755);
      chmodSync(closed, 0o700);
      const other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const run = (...args: readonly string[]) => {
        const { exitCode, stderr } = Bun.spawnSync([...other, executable, ...args], { cwd: "/" });
        return `${exitCode} ${stderr}`;
      };
      const denied = "permission denied; let this user";
      expect(run("serve", join(closed, "g.ts"))).toStartWith(
        `2 dynamo: ${closed}/g.ts cannot be read: ${denied} read it`,
      );
      expect(run("serve", "--working-dir", closed)).toContain(`cannot be read: ${denied} read it`);
      expect(run("init", closed)).toContain(`cannot be written: ${denied} write there`);
      expect(run("pack", "built-in", join(closed, "out"))).toBe(
        `1 dynamo: ${closed}/out cannot be made: ${denied} write there, or choose another place\n`,
      );
    },
  );
});
