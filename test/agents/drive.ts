// Agents, as they come from npm, do a whole task on this server: a look, an edit, an answer. They are no dependency
// of anything here: each run installs them into a folder of its own, and one that cannot be had is skipped by name.
//
//   npm test -- agents
//   AGENTS_DIR=/tmp/agents npm test -- agents      keeps what was installed for the next run

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort, startServer } from "../e2e/server.ts";
import { ended, install } from "../npm.ts";
import { type Agent, agentsAt } from "./agents.ts";
import { FILE, LAST_WORDS, right, scriptOf, wrong } from "./script.ts";

const TASK_MS = 120_000;
const MODEL = "scripted";

const kept = process.env["AGENTS_DIR"];
const scratch = mkdtempSync(join(tmpdir(), "dynamo-agents-"));
const store = kept ?? join(scratch, "npm");
const port = await freePort();
const place = { url: `http://127.0.0.1:${port}`, model: MODEL, home: join(scratch, "home") };
const agents = agentsAt(place);
writeFileSync(join(scratch, "script.json"), scriptOf(agents));
const server = await startServer({
  args: [
    ...["graphs.agg:Frontend", "-f", "configs/scripted.yaml"],
    ...[
      `--VllmWorker.script=${join(scratch, "script.json")}`,
      "--Processor.tool-call-parser=hermes",
    ],
  ],
  port,
});

afterAll(async () => {
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
});

for (const agent of agents) {
  const problem = await problemOf(agent);
  const reason = problem === undefined ? "" : ` (skipped: ${agent.package}: ${problem})`;
  test.skipIf(problem !== undefined)(
    `${agent.name} looks at a file, mends it and says so${reason}`,
    async () => {
      const folder = mkdtempSync(join(scratch, "task-"));
      writeFileSync(join(folder, FILE), wrong(agent));
      const output = await run(agent, folder);
      expect({ output, log: server.stderr() }).toMatchObject({
        output: expect.stringContaining(LAST_WORDS),
      });
      expect(readFileSync(join(folder, FILE), "utf8")).toBe(right(agent));
    },
    TASK_MS + 10_000,
  );
}

/** Why it cannot be had, if it cannot. */
async function problemOf(agent: Agent): Promise<string | undefined> {
  const problem = await install(store, [agent.package]);
  if (problem !== undefined) return problem;
  const { status } = await ended([commandOf(agent), "--version"], {
    ...{ cwd: store, env: process.env, timeoutMs: 30_000 },
  });
  return status === 0 ? undefined : `--version ended with ${status}`;
}

async function run(agent: Agent, folder: string): Promise<string> {
  const { PATH = "" } = process.env;
  const env = { PATH, HOME: place.home, TERM: "dumb", ...agent.env };
  const command = [commandOf(agent), ...agent.args];
  const { stdout, stderr } = await ended(command, { cwd: folder, env, timeoutMs: TASK_MS });
  return `${stdout}\n${stderr}`;
}

function commandOf(agent: Agent): string {
  return join(store, "node_modules/.bin", agent.command);
}
