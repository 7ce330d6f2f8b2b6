// The commands, and the way from an argument list to one of them.

import { type ArgsDef, type CommandMeta, renderUsage } from "citty";

import { version } from "../../package.json";
import { didYouMean } from "../base/nearest.ts";
import { type readArgv, scanArgv } from "./argv.ts";
import type { Command } from "./command.ts";
import { type CliContext, processContext } from "./context.ts";
import { reportingErrors } from "./report-errors.ts";
import { isModelPath } from "./target.ts";
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
  pack: {
    description: "Make an image of a model, with packed weights",
    load: async () => (await import("./pack.ts")).packCommand,
  },
  pull: {
    description: "Fetch a model from the Hugging Face hub",
    load: async () => (await import("./pull.ts")).pullCommand,
  },
  list: {
    description: "List the models in the Hugging Face cache",
    load: async () => (await import("./list.ts")).listCommand,
  },
  show: {
    description: "Tell what a model of the hub is, before it is fetched",
    load: async () => (await import("./show.ts")).showCommand,
  },
  rm: {
    description: "Remove a model from the Hugging Face cache",
    load: async () => (await import("./rm.ts")).rmCommand,
  },
  "systemd-unit": {
    description: "Print a unit file with which systemd keeps a server running",
    load: async () => (await import("./systemd-unit.ts")).systemdUnitCommand,
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
  return reportingErrors(
    () => dispatch(argv, context),
    (text) => context.err(`dynamo: ${text}\n`),
  );
}

async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  const [first, ...rest] = argv;
  if (first === "help") return dispatch([...rest, "--help"], context);
  if (first === undefined || first.startsWith("-")) return runRoot(argv, context);
  const entry = COMMANDS[first];
  if (!entry && isModelPath(first, context.workingDir))
    return dispatch(["serve", ...argv], context);
  if (!entry) throw await unknownCommand(first);
  const command = await entry.load();
  const parsed = scanArgv(rest, command);
  if (parsed.flags.has("help")) {
    context.out(await renderHelp(command, context));
    return 0;
  }
  return command.run({ ...parsed, argv: rest, context });
}

async function unknownCommand(word: string): Promise<UsageError> {
  const { builtInGraphs } = await import("../built-in-graphs.ts");
  const [module = ""] = word.split(":");
  const isGraph =
    /\.[cm]?[jt]sx?$/.test(module) ||
    module in builtInGraphs ||
    `graphs.${module}` in builtInGraphs;
  const hint = isGraph
    ? ` To serve a graph, write dynamo serve ${word}.`
    : `${didYouMean(word, Object.keys(COMMANDS))} See dynamo --help.`;
  return new UsageError(`there is no command ${JSON.stringify(word)}.${hint}`);
}

async function runRoot(argv: readonly string[], context: CliContext): Promise<number> {
  const { flags } = await readRootArgv(argv);
  context.out(flags.has("version") ? `dynamo ${version}\n` : await renderRootHelp(context));
  return 0;
}

async function readRootArgv(argv: readonly string[]): Promise<ReturnType<typeof readArgv>> {
  const read = scanArgv(argv, { args: ROOT_ARGS, synonyms: {} });
  const [problem] = read.problems;
  if (!problem) return read;
  const serve = await COMMANDS["serve"]?.load();
  const isOfServe = serve && scanArgv(argv, serve).problems.length === 0;
  if (!isOfServe) throw problem;
  throw new UsageError(`${argv[0]} is for a command; write dynamo serve ${argv.join(" ")}`);
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
  return forReader(`${usage}\n\n${BEGIN}`, context);
}

const BEGIN = `TO BEGIN

  dynamo serve            Serve the built-in model on http://127.0.0.1:8000
  dynamo serve --model DIR, or dynamo DIR, or dynamo MODEL.gguf: a model of yours
`;

function forReader(text: string, { isTerminal }: CliContext): string {
  const lines = text.split("\n").map((line) => line.trimEnd());
  return isTerminal ? lines.join("\n") : Bun.stripANSI(lines.join("\n"));
}
