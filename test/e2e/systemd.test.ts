// A service manager's view of the compiled executable: a stand-in for systemd's socket, and systemd's own check of the
// unit file where there is one.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Datagrams } from "../cli/datagrams.ts";
import { hangLimit } from "../time-limits.ts";
import { executable, runDynamo, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "e2e-systemd-"));
afterAll(() => rmSync(folder, { recursive: true }));

class Manager extends Datagrams {
  readonly #texts: string[] = [];

  /** All that has come, once `text` is among it as a line. */
  async hears(text: string): Promise<readonly string[]> {
    for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
      this.#texts.push(...this.received());
      if (this.#texts.some((datagram) => datagram.split("\n").includes(text))) return this.#texts;
      await Bun.sleep(20);
    }
    throw new Error(`${text} was not heard, but ${this.#texts.join(" | ")}`);
  }

  forget(): void {
    this.received();
    this.#texts.length = 0;
  }
}

test.each(["path", "abstract"])(
  "a manager at a socket by %s hears of the start, of each beat and of the stop",
  async (kind) => {
    const address = kind === "path" ? join(folder, "notify") : `@dynamo-e2e-${process.pid}`;
    using manager = new Manager(address);
    const server = await startServer({
      args: ["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
      env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "200000" },
    });
    const start = await manager.hears("READY=1");
    expect(start[0]).toBe("STATUS=starting");
    for (let beat = 0; beat < 3; beat++) {
      manager.forget();
      await manager.hears("WATCHDOG=1");
    }
    server.signal("SIGTERM");
    await manager.hears("STOPPING=1");
    expect(await server.exited).toBe(0);
  },
);

test("the watchdog hears nothing of a main thread whose instance is stuck in native code, and all again afterwards", async () => {
  const address = `@dynamo-e2e-stuck-${process.pid}`;
  using manager = new Manager(address);
  const server = await startServer({
    args: [
      `${join(import.meta.dir, "fixtures/stuck.ts")}:Stuck`,
      "--Stuck.ServiceArgs.heartbeat-timeout-ms=300",
    ],
    env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "200000" },
  });
  await manager.hears("WATCHDOG=1");
  const pipe = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  const answer = fetch(`${server.url}/?pipe=${pipe}`).catch(() => undefined);
  await manager.hears("STATUS=stuck: Stuck:1");
  manager.forget();
  await Bun.sleep(1000); // five of the watchdog's limits
  expect(manager.received()).toEqual([]);
  writeFileSync(pipe, "go on");
  await manager.hears("WATCHDOG=1");
  await answer;
  expect(await server.stop()).toBe(0);
});

test("a watchdog that watches another process hears no beat", async () => {
  const address = `@dynamo-e2e-other-${process.pid}`;
  using manager = new Manager(address);
  const server = await startServer({
    args: ["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
    env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "200000", WATCHDOG_PID: "1" },
  });
  await manager.hears("READY=1"); // and no beat: the watchdog is process 1's own
  await Bun.sleep(500);
  expect(manager.received()).toEqual([]);
  expect(await server.stop()).toBe(0);
});

const analyze = Bun.which("systemd-analyze");

test.skipIf(analyze === null)(
  "systemd-analyze verify accepts the unit file, and sees little that it may do (needs systemd)",
  async () => {
    const args = ["systemd-unit", "graphs.agg:Frontend", "-p", "80", "--Frontend.host=0.0.0.0"];
    const { code, stdout, stderr } = await runDynamo(args, { cwd: "/" });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`ExecStart=${executable} serve graphs.agg:Frontend -p 80 `);
    const unit = join(folder, "dynamo.service");
    writeFileSync(unit, stdout);
    // Its findings about other units of the machine are not ours.
    const verify = Bun.spawnSync(["systemd-analyze", "verify", "--man=no", unit]);
    const said = verify.stderr.toString().split("\n");
    expect(said.filter((line) => line.includes("dynamo"))).toEqual([]);
    const security = Bun.spawnSync([
      ...["systemd-analyze", "security", "--offline=true", "--threshold=25", unit],
    ]);
    console.log(security.stdout.toString().split("\n").at(-2) ?? "");
    expect(security.exitCode).toBe(0);
  },
);

test("systemd-unit refuses the flags that serve refuses", async () => {
  const { code, stderr } = await runDynamo(["systemd-unit", "--modle", "x"]);
  expect(code).toBe(2);
  expect(stderr).toContain("--model");
});
