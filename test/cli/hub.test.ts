// The commands about models, against a hub on the loopback.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { COMMIT, FakeHub } from "../hub/fake-hub.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { runLine } from "./run-cli.ts";

const random = seededRandom(3);
const WEIGHTS = Buffer.from(Uint8Array.from({ length: 4_000_000 }, () => random() * 256));
const SNAPSHOT = `.cache/huggingface/hub/models--org--model/snapshots/${COMMIT}`;

let hub: FakeHub;
let home: string;

beforeAll(async () => {
  hub = await FakeHub.open();
  home = await mkdtemp(join(tmpdir(), "dynamo-home-"));
  hub.repos.set("org/model", {
    files: { "config.json": Buffer.from('{"model_type":"llama"}'), "model.safetensors": WEIGHTS },
  });
  hub.repos.set("org/small-GGUF", { files: { "small-Q8_0.gguf": WEIGHTS.subarray(0, 5000) } });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

function cli(line: string, more: Record<string, string> = {}) {
  const environment = { HOME: home, HF_ENDPOINT: hub.url, ...more };
  return runLine(line, { workingDir: home, environment });
}

test("pull, list, show and rm", async () => {
  expect(await cli("list")).toMatchObject({
    exitCode: 0,
    out: `no models in ${home}/.cache/huggingface/hub; fetch one: dynamo pull ORG/REPO\n`,
  });
  expect(await cli("pull org/model")).toEqual({
    exitCode: 0,
    out: `${join(home, SNAPSHOT)}: 2 files, 4 MB\nserve it: dynamo serve --model org/model\n`,
    err: "",
  });
  await cli("pull org/small-GGUF:Q8_0");
  expect((await cli("list")).out).toBe(
    "org/model                4 MB  safetensors\norg/small-GGUF:Q8_0      5 kB  GGUF\n",
  );
  const { out } = await cli("show org/model");
  expect(out).toContain("family         llama\n");
  expect(out).toContain("download       4 MB in 2 files\n");
  expect(out).toContain("in the cache   yes\n");
  expect((await cli("rm org/small-GGUF")).out).toBe("removed org/small-GGUF: 5 kB\n");
  expect((await cli("rm org/small-GGUF")).err).toContain("is not in");
});

test("offline no socket is opened", async () => {
  const before = hub.tokens.length;
  const { exitCode, err } = await cli("pull org/other", { HF_HUB_OFFLINE: "1" });
  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: "dynamo: HF_HUB_OFFLINE is set: org/other is not fetched\n",
  });
  expect(hub.tokens).toHaveLength(before);
});

test("a word that is no name of the hub is refused", async () => {
  const { exitCode, err } = await cli("pull model");
  expect(exitCode).toBe(2);
  expect(err).toContain('"model" is no name of the hub; write ORG/REPO');
});

test("a token comes from its file, too", async () => {
  const path = join(home, "token");
  await Bun.write(path, "hf_file\n");
  await cli("pull org/model", { HF_TOKEN_PATH: path });
  expect(hub.tokens.at(-1)).toBe("Bearer hf_file");
});

test(
  "a pull that is killed again and again comes to its end",
  async () => {
    await cli("rm org/model");
    const main = join(import.meta.dir, "../../src/main.ts");
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, HF_ENDPOINT: hub.url };
    const start = () =>
      Bun.spawn([process.execPath, main, "pull", "org/model"], {
        env,
        stdout: "ignore",
        stderr: "ignore",
      });
    const before = hub.numBytes;
    // Each sends at most a part, and is killed when it has.
    for (let kill = 0; kill < 8; kill++) {
      const part = 200_000 + Math.floor(random() * 200_000);
      const { promise: sent, resolve } = Promise.withResolvers<void>();
      hub.faults.stallAfter = part;
      hub.faults.onStall = resolve;
      const child = start();
      await sent;
      child.kill("SIGKILL");
      await child.exited;
    }
    hub.faults.stallAfter = undefined;
    expect(await start().exited).toBe(0);
    expect(readFileSync(join(home, SNAPSHOT, "model.safetensors")).equals(WEIGHTS)).toBe(true);
    expect((hub.numBytes - before) / WEIGHTS.length).toBeLessThan(1.6);
  },
  hangLimit(120_000),
);
