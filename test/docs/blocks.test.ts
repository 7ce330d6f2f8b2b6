// Every code block of the documents runs. Within a document they run in order, as a reader would work through it:
//
//   ts       a file, named by its first line; it is type-checked, and a later block must serve it
//   yaml     a configuration of agg, or of the graph that its file is named after; it passes --dry-run
//   sh       its commands run; those that serve stay until the next one serves. `sh exit=2` must end so
//   output   what the sh block before it printed; ... stands for anything
//   json     it parses
//   text     a drawing or an excerpt; no test runs it

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import packageJson from "../../package.json";
import { executable, hasTinyStories, root, tinyStories } from "../e2e/server.ts";
import { hangLimit } from "../time-limits.ts";
import { type Block, blocksOf, commandsOf, fileOf, moduleOf, serves } from "./blocks.ts";
import { Session } from "./session.ts";

const BLOCK_MS = hangLimit(120_000);

const guides = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const documents = ["README.md", "CONTRIBUTING.md", ...guides.map((name) => `docs/${name}`)];

for (const document of documents) {
  const blocks = blocksOf(document);
  if (blocks.length === 0) continue;

  describe(document, () => {
    let session: Session;
    let reader: Reader;
    beforeAll(() => {
      session = new Session();
      reader = new Reader(session);
    });
    afterAll(() => session.close(), BLOCK_MS);

    for (const block of blocks) {
      const needsModel = /\bDIR\b/.test(block.text);
      const isSkipped = needsModel && !(hasTinyStories && existsSync(executable));
      const reason = isSkipped ? ` (skipped: needs ${tinyStories} and ./dynamo)` : "";
      test.skipIf(isSkipped)(block.name + reason, () => reader.follow(block), BLOCK_MS);
    }

    test("every file that it shows is served after it", () => {
      expect(neverServed(blocks)).toEqual([]);
    });
  });
}

test("every link between the documents leads to a file", () => {
  expect(documents.flatMap(deadLinksOf)).toEqual([]);
});

test(
  "the files in the documents have the types that their editor sees",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "dynamo-docs-types-"));
    try {
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig()));
      for (const document of documents) writeFiles(join(folder, document), blocksOf(document));
      const tsc = Bun.spawnSync([join(root, "node_modules/.bin/tsc"), "-p", "."], { cwd: folder });
      const errors = tsc.stdout.toString().split("\n");
      const theirs = errors.filter((line) =>
        documents.some((document) => line.startsWith(document)),
      );
      expect(theirs).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  BLOCK_MS,
);

class Reader {
  readonly #session: Session;
  /** Output of the latest sh block. */
  #printed = "";

  constructor(session: Session) {
    this.#session = session;
  }

  async follow(block: Block): Promise<void> {
    switch (block.language) {
      case "ts":
        return this.#file(block);
      case "yaml":
        return this.#configuration(block);
      case "sh":
        return this.#commands(block);
      case "output":
        return expect(this.#printed).toMatch(patternOf(block.text));
      case "json":
        return void JSON.parse(block.text);
      case "text":
        return;
      default:
        throw new Error(`${block.name}: no such kind of block; the head of this test lists them`);
    }
  }

  #file(block: Block): void {
    const file = fileOf(block);
    if (file === undefined) throw new Error(`${block.name}: its first line names no file`);
    this.#session.write(file, block.text);
  }

  async #configuration(block: Block): Promise<void> {
    const file = fileOf(block) ?? "configs/agg.yaml";
    const graph = file.replace(/^configs\//, "graphs/").replace(/\.yaml$/, ".ts");
    this.#session.write(file, block.text);
    const command = `./dynamo serve ${moduleOf(graph)} -f ${file} --dry-run`;
    const { status, output } = await this.#session.run(command);
    expect({ status, output }).toMatchObject({ status: 0 });
  }

  async #commands(block: Block): Promise<void> {
    this.#printed = "";
    const expected = Number(/\bexit=(\d+)/.exec(block.options)?.[1] ?? 0);
    for (const command of commandsOf(block)) {
      if (runsForLong(command)) continue;
      if (serves(command) && expected === 0) await this.#session.serve(command);
      else {
        const { status, output } = await this.#session.run(command);
        expect({ status, output }).toMatchObject({ status: expected });
        this.#printed += output;
      }
    }
  }
}

/** Tests and measurements: it is enough that they are there. */
function runsForLong(command: string): boolean {
  const [, script] = /^npm (?:run )?(\S+)/.exec(command) ?? [];
  if (script !== undefined) expect(Object.keys(packageJson.scripts)).toContain(script);
  const [, file] = /^(?:npx )?bun (?:test )?(\S+)/.exec(command) ?? [];
  if (file !== undefined) expect(existsSync(join(root, file)) ? file : `no ${file}`).toBe(file);
  return script !== undefined || file !== undefined;
}

/** Files that no command serves before the document ends or shows them anew. */
function neverServed(blocks: readonly Block[]): readonly string[] {
  const shown = blocks.flatMap((block, index) => {
    const file = block.language === "ts" ? fileOf(block) : undefined;
    return file === undefined ? [] : [{ file, index, name: block.name }];
  });
  return shown
    .filter(({ file, index }) => {
      const next = shown.find((other) => other.file === file && other.index > index);
      const served = blocks
        .slice(index, next?.index)
        .filter(({ language }) => language === "sh")
        .flatMap((block) => commandsOf(block).filter(serves));
      const name = new RegExp(`^./dynamo serve ${RegExp.escape(moduleOf(file))}(:| |$)`);
      return !served.some((command) => name.test(command));
    })
    .map(({ name }) => name);
}

/** After each file that is shown, a folder with that and all that the reader has by then. */
function writeFiles(folder: string, blocks: readonly Block[]): void {
  const latest = new Map<string, string>();
  for (const block of blocks.filter(({ language }) => language === "ts")) {
    latest.set(fileOf(block) ?? "unnamed.ts", block.text);
    for (const [file, text] of latest) {
      const path = join(folder, `line ${block.line}`, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  }
}

function deadLinksOf(document: string): readonly string[] {
  const text = readFileSync(join(root, document), "utf8").replace(/^```[\s\S]*?^```/gm, "");
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
    (match) => match[1] ?? "",
  );
  const dead = links.filter((link) => !existsSync(join(root, dirname(document), link)));
  return dead.map((link) => `${document}: ${link}`);
}

/** `...` stands for anything, also for several lines. */
function patternOf(text: string): RegExp {
  return new RegExp(`^${text.trim().split("...").map(RegExp.escape).join("[^]*")}\\s*$`);
}

/** As in a clone: users' files see "dynamo" by its sources. */
function tsconfig(): object {
  return {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      typeRoots: [join(root, "node_modules")],
      paths: {
        dynamo: [join(root, "src/sdk/index.ts")],
        "dynamo/components": [join(root, "src/components/index.ts")],
        valibot: [join(root, "node_modules/valibot")],
      },
    },
    include: ["."],
  };
}
