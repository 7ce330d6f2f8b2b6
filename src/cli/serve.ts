// `dynamo serve`: graph and configuration to a plan, and the plan to a running deployment, until Ctrl-C.

import { randomBytes } from "node:crypto";
import { resolve } from "node:path";

import { assert } from "../base/assert.ts";
import { systemClock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import { collectStartGarbage } from "../base/start-garbage.ts";
import { builtInConfigs, DEFAULT_CONFIG } from "../built-in-configs.ts";
import { builtInGraphs } from "../built-in-graphs.ts";
import { KEY_VARIABLE } from "../components/frontend/access.ts";
import { EmbeddedQueues } from "../queue/embedded-queue.ts";
import { EmbeddedRegistry, type Journal } from "../registry/embedded-registry.ts";
import { InstanceIds } from "../registry/instance-id.ts";
import { describeService } from "../sdk/describe.ts";
import type { Door } from "../sdk/door.ts";
import type { Graph } from "../sdk/graph.ts";
import { unlinkedDependencies } from "../sdk/unlinked.ts";
import { installSdkModules } from "../sdk-modules.ts";
import { checkPlan } from "../serve/check-plan.ts";
import { ConfigError, renderBriefly } from "../serve/config-error.ts";
import {
  type ConfigSourceOptions,
  configNotice,
  isConfigured,
  readConfig,
} from "../serve/config-source.ts";
import type { ConfigTree } from "../serve/config-tree.ts";
import { deploy } from "../serve/deploy.ts";
import { renderDryRun } from "../serve/dry-run.ts";
import { renderExplanation } from "../serve/explain.ts";
import { type LoadedGraph, loadGraph } from "../serve/load-graph.ts";
import { type DeploymentPlan, planDeployment } from "../serve/plan.ts";
import { type ResolvedConfig, resolveConfig } from "../serve/resolve-config.ts";
import { WorkerHost } from "../transport/thread/host.ts";
import { actorEntry, spawnSideThread } from "../worker-entries.ts";
import type { Command, CommandInput } from "./command.ts";
import type { CliContext } from "./context.ts";
import { modelServices, withModels } from "./default-model.ts";
import { drainTimeoutMs } from "./drain-timeout.ts";
import { withHubModels } from "./hub-models.ts";
import { impliedOverrides } from "./implied-overrides.ts";
import { type LogOptions, mainLogger, readLogLevel, readLogStyle } from "./log-options.ts";
import { openNotifySocket } from "./notify-socket.ts";
import { reportingErrors } from "./report-errors.ts";
import { ServiceManager, withoutManager } from "./service-manager.ts";
import { openState, stateOptions } from "./state-file.ts";
import { readTarget } from "./target.ts";
import { untilEnded } from "./until-ended.ts";
import { throwAll, UsageError } from "./usage-error.ts";

export const serveCommand: Command = {
  meta: { name: "serve", description: "Serve a graph of services" },
  synonyms: { "--config-file": "--file" },
  args: {
    graph: {
      type: "positional",
      required: false,
      description:
        "A built-in graph (agg, the default; agg_router, disagg, ...), module:Entry (graphs.mine:Frontend is graphs/mine.ts), a path (./my/graph.ts:Entry), or a model: DIR, MODEL.gguf",
    },
    file: {
      type: "string",
      alias: "f",
      valueHint: "FILE",
      description:
        "YAML: a map of services, each with a map of its keys. Without a model in it, the built-in one serves",
    },
    model: {
      type: "string",
      valueHint: "MODEL",
      description:
        "Model for every service that takes one: a directory, a GGUF file, or ORG/REPO[:TAG] of the Hugging Face hub, which is fetched if it is not here",
    },
    port: {
      type: "string",
      alias: "p",
      valueHint: "PORT",
      description: "Port of the entry service",
    },
    host: {
      type: "string",
      valueHint: "HOST",
      description: "Address that the entry service listens on",
    },
    "api-key-file": {
      type: "string",
      valueHint: "FILE",
      description: "Requests need a key of this file: a line NAME KEY, or NAME KEY admin, for each",
    },
    "tls-cert": {
      type: "string",
      valueHint: "FILE",
      description:
        "Serve HTTPS with this certificate (PEM, with those that lead to its authority); replaced files are taken at once",
    },
    "tls-key": {
      type: "string",
      valueHint: "FILE",
      description: "The private key of --tls-cert",
    },
    "allow-host": {
      type: "string",
      valueHint: "NAME,...",
      description: "Names, beside localhost and HOST, by which clients may call the server",
    },
    "allow-origin": {
      type: "string",
      valueHint: "ORIGIN,...",
      description: "Web pages that may use the server from a browser, as https://chat.example",
    },
    insecure: {
      type: "boolean",
      description: "Serve other machines (--host 0.0.0.0) without API keys",
    },
    "log-level": {
      type: "string",
      valueHint: "LEVEL",
      description:
        "debug, info (default), warn or error; of one service: --Service.ServiceArgs.log-level",
    },
    "log-format": {
      type: "string",
      valueHint: "FORMAT",
      description: "text (default) or json: an object a line on standard error",
    },
    "drain-timeout": {
      type: "string",
      valueHint: "SECONDS",
      description:
        "How long Ctrl-C and SIGTERM let running answers go on (default: 30); then they end with an error",
    },
    state: {
      type: "string",
      valueHint: "FILE",
      description:
        "Keep settings that are changed while the server runs (PUT /config) in this file, for its next start",
    },
    durability: {
      type: "string",
      valueHint: "KIND",
      description:
        "What a change in --state survives: the end of the machine (disk, the default) or of the process (process), which waits for no disk",
    },
    offline: {
      type: "boolean",
      description: "Fetch no model: what is not on this machine is missing (also HF_HUB_OFFLINE=1)",
    },
    "dry-run": {
      type: "boolean",
      description: "Check everything but the model's files, print the configuration, and end",
    },
    explain: {
      type: "boolean",
      description: "Print where each value comes from, and what will run",
    },
    "explain-routing": {
      type: "boolean",
      description: "Log each decision of the router, with all that was weighed",
    },
    "service-name": {
      type: "string",
      valueHint: "SERVICE",
      description: "Run this one service of the graph",
    },
    "working-dir": {
      type: "string",
      valueHint: "DIR",
      description: "Where modules are looked for (default: the current folder)",
    },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: `SETTINGS

  --Service.key=value     Set one key, over the file. Also: --Service.key value, --Service.key = value.
                          Values are JSON where they can be: 8000, true, {"a": 1}; else text.
                          Keys are kebab or snake case; maps are merged:
                          --VllmWorker.ServiceArgs.workers=2

  A flag beats the file, the file beats the service's default.

ENVIRONMENT

  DYNAMO_SERVICE_CONFIG   The configuration as --dry-run prints it; used where no file is given
  DYNAMO_API_KEY          An API key that opens everything, beside those of --api-key-file
  DYN_DEPLOYMENT_CONFIG   YAML that replaces the file
  DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS
                          As --drain-timeout, which goes first
  XDG_CACHE_HOME          Packed weights are kept in its folder dynamo (default: ~/.cache)

EXAMPLES

  dynamo serve
  dynamo serve --model ./SmolLM2-135M-Instruct
  dynamo serve agg_router --VllmWorker.ServiceArgs.workers=2
  dynamo serve graphs.agg:Frontend -f ./configs/agg.yaml --dry-run

EXIT CODES

  0  ended by Ctrl-C, SIGTERM or SIGHUP (unless started with nohup) after what was running had ended; a second Ctrl-C
     ends at once: 130
  1  an instance failed in its first start; one that fails later is started again
  2  bad usage, graph or configuration; nothing was started
`,
  run: serve,
};

/** Logs a line for each fault that keeps a server from starting, if the log is for programs. */
async function serve(given: CommandInput): Promise<number> {
  const { flags, context } = given;
  if (flags.get("log-format") !== "json" || flags.has("dry-run")) return serveOrThrow(given);
  const log = mainLogger({ level: "error", style: { format: "json", isColoured: false } }, context);
  return reportingErrors(() => serveOrThrow(given), log.error);
}

async function serveOrThrow(given: CommandInput): Promise<number> {
  const problems: DynamoError[] = [...given.problems];
  const { input, spec } = withTarget(given, problems);
  const { flags, context } = input;
  const workingDir = resolve(context.workingDir, flags.get("working-dir") ?? ".");
  installSdkModules();
  const loaded = await collect(problems, () =>
    loadGraph(spec, { workingDir, builtIns: builtInGraphs }),
  );
  const options: ConfigSourceOptions = {
    file: flags.get("file") ?? defaultFile(input, loaded?.graph),
    isDefault: !flags.has("file"),
    environment: context.environment,
    workingDir: context.workingDir,
    builtIns: builtInConfigs,
  };
  const written = await collect(problems, () => readConfig(options));
  const resolved =
    loaded && written && (await collect(problems, () => resolveAll(input, loaded, written)));
  const logging = await collectLogging(problems, input);
  const drainMs = await collect(problems, () =>
    drainTimeoutMs(flags.get("drain-timeout"), context.environment),
  );
  const state = await collect(problems, () => ({ options: stateOptions(flags, context) }));
  const warn = warner(logging, context);
  if (loaded) for (const text of unlinkedDependencies(loaded.graph)) warn(text);
  throwAll(problems);
  assert(resolved && logging && drainMs !== undefined, "what could not be resolved is a problem");
  const { config, plan } = resolved;
  const notice = configNotice(options);
  if (notice !== undefined) warn(notice);
  for (const text of warnings(resolved, context)) warn(text);
  const obstacles = await checkPlan(plan, config, {
    environment: context.environment,
    clock: systemClock,
    sideThread: spawnSideThread,
  });
  if (flags.has("dry-run")) {
    for (const one of obstacles) warn(renderBriefly(one));
    printDryRun(resolved, context);
  }
  if (flags.has("explain")) context.out(await renderExplanation(config, plan, context.environment));
  if (flags.has("dry-run")) return 0;
  if (obstacles.length > 0) throw new ConfigError(obstacles);
  const journal = await openState(state?.options);
  return run(plan, { ...logging, drainMs, journal }, context);
}

interface ResolvedServe {
  /** As it was typed: what a dry run prints. */
  readonly tree: ConfigTree;
  readonly config: ResolvedConfig;
  readonly plan: DeploymentPlan;
}

async function resolveAll(
  input: CommandInput,
  { graph, source }: LoadedGraph,
  written: ConfigTree,
): Promise<ResolvedServe> {
  const { flags, context } = input;
  const tree = written.override([...impliedOverrides(input, graph), ...input.overrides]);
  const mayPull = !flags.has("dry-run") && !flags.has("offline");
  const placed = await withHubModels(withModels(tree, graph), graph, { context, mayPull });
  const config = resolveConfig(placed, graph, context.environment);
  const only = flags.get("service-name");
  return { tree, config, plan: planDeployment({ graph, source, config, only }) };
}

/** The result of `read`, or undefined, its failure being one of `problems`. */
async function collect<T>(
  problems: DynamoError[],
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DynamoError)) throw error;
    problems.push(error);
    return undefined;
  }
}

/** Both of its options are told if both are wrong. */
async function collectLogging(
  problems: DynamoError[],
  { flags, context }: CommandInput,
): Promise<LogOptions | undefined> {
  const level = await collect(problems, () => readLogLevel(flags));
  const style = await collect(problems, () => readLogStyle(flags, context));
  return level && style && { level, style };
}

/** A model in the place of the graph is `--model`. */
function withTarget(
  input: CommandInput,
  problems: DynamoError[],
): { readonly input: CommandInput; readonly spec: string } {
  const { graph, model } = readTarget(input.positionals[0], input.context.workingDir);
  if (model === undefined) return { input, spec: graph };
  if (input.flags.has("model")) {
    const message = `${JSON.stringify(model)} is a model, and --model names one, too; give one of the two`;
    problems.push(new UsageError(message));
  }
  return { input: { ...input, flags: new Map([["model", model], ...input.flags]) }, spec: graph };
}

interface RunOptions extends LogOptions {
  readonly drainMs: number;
  readonly journal: Journal | undefined;
}

async function run(
  plan: DeploymentPlan,
  { drainMs, journal, ...logging }: RunOptions,
  context: CliContext,
): Promise<number> {
  const log = mainLogger(logging, context);
  const env = withoutManager(context.environment);
  const host = new WorkerHost({ env, clock: systemClock, entry: actorEntry });
  const deployment = deploy(plan, {
    host,
    registry: new EmbeddedRegistry({ clock: systemClock, journal }),
    queues: new EmbeddedQueues(),
    instanceIds: new InstanceIds(() => randomBytes(4).readUInt32LE()),
    clock: systemClock,
    log,
    logLevel: logging.level,
    logStyle: logging.style,
    environment: context.environment,
    drainMs,
  });
  const manager = new ServiceManager({
    environment: context.environment,
    pid: process.pid,
    clock: systemClock,
    log,
    open: openNotifySocket,
    stuck: () => deployment.stuck(),
  });
  const onReady = (door: Door | undefined) => {
    collectStartGarbage(systemClock);
    if (logging.style.format === "json") log.info("ready", { url: door?.url, try: door?.example });
    else context.err(readyLine(plan.entry, door));
  };
  const { onInterrupt } = context;
  return untilEnded(deployment, {
    onInterrupt,
    onReady,
    clock: systemClock,
    log,
    manager,
    drainMs,
  });
}

/** Before a start there is no log, but where lines are for programs, all of them are. */
function warner(logging: LogOptions | undefined, context: CliContext): (text: string) => void {
  if (logging?.style.format === "json") return mainLogger(logging, context).warn;
  return (text) => context.err(`dynamo: warning: ${text}\n`);
}

/** The last line of a start: to be read by people, and pasted. */
function readyLine(entry: string, door: Door | undefined): string {
  if (!door) return `ready: ${entry}\n`;
  return `ready: ${door.url}${door.example === undefined ? "" : `  try: ${door.example}`}\n`;
}

/** Configuration of `dynamo serve` alone: for graphs that have all of its services, when nothing is said. */
function defaultFile(input: CommandInput, graph: Graph | undefined): string | undefined {
  const { flags, overrides, context } = input;
  if (!graph || isConfigured(context.environment)) return undefined;
  const isNamed = flags.has("model") || overrides.some(({ path }) => path[1] === "model");
  const names = new Set(modelServices(graph));
  const isWhole = ["Processor", "VllmWorker"].every((name) => names.has(name));
  return isWhole && !isNamed ? DEFAULT_CONFIG : undefined;
}

function printDryRun({ plan, tree }: ResolvedServe, context: CliContext): void {
  const silent = plan.services.map(({ name }) => name).filter((name) => !tree.services.has(name));
  if (silent.length > 0) context.err(`dynamo: ${silentText(silent.toReversed())}\n`);
  context.out(renderDryRun(tree.services));
}

/** A dry run prints what was typed; these run besides. */
function silentText(services: readonly string[]): string {
  return `also in the graph, with no section of their own: ${services.join(", ")}`;
}

/** Warnings of what starts all the same, but not as it may be meant. */
function warnings({ config, plan }: ResolvedServe, context: CliContext): readonly string[] {
  const ignored = config.ignored.length > 0 ? ignoredText(config.ignored) : undefined;
  return [ignored, unusedKeyText(plan, context)].filter((text) => text !== undefined);
}

/** A key that no service asks for leaves the server open. */
function unusedKeyText(plan: DeploymentPlan, { environment }: CliContext): string | undefined {
  if (environment[KEY_VARIABLE] === undefined) return undefined;
  const asksForKeys = plan.services.some(({ service }) => {
    return describeService(service).schema?.entries["apiKeyFile"] !== undefined;
  });
  if (asksForKeys) return undefined;
  return `${KEY_VARIABLE} is set, and no service here asks for API keys; requests are served without one. Frontend of dynamo/components asks for them`;
}

function ignoredText(ignored: readonly string[]): string {
  return `known to Dynamo, and without effect in this graph: ${ignored.join(", ")}`;
}
