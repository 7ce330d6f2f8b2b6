// `dynamo init`: a first graph, its configuration, and what an editor needs to know their types.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

import { shellPath } from "../base/shell-word.ts";
import { describeWriteError, systemCode } from "../base/system-error.ts";
import type { Command, CommandInput } from "./command.ts";
import { throwAll, UsageError } from "./usage-error.ts";

export const initCommand: Command = {
  meta: { name: "init", description: "Write a first graph, and the types for an editor" },
  synonyms: {},
  args: {
    dir: {
      type: "positional",
      required: false,
      description: "Folder to write into (default: the current one)",
    },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: `WRITES

  graphs/chat.ts      a graph with a service of your own, to change
  configs/chat.yaml   its configuration, with the built-in model
  tsconfig.json       for an editor; tsc -p DIR checks the graphs
  types/              the types of "dynamo", "dynamo/components", valibot and Bun

  A file that is there is kept, but for those of types/: after an update, run it again.
`,
  run: init,
};

/** Theirs is the version of the executable, so they are always written. */
const TYPES = "types/";

async function init({ positionals, problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  const folder = resolve(context.workingDir, positionals[0] ?? ".");
  const source = templates();
  for (const name of filesOf(source)) {
    const path = join(folder, name);
    const isType = name.startsWith(TYPES);
    const isKept = !isType && existsSync(path);
    if (!isKept) write(path, readFileSync(join(source, name)));
    if (isType) continue;
    context.out(`${isKept ? "kept  " : "wrote "} ${relative(context.workingDir, path)}\n`);
  }
  context.out(`wrote  ${relative(context.workingDir, join(folder, TYPES))}/\n`);
  const inFolder = relative(context.workingDir, folder);
  const where = inFolder === "" ? "" : ` --working-dir ${shellPath(inFolder)}`;
  const file = shellPath(join(inFolder, "configs/chat.yaml"));
  context.out(`\nServe it:\n\n  dynamo serve graphs.chat:Frontend -f ${file}${where}\n`);
  return 0;
}

function write(path: string, bytes: Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new UsageError(
      `${path} cannot be written: ${describeWriteError(error)}. Give another folder: dynamo init DIR`,
    );
  }
}

/** Files that scripts/build.ts puts together of templates/ and the types. */
function templates(): string {
  return Bun.isStandaloneExecutable
    ? "/$bunfs/root/init"
    : join(import.meta.dir, "../../native/build/init");
}

function filesOf(folder: string, under = ""): readonly string[] {
  return readdirSync(join(folder, under), { withFileTypes: true })
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      const name = join(under, entry.name);
      return entry.isDirectory() ? filesOf(folder, name) : [name];
    });
}
