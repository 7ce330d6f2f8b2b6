// The code blocks of a document, and what its shell blocks would run.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../e2e/server.ts";

export interface Block {
  /** `docs/tutorial.md:34 ts`: where it is, for people. */
  readonly name: string;
  readonly line: number;
  /** Words of the fence: the language, and after it what the test is to know. */
  readonly language: string;
  readonly options: string;
  readonly text: string;
}

export function blocksOf(document: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = readFileSync(join(root, document), "utf8").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", language = "", options = ""] =
      /^(\s*)```(\S*)\s*(.*)$/.exec(lines[at] ?? "") ?? [];
    if (!lines[at]?.trimStart().startsWith("```")) continue;
    const begin = at + 1;
    at = lines.indexOf(`${indent}\`\`\``, begin);
    if (at < 0) throw new Error(`${document}:${begin} begins a block that does not end`);
    const text = lines.slice(begin, at).map((line) => line.slice(indent.length));
    const name = `${document}:${begin} ${language}`;
    blocks.push({ name, line: begin, language, options, text: `${text.join("\n")}\n` });
  }
  return blocks;
}

/** The file that a block is, by its first line: `// graphs/hello.ts` or `# configs/hello.yaml: why`. */
export function fileOf({ text }: Block): string | undefined {
  return /^(?:\/\/|#) ([\w./-]+\.(?:ts|yaml))(?::|$)/m.exec(text.split("\n", 1)[0] ?? "")?.[1];
}

/** `graphs.hello` of `graphs/hello.ts`. */
export function moduleOf(file: string): string {
  return file.replace(/\.ts$/, "").replaceAll("/", ".");
}

/** The commands of a shell block. One goes on over lines for as long as bash would not take it for whole. */
export function commandsOf({ text }: Block): readonly string[] {
  const commands: string[] = [];
  let command = "";
  for (const line of text.split("\n")) {
    command += `${line}\n`;
    if (line.endsWith("\\") || spawnSync("bash", ["-n", "-c", command]).status !== 0) continue;
    if (command.replace(/^\s*#.*/, "").trim() !== "") commands.push(asDynamo(command.trim()));
    command = "";
  }
  return commands;
}

/** `npm start` as the command it runs, once everything is installed and built (scripts/start.mjs). */
function asDynamo(command: string): string {
  return command.replace(/^npm start( --)?/, "./dynamo serve graphs.agg:Frontend");
}

/** True if a command runs until Ctrl-C. */
export function serves(command: string): boolean {
  return /^\.\/dynamo serve( |$)/.test(command) && !/ --(dry-run|help)\b/.test(command);
}
