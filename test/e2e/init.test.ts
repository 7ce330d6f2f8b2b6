// `dynamo init` in an empty folder, with the executable alone: what it writes serves, and an editor sees mistakes in it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { blocksOf, fileOf } from "../docs/blocks.ts";
import { hangLimit } from "../time-limits.ts";
import { root, runDynamo, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "dynamo-init-"));
const args = ["graphs.chat:Frontend", "-f", "site/configs/chat.yaml", "--working-dir", "site"];
const graph = join(folder, "site/graphs/chat.ts");

beforeAll(async () => {
  const { code, stdout, stderr } = await runDynamo(["init", "site"], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith("wrote  site/configs/chat.yaml\nwrote  site/graphs/chat.ts\n");
  expect(stdout).toEndWith(`\nServe it:\n\n  dynamo serve ${args.join(" ")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test(
  "what it wrote passes --dry-run without a warning, and answers",
  async () => {
    const { code, stdout, stderr } = await runDynamo(["serve", ...args, "--dry-run"], {
      cwd: folder,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain('"persona": "You are brief and friendly."');
    const server = await startServer({ args, cwd: folder });
    try {
      const answer = await server.post("/v1/chat/completions", {
        ...{ model: "dynamo", messages: [{ role: "user", content: "hello" }], max_tokens: 4 },
      });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 4 } });
    } finally {
      expect(await server.stop()).toBe(0);
    }
  },
  hangLimit(60_000),
);

test("a file that is there is kept, and the types are written again", async () => {
  const own = readFileSync(graph, "utf8").replace("Persona extends", "Mine extends");
  const types = join(folder, "site/types/dynamo.d.ts");
  const written = readFileSync(types, "utf8");
  writeFileSync(graph, own);
  writeFileSync(types, "");
  const { code, stdout } = await runDynamo(["init"], { cwd: join(folder, "site") });
  expect(code).toBe(0);
  expect(stdout).toContain("kept   graphs/chat.ts\n");
  expect(stdout).toContain("wrote  types/\n");
  expect(readFileSync(graph, "utf8")).toBe(own);
  expect(readFileSync(types, "utf8")).toBe(written);
  writeFileSync(graph, own.replace("Mine extends", "Persona extends"));
});

test("a folder that cannot be written is named, with the cure", async () => {
  writeFileSync(join(folder, "file"), "");
  const { code, stderr } = await runDynamo(["init", "file"], { cwd: folder });
  expect(code).toBe(2);
  expect(stderr).toContain(
    "file/configs/chat.yaml cannot be written: a part of its path is a file",
  );
  expect(stderr).toContain("Give another folder: dynamo init DIR");
});

describe("an editor", () => {
  const mistakes = (text: string) => {
    writeFileSync(join(folder, "site/graphs/more.ts"), text);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const child = Bun.spawnSync([process.execPath, tsc, "-p", "site"], { cwd: folder });
    return child.stdout.toString().trim();
  };

  test("sees no mistake in what it wrote, nor in the tutorial's graphs", () => {
    for (const block of blocksOf("docs/tutorial.md")) {
      const file = block.language === "ts" ? fileOf(block) : undefined;
      if (file !== undefined) writeFileSync(join(folder, "site", file), block.text);
    }
    expect(mistakes("export {};")).toBe("");
  });

  for (const [mistake, code, error] of [
    ["a link that does not fit", "Frontend.link(VllmWorker);", "not assignable to parameter"],
    ["a link further down", "Frontend.link(Processor).link(Frontend);", "not assignable to param"],
    ["a role that is none", 'chatRequest({ messages: [{ role: "usr", content: "" }] });', "usr"],
    ["a key of a configuration", "new Processor().config.modle;", "Did you mean 'model'?"],
    ["an endpoint", "new Processor().worker.generat;", "Did you mean 'generate'?"],
    ["an answer's type", "const n: number = await textOf([] as never); export { n };", "'string'"],
  ] as const) {
    test(`underlines ${mistake}`, () => {
      const names = "chatRequest, Frontend, Processor, textOf, VllmWorker";
      const text = `import { ${names} } from "dynamo/components";\n${code}\nexport {};`;
      const found = mistakes(text).split("\n");
      expect(found[0]).toStartWith("site/graphs/more.ts(2,");
      expect(found.join("\n")).toContain(error);
    });
  }
});
