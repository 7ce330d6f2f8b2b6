// The compiled executable on a socket that another process has opened, as systemd's socket units do.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { executable, freePort, type Server, startServer } from "./server.ts";

const launcher = join(import.meta.dir, "fixtures/socket-activation.ts");

const folder = mkdtempSync(join(tmpdir(), "e2e-socket-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A connection of its own for each request. */
const FRESH = { keepalive: false };

const codeOf = (error: unknown) =>
  error instanceof Error && "code" in error ? String(error.code) : "";

async function start(
  host: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ server: Server; url: string }> {
  const port = await freePort();
  const command = [process.execPath, launcher, host, String(port), executable];
  const server = await startServer({ args, command, port, env });
  return { server, url: `http://127.0.0.1:${port}` };
}

test("the socket's port is served, and no client is refused while the frontend is restarted", async () => {
  const file = join(folder, "fail");
  const graph = `${join(import.meta.dir, "fixtures/failing-door.ts")}:Frontend`;
  const env = { FAILING_DOOR: file };
  const { server, url } = await start("127.0.0.1", [graph, "-f", "configs/mock.yaml"], env);
  expect(server.stderr()).toContain(`url=${url}/`);
  writeFileSync(file, "");
  const codes = new Set<string>();
  while (!server.stderr().includes("Frontend:1 restarts")) {
    codes.add(await fetch(`${url}/live`, FRESH).then(String, codeOf));
  }
  rmSync(file);
  const answer = await server.complete({ model: "mock", prompt: "hello", max_tokens: 3 });
  expect(answer.usage.completion_tokens).toBe(3);
  expect([...codes]).not.toContain("ConnectionRefused");
  expect(await server.stop()).toBe(0);
});

test("a socket that other machines reach is refused where the configuration keeps them out", async () => {
  const refused = start("0.0.0.0", ["graphs.agg:Frontend", "-f", "configs/mock.yaml"]);
  await expect(refused).rejects.toThrow(/LISTEN_FDS is on 0\.0\.0\.0/);
  const args = ["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--Frontend.insecure=true"];
  const { server } = await start("0.0.0.0", args);
  expect(await server.stop()).toBe(0);
});

test("another descriptor than a socket of TCP is refused before anything starts", async () => {
  const file = join(folder, "no-socket");
  writeFileSync(file, "");
  const script = `exec 3<"${file}"; LISTEN_FDS=1 LISTEN_PID=$$ exec "${executable}" serve --port 0`;
  const child = Bun.spawn(["sh", "-c", script], { stdio: ["ignore", "ignore", "pipe"] });
  expect(await new Response(child.stderr).text()).toBe(
    "dynamo: Frontend: LISTEN_FDS: descriptor 3 is no socket of TCP; give it one (ListenStream=127.0.0.1:8000), or start the server without LISTEN_FDS\n",
  );
  expect(await child.exited).toBe(2);
});
