// Clients and frameworks, as they come from npm, against this server: with the scripted engine, and with the built-in
// model. Each run installs them into a folder of its own, and one that cannot be had is skipped by name.
//
//   npm test -- clients
//   CLIENTS_DIR=/tmp/clients npm test -- clients      keeps what was installed for the next run

import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Server, startServer } from "../e2e/server.ts";
import { ended, install } from "../npm.ts";
import { hangLimit } from "../time-limits.ts";
import { CLIENTS, type Client } from "./clients.ts";
import {
  BUILT_IN,
  expected,
  type Said,
  SCRIPT,
  SCRIPT_IN_BYTES,
  SCRIPTED,
  SCRIPTED_IN_BYTES,
} from "./expected.ts";

const DRIVE_MS = hangLimit(60_000);

const scratch = mkdtempSync(join(tmpdir(), "dynamo-clients-"));
const store = process.env["CLIENTS_DIR"] ?? join(scratch, "npm");

const ENGINES = [
  { name: "the scripted engine", args: scripted(SCRIPT), said: SCRIPTED },
  {
    name: "the scripted engine, in bytes",
    args: scripted(SCRIPT_IN_BYTES),
    said: SCRIPTED_IN_BYTES,
  },
  { name: "the built-in model", args: ["-f", "configs/built-in.yaml"], said: BUILT_IN },
];

const servers = await Promise.all(
  ENGINES.map(({ args }) => startServer({ args: ["graphs.agg:Frontend", ...args] })),
);
const problems = new Map<Client, string | undefined>();
for (const client of CLIENTS) problems.set(client, await install(store, client.packages));
cpSync(join(import.meta.dir, "programs"), store, { recursive: true });

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(scratch, { recursive: true, force: true });
});

for (const [index, { name, said }] of ENGINES.entries()) {
  const server = servers[index] as Server;
  describe(name, () => {
    for (const client of CLIENTS) {
      const problem = problems.get(client);
      const reason = problem === undefined ? "" : ` (skipped: ${problem})`;
      test.skipIf(problem !== undefined)(
        `${client.packages.join(" and ")}: chats, streams, tools and thoughts${reason}`,
        async () => {
          const seen = await drive(client, server, said);
          expect(Object.keys(seen).length).toBeGreaterThanOrEqual(4);
          expect(seen).toEqual(expected(Object.keys(seen), said));
        },
        DRIVE_MS + 10_000,
      );
    }
  });
}

function scripted(answers: readonly object[]): readonly string[] {
  const file = join(mkdtempSync(join(scratch, "script-")), "script.json");
  writeFileSync(file, JSON.stringify(answers));
  return [
    ...["-f", "configs/scripted.yaml", `--VllmWorker.script=${file}`],
    "--Processor.reasoning-parser=qwen3",
  ];
}

/** By action: what the client made of it. */
async function drive(
  { program }: Client,
  { url }: Server,
  { model, thoughts }: Said,
): Promise<Record<string, unknown>> {
  const { PATH = "", HOME = "" } = process.env;
  const run = ["node", "run.mjs", program, url, model, thoughts ? "thoughts" : "no-thoughts"];
  const running = { cwd: store, env: { PATH, HOME }, timeoutMs: DRIVE_MS };
  const { status, stdout, stderr } = await ended(run, running);
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n") + 1)) as Record<string, unknown>;
}
