// The commands, and the way from an argument list to an exit code:
//
//   0  done            1  failed while running            2  bad usage, graph or configuration

import { type ArgsDef, type CommandMeta, renderUsage } from "citty";

import { version } from "../../package.json";
import { DynamoError, errorCode } from "../base/error.ts";
import { didYouMean } from "../serve/nearest.ts";
import { readArgv } from "./argv.ts";
import type { Command } from "./command.ts";
import { type CliContext, processContext } from "./context.ts";
import { UsageError } from "./usage-error.ts";

/** One file a command, imported when it is called. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve: {
    description: "Serve a graph of services",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  init: {
    description: "Write a first graph, and the types for an editor",
    load: async () => (await import("./init.ts")).initCommand,
  },
};

interface CommandEntry {
  readonly description: string;
  load(): Promise<Command>;
}

const ROOT_META: CommandMeta = {
  name: "dynamo",
  version,
  description: "A whole LLM inference cluster in one executable",
};

const ROOT_ARGS: ArgsDef = {
  help: { type: "boolean", alias: "h", description: "Show this help, or that of a command" },
  version: { type: "boolean", alias: "V", description: "Show the version" },
};

export async function runCli(
  argv: readonly string[],
  context: CliContext = processContext(),
): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    context.err(`dynamo: ${describeError(error)}\n`);
    return FOUND_BEFORE_START.has(errorCode(error)) ? 2 : 1;
  }
}

const FOUND_BEFORE_START: ReadonlySet<string> = new Set([
  "usage",
  "invalid_config",
  "invalid_graph",
  "invalid_service",
  "graph_not_loadable",
  "unknown_service",
]);

async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  const [first, ...rest] = argv;
  if (first === "help") return dispatch([...rest, "--help"], context);
  if (first === undefined || first.startsWith("-")) return runRoot(argv, context);
  const entry = COMMANDS[first];
  if (!entry) {
    const known = Object.keys(COMMANDS);
    throw new UsageError(
      `there is no command ${JSON.stringify(first)}.${didYouMean(first, known)} See dynamo --help.`,
    );
  }
  const command = await entry.load();
  const parsed = readArgv(rest, command);
  if (parsed.flags.has("help")) {
    context.out(await renderHelp(command, context));
    return 0;
  }
  return command.run({ ...parsed, context });
}

async function runRoot(argv: readonly string[], context: CliContext): Promise<number> {
  const { flags } = readArgv(argv, { args: ROOT_ARGS, synonyms: {} });
  context.out(flags.has("version") ? `dynamo ${version}\n` : await renderRootHelp(context));
  return 0;
}

async function renderHelp({ meta, args, epilogue }: Command, context: CliContext): Promise<string> {
  const usage = await renderUsage({ meta, args }, { meta: ROOT_META });
  return forReader(`${usage}\n${epilogue}`, context);
}

async function renderRootHelp(context: CliContext): Promise<string> {
  const subCommands = Object.fromEntries(
    Object.entries(COMMANDS).map(([name, { description }]) => [name, { meta: { description } }]),
  );
  const usage = await renderUsage({ meta: ROOT_META, args: ROOT_ARGS, subCommands });
  return forReader(`${usage}\n`, context);
}

function forReader(text: string, { isTerminal }: CliContext): string {
  const lines = text.split("\n").map((line) => line.trimEnd());
  return isTerminal ? lines.join("\n") : Bun.stripANSI(lines.join("\n"));
}

/** An expected failure is its message; anything else is a bug, and its stack says where. */
function describeError(error: unknown): string {
  if (error instanceof DynamoError) return error.message;
  return `unexpected failure: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
