// Packed weights on disk: used when whole, made anew when not, and never in the way of a start.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";

import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import type { LoadedFacts } from "../../src/engine/load-model.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { cacheUsage, WeightCache, type WeightCacheOptions } from "../../src/engine/weight-cache.ts";
import { openModel } from "../../src/model/open-model.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-cache-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const modelDirectory = join(scratch, "tiny model");
writeTinyModel(modelDirectory, { tieWordEmbeddings: false });

const PROMPT = [1, 9, 4, 33, 7, 12];

let directory: string;
let warnings: string[];
let numTests = 0;
beforeEach(() => {
  directory = join(scratch, `cache-${numTests++}`);
  warnings = [];
});

function cacheIn(path: string, options: Partial<WeightCacheOptions> = {}): WeightCache {
  const log = createLogger("test", "info", (line) => warnings.push(line));
  return new WeightCache({ directory: path, log, clock: systemClock, minBytes: 0, ...options });
}

interface Start {
  readonly isCached: boolean;
  readonly sample: { readonly id: number; readonly logprob: number };
}

/** Opens the tiny model as a process would, takes one sample, and lets the cache end its work. */
async function start(cache: WeightCache | undefined, owner = 1): Promise<Start> {
  const works: Promise<void>[] = [];
  let facts: LoadedFacts | undefined;
  const runner = await openNativeRunner({
    model: await openModel(modelDirectory),
    library: builtLibrary,
    owner,
    threads: 2,
    kvCacheDType: "float32",
    poolName: "cache",
    totalBlocks: 4,
    ...(cache && { cache }),
    follow: (work) => works.push(work),
    onLoaded: (loaded) => {
      facts = loaded;
    },
    limits: {
      ...{ maxNumSeqs: 1, maxNumBatchedTokens: 16, maxModelLen: 32 },
      ...{ blockSize: 16, firstBlock: 0, numBlocks: 4 },
    },
  });
  try {
    await Promise.all(works);
    const { batch } = runner;
    batch.tokenIds.set(PROMPT);
    batch.queryStartLoc.set([0, PROMPT.length]);
    batch.seqLens[0] = PROMPT.length;
    batch.blockTables.set([0, 1]);
    fillGreedyRow(batch, 0, PROMPT.length - 1);
    runner.submit({ numSeqs: 1, numTokens: PROMPT.length, numRows: 1 });
    await runner.wait();
    const sample = { id: batch.sampledIds[0] as number, logprob: batch.logprobs[0] as number };
    return { isCached: facts?.from === "cache", sample };
  } finally {
    runner.close();
  }
}

function onlyFile(): string {
  const files = readdirSync(directory);
  expect(files).toHaveLength(1);
  return join(directory, files[0] as string);
}

describe.skipIf(!isBuilt)("the cache of packed weights (needs `npm run build`)", () => {
  test("a second start maps what the first has packed, and computes the same", async () => {
    const plain = await start(undefined);
    const first = await start(cacheIn(directory));
    const second = await start(cacheIn(directory));
    expect(first).toEqual({ ...plain, isCached: false });
    expect(second).toEqual({ ...plain, isCached: true });
    expect(onlyFile()).toMatch(/tiny_model-[0-9a-f]{16}\.dynpack$/);
    expect(await cacheUsage(directory)).toEqual({ bytes: statSync(onlyFile()).size, numFiles: 1 });
    expect(warnings).toEqual([]);
  });

  test("a file that is damaged or cut is passed over, and replaced by a whole one", async () => {
    const { sample } = await start(cacheIn(directory));
    const path = onlyFile();
    const whole = readFileSync(path);
    const damage = fc.record({
      at: fc.nat(whole.length - 1),
      mask: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, mask }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ mask;
        rmSync(path);
        writeFileSync(path, bytes);
        if (mask === 0) truncateSync(path, at);
        expect(await start(cacheIn(directory))).toEqual({ isCached: false, sample });
        expect(readFileSync(path).equals(whole)).toBe(true);
        expect(await start(cacheIn(directory))).toEqual({ isCached: true, sample });
      }),
      { numRuns: 40 },
    );
  });

  test("a pipe in the place of a file does not hold up a start, and is replaced", async () => {
    const { sample } = await start(cacheIn(directory));
    const path = onlyFile();
    rmSync(path);
    Bun.spawnSync(["mkfifo", path]);
    expect(await start(cacheIn(directory))).toEqual({ isCached: false, sample });
    expect(await start(cacheIn(directory))).toEqual({ isCached: true, sample });
  });

  test("other weights under the same name are another file", async () => {
    await start(cacheIn(directory));
    writeTinyModel(modelDirectory, { tieWordEmbeddings: false, seed: 2 });
    const plain = await start(undefined);
    expect(await start(cacheIn(directory))).toEqual(plain);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test("processes that write at once leave one whole file", async () => {
    const script = `
      const { writeFileSync } = await import("node:fs");
      const { WeightCache } = await import("${join(import.meta.dir, "../../src/engine/weight-cache.ts")}");
      const { systemClock } = await import("${join(import.meta.dir, "../../src/base/clock.ts")}");
      const { createLogger } = await import("${join(import.meta.dir, "../../src/base/log.ts")}");
      const bytes = new Uint8Array(10 << 20).fill(77);
      const cache = new WeightCache({
        directory: process.argv[1], log: createLogger("test"), clock: systemClock, minBytes: 0,
      });
      await cache.save("model", {
        numBytes: bytes.length,
        read: (offset, length) => bytes.subarray(offset, offset + length),
        isGone: () => false,
      });
    `;
    const writers = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, "-e", script, directory], { stderr: "pipe" }),
    );
    for (const writer of writers) {
      expect(await writer.exited).toBe(0);
      expect(await new Response(writer.stderr).text()).toBe("");
    }
    const bytes = readFileSync(onlyFile());
    expect(bytes.equals(Buffer.alloc(10 << 20, 77))).toBe(true);
  });

  test("workers of one process write once", async () => {
    const cache = cacheIn(directory);
    const starts = await Promise.all([start(cache, 1), start(cache, 1), start(cache, 2)]);
    expect(new Set(starts.map(({ sample }) => sample.logprob)).size).toBe(1);
    onlyFile();
    expect(warnings).toEqual([]);
  });
});

/** Strange things at a cache path that are not to be read: each is made at the path that is given. */
const STRANGE: Readonly<Record<string, (path: string) => unknown>> = {
  "a pipe": (path) => Bun.spawnSync(["mkfifo", path]),
  "a link to a device": (path) => symlinkSync("/dev/zero", path),
  "a link to a pipe": (path) => {
    Bun.spawnSync(["mkfifo", `${path}.pipe`]);
    symlinkSync(`${path}.pipe`, path);
  },
  "a link to nothing": (path) => symlinkSync("/nowhere", path),
  "a socket": (path) => Bun.listen({ unix: path, socket: { data() {} } }).unref(),
  "a file that others may write": (path) => {
    writeFileSync(path, "weights");
    chmodSync(path, 0o666);
  },
  ...(process.getuid?.() === 0 && {
    "another user's file": (path: string) => {
      writeFileSync(path, "weights");
      chownSync(path, 12345, 12345);
    },
  }),
};

describe("what is no file of ours", () => {
  const image = { numBytes: 7, read: () => Buffer.from("weights"), isGone: () => false };
  const contentOf = (cache: WeightCache) =>
    cache.withFile("model", (fd) => (fd === undefined ? undefined : readFileSync(fd, "utf8")));

  for (const [name, make] of Object.entries(STRANGE)) {
    test(`${name} is passed over, and replaced`, async () => {
      const cache = cacheIn(directory);
      mkdirSync(directory);
      make(join(directory, "model.dynpack"));
      expect(contentOf(cache)).toBeUndefined();
      await cache.save("model", image);
      expect(contentOf(cache)).toBe("weights");
      expect(warnings).toEqual([]);
    });
  }

  test("a folder that others may write to is not used, and named", async () => {
    const cache = cacheIn(directory);
    await cache.save("model", image);
    for (const mode of [0o770, 0o702]) {
      chmodSync(directory, mode);
      expect(contentOf(cache)).toBeUndefined();
      await cache.save("other", image);
      expect(readdirSync(directory)).toEqual(["model.dynpack"]);
      expect(warnings.splice(0).join("")).toMatch(/other users may write to the folder.*cache-/);
    }
    chmodSync(directory, 0o755);
    expect(contentOf(cache)).toBe("weights");
  });

  test("a directory is passed over, and stays", async () => {
    const cache = cacheIn(directory);
    mkdirSync(join(directory, "model.dynpack"), { recursive: true });
    expect(contentOf(cache)).toBeUndefined();
    await cache.save("model", image);
    expect(warnings).toHaveLength(1);
    expect(readdirSync(directory)).toEqual(["model.dynpack"]);
  });

  test("neither counts nor is swept away", async () => {
    mkdirSync(directory);
    for (const name of ["a.dynpack", "b.dynpack.1.part"]) mkdirSync(join(directory, name));
    Bun.spawnSync(["mkfifo", join(directory, "c.dynpack"), join(directory, "d.dynpack.1.part")]);
    utimesSync(join(directory, "b.dynpack.1.part"), 1000, 1000);
    await cacheIn(directory, { maxBytes: 7 }).save("model", image);
    expect(await cacheUsage(directory)).toEqual({ bytes: 7, numFiles: 1 });
    expect(readdirSync(directory)).toHaveLength(5);
    expect(warnings).toEqual([]);
  });
});

describe("what the system refuses is one warning", () => {
  const image = (numBytes: number) => ({
    numBytes,
    read: (_: number, length: number) => new Uint8Array(length),
    isGone: () => false,
  });

  test("a directory that cannot be written", async () => {
    writeFileSync(directory, "a file, where the cache wants a directory");
    await cacheIn(join(directory, "dynamo")).save("model", image(100));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("weight-cache=false");
  });

  test("a file system that is read-only, also for root", async () => {
    await cacheIn("/sys/dynamo").save("model", image(100));
    expect(warnings).toHaveLength(1);
  });

  test("a full disk, which keeps nothing of it", async () => {
    const create = async (path: string) => {
      await (await open(path, "wx")).close();
      return open("/dev/full", "w");
    };
    await cacheIn(directory, { create }).save("model", image(100));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("ENOSPC");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("an image whose runner is closed is given up without a word", async () => {
    let numReads = 0;
    await cacheIn(directory).save("model", {
      ...image(100 << 20),
      read: (_, length) => {
        numReads++;
        return new Uint8Array(length);
      },
      isGone: () => numReads === 2,
    });
    expect(readdirSync(directory)).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

describe("the size of the cache", () => {
  const image = { numBytes: 1000, read: () => new Uint8Array(1000), isGone: () => false };

  test("models that are small, or beyond the limit, are left out", async () => {
    await cacheIn(directory, { minBytes: 1001 }).save("small", image);
    await cacheIn(directory, { maxBytes: 999 }).save("large", image);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("weight-cache-size");
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  });

  test("is a tenth of what the disk has free, what it takes itself counted as free", async () => {
    const tenth = cacheIn(directory, { freeBytes: async () => 1e9 });
    const save = (numBytes: number) => tenth.save("b", { ...image, numBytes });
    const spacious = cacheIn(directory, { freeBytes: async () => 2e9 });
    await spacious.save("a", image);
    expect(warnings).toEqual([]);
    await save(1e8 + 101);
    expect(warnings.pop()).toContain("a tenth of the free space");
    await save(1e8 + 99); // within the limit, but the disk keeps more than that free
    expect(warnings.pop()).toContain("no room");
    expect(readdirSync(directory)).toEqual(["a.dynpack"]);
  });

  test("beyond the limit the files that were used last stay", async () => {
    const cache = cacheIn(directory, { maxBytes: 3500 });
    for (const name of ["a", "b", "c"]) await cache.save(name, image);
    for (const [index, name] of ["a", "b", "c"].entries()) {
      utimesSync(join(directory, `${name}.dynpack`), 1000 + index, 1000 + index);
    }
    await cache.touch("a");
    await cache.save("d", image);
    expect(readdirSync(directory).toSorted()).toEqual(["a.dynpack", "c.dynpack", "d.dynpack"]);
  });

  test("parts of processes that have died are swept away, others not", async () => {
    mkdirSync(directory);
    for (const name of ["old", "new"]) writeFileSync(join(directory, `${name}.dynpack.1.part`), "");
    utimesSync(join(directory, "old.dynpack.1.part"), 1000, 1000);
    await cacheIn(directory).save("model", image);
    expect(readdirSync(directory).toSorted()).toEqual(["model.dynpack", "new.dynpack.1.part"]);
  });
});
