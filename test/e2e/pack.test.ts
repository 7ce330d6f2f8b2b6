// `dynamo pack` on the compiled executable: what it makes is served alone and answers as its source does, whatever the
// source's format; and a process that is killed while it writes, an image or the cache, leaves nothing that is corrupt.
//
//   npm test -- kills      1,000 kills of either (default: 20)

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { tinyShape } from "../model/model-shapes.ts";
import { writeRandomDirectory } from "../model/random-directory.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";
import { hangLimit } from "../time-limits.ts";
import { executable, runDynamo, type Server, startServer } from "./server.ts";

const KILLS = Number(process.env["DYNAMO_KILLS"] ?? 20);
const KILLS_LIMIT = hangLimit(60_000 + 10_000 * KILLS);

const folder = mkdtempSync(join(tmpdir(), "e2e-pack-"));
afterAll(() => rmSync(folder, { recursive: true }));

const REQUEST = { temperature: 0, max_tokens: 12, ignore_eos: true };

async function pack(model: string, out: string, ...flags: readonly string[]) {
  return runDynamo(["pack", model, out, ...flags]);
}

function serve(model: string, ...flags: readonly string[]): Promise<Server> {
  return startServer({ args: ["graphs.agg:Frontend", "--model", model, ...flags] });
}

async function answers(model: string, ...flags: readonly string[]): Promise<string[]> {
  const server = await serve(model, ...flags);
  const texts: string[] = [];
  for (const prompt of ["a b c", "hello there", [5, 6, 7, 8]]) {
    const { choices } = await server.complete({ ...REQUEST, model: basename(model), prompt });
    texts.push(choices[0]?.text ?? "");
  }
  expect(await server.stop()).toBe(0);
  return texts;
}

describe("an image", () => {
  const shape = tinyShape();
  const sources: readonly (readonly [string, (path: string) => void, readonly string[]])[] = [
    ["bf16", (path) => writeRandomDirectory(path, { shape, dtype: "BF16" }), []],
    ["f32 in 8 bits", (path) => writeRandomDirectory(path, { shape, dtype: "F32" }), ["q8"]],
    [
      "gptq",
      (path) => writeRandomDirectory(path, { shape, dtype: "F16", quantization: "gptq" }),
      [],
    ],
    ["q4_k.gguf", (path) => writeRandomGguf(path, { shape, type: { preset: "Q4_K_M" } }), []],
  ];
  for (const [name, write, [quantization]] of sources) {
    test(`of ${name} answers as its source, read and mapped, after the source is gone`, async () => {
      const source = join(folder, name);
      const out = join(folder, `packed ${name}`);
      write(source);
      const online = quantization === undefined ? [] : ["--quantization", quantization];
      const flags = online.length === 0 ? [] : [`--VllmWorker.quantization=${quantization}`];
      const expected = await answers(source, ...flags);
      expect(await pack(source, out, ...online)).toMatchObject({ code: 0 });
      rmSync(source, { recursive: true });
      expect(await answers(out)).toEqual(expected);
      expect(await answers(out, "--VllmWorker.map-weights=true")).toEqual(expected);
    });
  }
});

describe("an image of the built-in model", () => {
  const image = join(folder, "image");
  let copies = 0;
  const copy = () => {
    const path = join(folder, `copy-${++copies}`);
    cpSync(image, path, { recursive: true });
    return path;
  };
  beforeAll(async () => {
    expect(await pack("built-in", image)).toMatchObject({ code: 0 });
  });

  /** How a start that fails explains itself. */
  const refusal = async (model: string, ...flags: readonly string[]) => {
    const server = await serve(model, ...flags).catch((error: Error) => error.message);
    if (typeof server === "string") return server;
    await server.stop();
    throw new Error("it served");
  };

  test("chats by the model's template", async () => {
    const server = await serve(image);
    const messages = [{ role: "user", content: "Who are you?" }];
    const chat = await server.post("/v1/chat/completions", { model: "image", messages });
    expect(JSON.stringify(await chat.json())).toContain("dynamo");
    await server.stop();
  });

  test("is refused where a byte of its weights is another, read or mapped", async () => {
    const path = join(copy(), "weights.dynpack");
    const bytes = readFileSync(path);
    bytes[bytes.length - 5000] = (bytes[bytes.length - 5000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const model = join(path, "..");
    expect(await refusal(model)).toContain("damaged");
    expect(await refusal(model, "--VllmWorker.map-weights=true")).toContain("damaged");
  });

  test("is refused where its weights were cut, or are not there", async () => {
    const cut = copy();
    truncateSync(join(cut, "weights.dynpack"), 100_000);
    expect(await refusal(cut, "--VllmWorker.map-weights=true")).toContain("damaged");
    rmSync(join(cut, "weights.dynpack"));
    expect(await refusal(cut)).toContain("weights.dynpack");
  });

  test("of another instruction set, another form or in other bits is told apart, with the cure", async () => {
    const edit = (from: RegExp, to: string) => {
      const path = join(copy(), "packed-model.json");
      writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
      return join(path, "..");
    };
    const foreign = process.arch === "x64" ? "neon" : "avx2";
    const other = await refusal(edit(/"isa": "[^"]+"/, `"isa": "${foreign}"`));
    expect(other).toContain(`packed for ${foreign}`);
    expect(other).toContain("dynamo pack MODEL OUT");
    expect(await refusal(edit(/"packVersion": \d+/, '"packVersion": 999'))).toContain(
      "pack the model again",
    );
    expect(await refusal(edit(/"hiddenSize": \d+/, '"hiddenSize": -1'))).toContain("hiddenSize");
    expect(await refusal(image, "--VllmWorker.quantization=q4")).toContain("--quantization q4");
  });

  test("that cannot be served here is refused before anything starts", async () => {
    const path = copy();
    rmSync(join(path, "weights.dynpack"));
    const { code, stderr } = await runDynamo(["serve", "--model", path, "--port", "0"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `VllmWorker.model: ${path}/weights.dynpack, the weights of the image, cannot be read: there is no such file\n`,
    );
    const foreign = copy();
    const card = join(foreign, "packed-model.json");
    const text = readFileSync(card, "utf8");
    writeFileSync(card, text.replace(/"isa": "[^"]+"/, '"isa": "none"'));
    const refused = await runDynamo(["serve", "--model", foreign, "--port", "0"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("is packed for none");
  });

  test("can be for less than this machine has", async () => {
    const portable = join(folder, "portable");
    expect((await pack("built-in", portable, "--isa", "portable")).stdout).toContain("portable");
    expect(await answers(portable)).toHaveLength(3);
    expect((await pack("built-in", join(folder, "none"), "--isa", "sse2")).code).not.toBe(0);
  });

  test("is not made over what is there, nor of an image", async () => {
    expect((await pack("built-in", image)).stderr).toContain("not empty");
    expect((await pack(image, join(folder, "again"))).stderr).toContain("packed already");
    expect((await pack(join(folder, "none"), join(folder, "again"))).stderr).toContain("no model");
    expect(existsSync(join(folder, "again"))).toBe(false);
  });
});

describe(`after a kill at any moment (${KILLS} of them)`, () => {
  test(
    "of dynamo pack there is a whole image or none",
    async () => {
      const out = join(folder, "killed");
      const expected = await answers("built-in");
      const begun = performance.now();
      expect(await pack("built-in", out)).toMatchObject({ code: 0 });
      const wholeMs = performance.now() - begun;
      let numWhole = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        rmSync(out, { recursive: true, force: true });
        const child = Bun.spawn([executable, "pack", "built-in", out], { stderr: "ignore" });
        await Bun.sleep(wholeMs * 1.2 * Math.random());
        child.kill("SIGKILL");
        await child.exited;
        if (!existsSync(out)) continue;
        numWhole++;
        expect(await answers(out)).toEqual(expected);
      }
      console.log(`  ${numWhole} of ${KILLS} were whole`);
      rmSync(out, { recursive: true, force: true });
      expect(await pack("built-in", out)).toMatchObject({ code: 0 });
      expect(await answers(out)).toEqual(expected);
      expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
    },
    KILLS_LIMIT,
  );

  test(
    "of a server that packs and caches, the next one answers as ever",
    async () => {
      const model = join(folder, "m70");
      writeRandomDirectory(model, {
        dtype: "BF16",
        // 70 MB, just enough to be cached.
        shape: {
          ...tinyShape(),
          vocabSize: 32000,
          hiddenSize: 1024,
          headSize: 256,
          numLayers: 2,
          isTied: true,
        },
      });
      const env = { XDG_CACHE_HOME: folder };
      const start = () => startServer({ args: ["graphs.agg:Frontend", "--model", model], env });
      const ask = async (server: Server) =>
        (await server.complete({ ...REQUEST, model: "m70", prompt: [7, 8, 9] })).choices[0]?.text;
      const first = await start();
      const expected = await ask(first);
      await first.stop();
      const cache = join(folder, "dynamo");
      for (let kill = 0; kill < KILLS; kill++) {
        if (kill % 3 !== 0) rmSync(cache, { recursive: true, force: true });
        const server = await start();
        await Bun.sleep(150 * Math.random());
        server.signal("SIGKILL");
        await server.exited;
      }
      const last = await start();
      expect(await ask(last)).toBe(expected);
      await last.stop();
    },
    KILLS_LIMIT,
  );
});
