// The model must not teach what does not exist: every flag, key, route, command, file, variable and metric in
// its answers is looked up where the code has it.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { FACTS } from "../../models/built-in/corpus/facts.ts";
import { scripts } from "../../package.json";
import { runCli } from "../../src/cli/cli.ts";
import type { CliContext } from "../../src/cli/context.ts";

const root = join(import.meta.dir, "../..");
const answers = FACTS.flatMap(({ answer, names = [] }) => [answer, ...names]);
const serveHelp = await helpOf("serve");
const buildScript = readFileSync(join(root, "scripts/build.ts"), "utf8");

describe("what the built-in model's answers name exists:", () => {
  const settings = found(/--([A-Z]\w*\.[\w.-]+\w)/g).map((flag) => flag.slice(2));
  const keys = found(
    /(?<![\w.-])(?:Frontend|Processor|Router|VllmWorker|PrefillWorker)\.[a-z][\w-]*[a-z](?![\w(])/g,
  );
  for (const key of new Set([...settings, ...keys])) {
    if (/^(S|Service)\./.test(key)) continue; // stands for any service
    test(`the key ${key}`, async () => {
      // 64 may be no good value of it, but a name that is not known is said first.
      const { err } = await cli(["serve", ...graphOf(key), `--${key}=64`, "--dry-run"]);
      expect(err).not.toMatch(/no key|unknown|no service/);
    });
  }

  for (const flag of found(/(?<![\w-])(--[a-z][a-z-]*[a-z]|-f)(?![\w.-])/g)) {
    test(`the flag ${flag}`, async () => {
      const help = `${serveHelp}\n${await helpOf()}\n${buildScript}`;
      expect(help).toMatch(new RegExp(`(^|[\\s,"])${flag}\\b`, "m"));
    });
  }

  for (const route of found(/(?<![\w.])\/(v1\/[a-z/]+|health|live|metrics)\b/g)) {
    test(`the route ${route}`, () => {
      const rooms = ["openai", "admin", "responses", "anthropic"].map((room) =>
        sources(`src/${room}`),
      );
      expect(rooms.some((text) => text.includes(`"${route}"`))).toBe(true);
    });
  }

  for (const name of found(/npm (?:run )?[a-z]+\b/g)) {
    test(`the command ${name}`, () => {
      expect(Object.keys(scripts)).toContain(name.split(" ").at(-1) ?? "");
    });
  }

  for (const file of found(
    /\b(?:configs|docs|graphs)\/[\w-]+\.\w+|\b(?:README|CONTRIBUTING)\.md/g,
  )) {
    test(`the file ${file}`, () => expect(existsSync(join(root, file))).toBe(true));
  }

  for (const variable of found(/\bDYN(?:AMO)?_[A-Z_]+\b/g)) {
    test(`the variable ${variable}`, () => expect(serveHelp).toContain(variable));
  }

  for (const metric of found(/\bdynamo_[a-z]+_\w*/g)) {
    test(`the metric ${metric}`, () => expect(sources("src")).toContain(metric));
  }

  for (const code of found(
    /\b(?:no_workers|mailbox_full|context_length_exceeded|server_shutdown)\b/g,
  )) {
    test(`the code ${code}`, () => expect(sources("src")).toContain(`"${code}"`));
  }
});

/** A graph that has the service of the key. */
function graphOf(key: string): readonly string[] {
  if (key.startsWith("Router.")) return graph("agg_router");
  return graph(key.startsWith("PrefillWorker.") ? "disagg" : "agg");
}

function graph(name: string): readonly string[] {
  return [`graphs.${name}:Frontend`, "-f", `configs/${name}.yaml`];
}

/** Each match once, over all answers. */
function found(pattern: RegExp): readonly string[] {
  return [...new Set(answers.flatMap((text) => [...text.matchAll(pattern)].map(([name]) => name)))];
}

async function helpOf(...command: string[]): Promise<string> {
  return (await cli([...command, "--help"])).out;
}

async function cli(argv: readonly string[]) {
  let out = "";
  let err = "";
  const context: CliContext = {
    environment: {},
    workingDir: root,
    isTerminal: false,
    isErrorTerminal: false,
    executable: "/usr/bin/dynamo",
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    onInterrupt: () => () => undefined,
  };
  return { code: await runCli(argv, context), out, err };
}

function sources(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(root, folder, file), "utf8"))
    .join("\n");
}
