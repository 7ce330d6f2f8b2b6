// `dynamo serve`: graph and configuration to a plan, and the plan to a running deployment, until Ctrl-C.

import { basename, resolve } from "node:path";

import { systemClock } from "../base/clock.ts";
import { createLogger } from "../base/log.ts";
import { builtInConfigs, DEFAULT_CONFIG } from "../built-in-configs.ts";
import { builtInGraphs } from "../built-in-graphs.ts";
import { KEY_VARIABLE } from "../components/frontend-access.ts";
import { WorkerHost } from "../host.ts";
import { describeService } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import type { ServiceClass } from "../sdk/service.ts";
import { unlinkedDependencies } from "../sdk/unlinked.ts";
import { installSdkModules } from "../sdk-modules.ts";
import {
  type ConfigSourceOptions,
  configNotice,
  isConfigured,
  readConfig,
} from "../serve/config-source.ts";
import { deploy } from "../serve/deploy.ts";
import { renderDryRun } from "../serve/dry-run.ts";
import { renderExplanation } from "../serve/explain.ts";
import { loadGraph } from "../serve/load-graph.ts";
import { impliedOverride, type Override, parseFlagValue } from "../serve/override.ts";
import { type DeploymentPlan, planDeployment } from "../serve/plan.ts";
import type { PythonValue } from "../serve/python-value.ts";
import { resolveConfig } from "../serve/resolve-config.ts";
import type { Command, CommandInput } from "./command.ts";
import type { CliContext } from "./context.ts";
import { untilEnded } from "./until-ended.ts";
import { UsageError } from "./usage-error.ts";

export const serveCommand: Command = {
  meta: { name: "serve", description: "Serve a graph of services" },
  synonyms: { "--config-file": "--file" },
  args: {
    graph: {
      type: "positional",
      required: false,
      description:
        "module:Entry, as graphs.agg:Frontend (graphs/agg.ts), or a path: ./my/graph.ts:Entry",
    },
    file: {
      type: "string",
      alias: "f",
      valueHint: "FILE",
      description:
        "YAML: a map of services, each with a map of its keys (default, where a model is needed: configs/built-in.yaml)",
    },
    model: {
      type: "string",
      valueHint: "DIR",
      description:
        "Model for every service that takes one; it is served under the directory's name",
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
  XDG_CACHE_HOME          Packed weights are kept in its folder dynamo (default: ~/.cache)

EXAMPLES

  dynamo serve graphs.agg:Frontend --model ./SmolLM2-135M-Instruct
  dynamo serve graphs.agg:Frontend -f ./configs/agg.yaml --dry-run
  dynamo serve graphs.agg:Frontend -f ./configs/mock.yaml --VllmWorker.ServiceArgs.workers=2

EXIT CODES

  0  ended by Ctrl-C after what was running had ended (a second Ctrl-C ends at once: 130)
  1  an instance failed in its first start; one that fails later is started again
  2  bad usage, graph or configuration; nothing was started
`,
  run: serve,
};

async function serve(input: CommandInput): Promise<number> {
  const { flags, positionals, overrides, context } = input;
  const [spec] = positionals;
  if (spec === undefined) throw new UsageError(noGraph());
  const workingDir = resolve(context.workingDir, flags.get("working-dir") ?? ".");
  installSdkModules();
  const { graph, source } = await loadGraph(spec, { workingDir, builtIns: builtInGraphs });
  for (const text of unlinkedDependencies(graph)) context.err(`dynamo: warning: ${text}\n`);
  const options: ConfigSourceOptions = {
    file: flags.get("file") ?? defaultFile(input, graph),
    environment: context.environment,
    workingDir: context.workingDir,
    builtIns: builtInConfigs,
  };
  const tree = readConfig(options).override([...impliedOverrides(input, graph), ...overrides]);
  const config = resolveConfig(tree, graph, context.environment);
  const plan = planDeployment({ graph, source, config, only: flags.get("service-name") });
  const notice = configNotice(options);
  if (notice !== undefined) context.err(`dynamo: ${notice}\n`);
  if (config.ignored.length > 0) context.err(`dynamo: warning: ${ignoredText(config.ignored)}\n`);
  const unusedKey = unusedKeyText(plan, context);
  if (unusedKey !== undefined) context.err(`dynamo: warning: ${unusedKey}\n`);
  if (flags.has("dry-run")) context.out(renderDryRun(tree.services));
  if (flags.has("explain")) context.out(await renderExplanation(config, plan, context.environment));
  return flags.has("dry-run") ? 0 : run(plan, context);
}

async function run(plan: DeploymentPlan, context: CliContext): Promise<number> {
  const log = createLogger("dynamo", "info", context.err);
  const host = new WorkerHost({ env: context.environment, clock: systemClock });
  const deployment = deploy(plan, {
    host,
    clock: systemClock,
    log,
    environment: context.environment,
  });
  return untilEnded(deployment, { onInterrupt: context.onInterrupt, clock: systemClock, log });
}

/** The built-in model is for graphs that need one, when nobody says which. */
function defaultFile(input: CommandInput, graph: Graph): string | undefined {
  const { flags, overrides, context } = input;
  if (isConfigured(context.environment)) return undefined;
  const isNamed = flags.has("model") || overrides.some(({ path }) => path[1] === "model");
  const needsModel = graph.services.some(({ service }) => {
    return describeService(service).schema?.entries["model"] !== undefined;
  });
  return needsModel && !isNamed ? DEFAULT_CONFIG : undefined;
}

/** Some flags are short for settings; what is set by its own name beats them. */
function impliedOverrides({ flags, context }: CommandInput, graph: Graph): readonly Override[] {
  const entry = describeService(graph.entry).name;
  const overrides: Override[] = [];
  for (const [name, parse] of Object.entries(ENTRY_FLAGS)) {
    const text = flags.get(name);
    if (text === undefined) continue;
    overrides.push(impliedOverride([entry, name], { name, text }, parse(text)));
  }
  if (flags.has("explain-routing")) overrides.push(explainRouting(graph));
  const text = flags.get("model");
  if (text === undefined) return overrides;
  const servedName = basename(resolve(context.workingDir, text));
  const withModel = graph.services.filter(({ service }) =>
    hasKeys(service, "model", "servedModelName"),
  );
  for (const { name, service } of graph.services.toReversed()) {
    const flag = { name: "model", text };
    if (service === graph.entry && hasKeys(service, "servedModelName") && withModel.length < 2) {
      overrides.push(impliedOverride([name, "served_model_name"], flag, servedName));
    }
    if (hasKeys(service, "model")) overrides.push(impliedOverride([name, "model"], flag, text));
  }
  return overrides;
}

/** Flags that are keys of the entry, and what their text stands for there. */
const ENTRY_FLAGS: Readonly<Record<string, (text: string) => PythonValue>> = {
  host: parseFlagValue,
  port: parseFlagValue,
  "api-key-file": (text) => text,
  "allow-host": (text) => text.split(","),
  "allow-origin": (text) => text.split(","),
  insecure: () => true,
};

function hasKeys(service: ServiceClass, ...keys: readonly string[]): boolean {
  const entries = describeService(service).schema?.entries ?? {};
  return keys.every((key) => key in entries);
}

function explainRouting(graph: Graph): Override {
  const router = graph.services.find(({ service }) => {
    return describeService(service).schema?.entries["explainRouting"] !== undefined;
  });
  if (router) {
    const flag = { name: "explain-routing", text: "true" };
    return impliedOverride([router.name, "explain-routing"], flag);
  }
  throw new UsageError(
    "--explain-routing: this graph has no Router whose decisions could be explained; graphs.agg_router has one",
  );
}

function noGraph(): string {
  return `which graph? These are built in:

${Object.keys(builtInGraphs)
  .map((name) => `  ${name}`)
  .join("\n")}

To begin, with a model as on the Hugging Face hub:

  dynamo serve graphs.agg:Frontend --model DIR

or without one, to try the server:

  dynamo serve graphs.agg:Frontend -f configs/mock.yaml

A graph of your own is a file: graphs/mine.ts is graphs.mine:Entry. See dynamo serve --help.`;
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
