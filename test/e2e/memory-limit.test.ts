// A model whose weights are 60 % of the memory that the server may fill, under mixed load: kept to, and not killed.
//
//   npm test -- soak      an hour of it (default: 8 s)

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeRandomDirectory } from "../model/random-directory.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { ControlGroup, hasControlGroups } from "./control-group.ts";
import { executable, runDynamo, type Server, startServer } from "./server.ts";

const SOAK_SECONDS = Number(process.env["DYNAMO_SOAK_SECONDS"] ?? 8);
/** 284 M parameters in 8 bits. */
const WEIGHTS_BYTES = 302e6;
const LIMIT_BYTES = Math.floor(WEIGHTS_BYTES / 0.6);
const CLIENTS = 4;

const folder = mkdtempSync(join(tmpdir(), "e2e-memory-"));
const model = join(folder, "m284");
beforeAll(() =>
  writeRandomDirectory(model, {
    dtype: "BF16",
    shape: {
      ...{ architecture: "llama", vocabSize: 32000, hiddenSize: 1024, intermediateSize: 3072 },
      ...{ numLayers: 20, numHeads: 16, numKvHeads: 8, headSize: 64, rmsNormEps: 1e-5 },
      ...{ ropeTheta: 1e4, contextLength: 2048, isTied: true, pre: "llama-bpe" },
    },
  }),
);
afterAll(() => rmSync(folder, { recursive: true }));

const args = [
  ...["graphs.agg:Frontend", "--model", model, "--VllmWorker.quantization=q8"],
  ...["--VllmWorker.max-num-batched-tokens=512", "--VllmWorker.max-num-seqs=16"],
];

test.skipIf(!hasControlGroups())(
  `a control group is kept to: no kill in ${SOAK_SECONDS} s of mixed load, weights being packed, cached and read again (needs control groups of one's own)`,
  async () => {
    using group = new ControlGroup("soak", LIMIT_BYTES);
    const command = [...group.command, executable];
    const env = { XDG_CACHE_HOME: folder };
    const packing = await startServer({ args, command, env });
    expect(packing.stderr()).toContain("from=model");
    await mixedLoad(packing, SOAK_SECONDS / 2);
    await packing.stop();
    const cached = await startServer({ args, command, env });
    expect(cached.stderr()).toContain("from=cache");
    await mixedLoad(cached, SOAK_SECONDS / 2);
    expect(await cached.stop()).toBe(0);
    expect(group.kills).toBe(0);
  },
  hangLimit(2000 * SOAK_SECONDS + 300_000),
);

test("memory-limit is kept to without a group: all that is resident, code included", async () => {
  const server = await startServer({
    args: [
      ...[...args, `--VllmWorker.memory-limit=${LIMIT_BYTES / 1e6}MB`],
      "--VllmWorker.weight-cache=false",
    ],
  });
  await mixedLoad(server, 2);
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const peak = 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  console.log(`  at most ${(peak / 1e6).toFixed(0)} of ${(LIMIT_BYTES / 1e6).toFixed(0)} MB`);
  expect(peak).toBeGreaterThan(WEIGHTS_BYTES);
  expect(peak).toBeLessThan(LIMIT_BYTES);
  expect(await server.stop()).toBe(0);
});

test("a memory-limit that the model does not fit into is refused before it loads", async () => {
  const started = startServer({ args: [...args, "--VllmWorker.memory-limit=0.4GiB"] });
  await expect(started).rejects.toThrow(/needs 0\.\d+ GB of memory, and 0\.30 GB are free/);
});

test("a model that is larger than its limit is served from an image that is mapped", async () => {
  const image = join(folder, "image");
  expect((await runDynamo(["pack", model, image, "-q", "q8"])).stderr).not.toContain("ERROR");
  const limited = [
    ...["graphs.agg:Frontend", "--model", image, "--VllmWorker.max-num-batched-tokens=256"],
    ...["--VllmWorker.max-num-seqs=4", "--VllmWorker.memory-limit=250MB"],
  ];
  await expect(startServer({ args: limited })).rejects.toThrow(/needs .* of memory/);
  const server = await startServer({ args: [...limited, "--VllmWorker.map-weights=true"] });
  const request = { model: "image", prompt: [5, 6, 7], max_tokens: 3, ignore_eos: true };
  expect((await server.complete(request)).usage.completion_tokens).toBe(3);
  const memory = readFileSync(`/proc/${server.pid}/smaps_rollup`, "utf8");
  const own = 1024 * Number(/^Anonymous:\s+(\d+) kB$/m.exec(memory)?.[1]);
  console.log(`  ${(own / 1e6).toFixed(0)} MB of its own`);
  expect(own).toBeLessThan(250e6);
  expect(await server.stop()).toBe(0);
});

/** Long and short prompts, streams and bodies, and clients that leave, for at least `seconds`. */
async function mixedLoad(server: Server, seconds: number): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  const statuses = new Set<number>();
  const client = async (seed: number) => {
    const random = seededRandom(seed);
    do {
      const words = random() < 0.2 ? 120 : 10; // the memory that is left gives a context of some 200
      const prompt = Array.from({ length: words }, () => Math.floor(random() * 32000));
      const body = { model: "m284", prompt, stream: random() < 0.5, ignore_eos: true };
      const leaves = random() < 0.2;
      const signal = AbortSignal.timeout(leaves ? 200 : hangLimit(600_000));
      const answer = server.post("/v1/completions", { ...body, max_tokens: 8 }, signal);
      await answer
        .then(async (response) => {
          statuses.add(response.status);
          await response.text();
        })
        .catch((error: unknown) => {
          if (!leaves) throw error;
        });
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, seed) => client(seed + 1)));
  expect([...statuses]).toEqual([200]);
}
