// Finds and imports the graph that a command line names:
//
//   graphs.agg:Frontend       graphs/agg.ts under the working directory, else the built-in one
//   ./my/graph.ts:Frontend    a path
//   graphs.agg                its single root
//   agg                       short for graphs.agg, unless there is an agg.ts
//
// The caller has made "dynamo" importable before (src/sdk-modules.ts).

import { readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";

import { DynamoError } from "../base/error.ts";
import { didYouMean } from "../base/nearest.ts";
import { describeSystemError, systemCode } from "../base/system-error.ts";
import { describeService, isServiceClass } from "../sdk/describe.ts";
import { Graph } from "../sdk/graph.ts";
import { explainImportError } from "./import-error.ts";
import type { GraphSource } from "./plan.ts";

/** Name to import, for the graphs that the executable carries. */
export type BuiltInGraphs = Readonly<Record<string, () => Promise<object>>>;

export interface LoadedGraph {
  readonly graph: Graph;
  readonly source: GraphSource;
}

export interface LoadOptions {
  /** Absolute. */
  readonly workingDir: string;
  readonly builtIns: BuiltInGraphs;
}

export async function loadGraph(spec: string, options: LoadOptions): Promise<LoadedGraph> {
  checkWorkingDir(options);
  const { module: written, entry } = parseSpec(spec);
  const { module, path } = findModule(written, options);
  const builtIn = options.builtIns[module];
  if (path === undefined) {
    const graph = graphOf((await builtIn?.()) ?? {}, module, entry);
    return { graph, source: { type: "built-in", name: module } };
  }
  const graph = await inUsersWords(path, options, async () =>
    graphOf(await import(path), module, entry),
  );
  return { graph, source: { type: "file", path } };
}

/** A slip in `--working-dir` would otherwise lead to the built-in graphs. */
function checkWorkingDir({ workingDir }: LoadOptions): void {
  if (kindOf(workingDir)?.isDirectory()) return;
  throw new GraphLoadError(`the working directory ${workingDir} is not there, or no directory`);
}

interface GraphSpec {
  readonly module: string;
  readonly entry: string | undefined;
}

function parseSpec(spec: string): GraphSpec {
  const match = /^(.+?)(?::([A-Za-z_$][\w$]*))?$/.exec(spec);
  const module = match?.[1] ?? "";
  if (module === "" || module.endsWith(":")) {
    throw new GraphLoadError(
      `${JSON.stringify(spec)} names no graph; write module:Entry, as in graphs.agg:Frontend`,
    );
  }
  return { module, entry: match?.[2] };
}

const EXTENSIONS = [".ts", ".tsx", ".mts", ".js", ".mjs"];

interface FoundModule {
  readonly module: string;
  /** Absolute; undefined for what the executable carries. */
  readonly path: string | undefined;
}

function findModule(written: string, options: LoadOptions): FoundModule {
  for (const module of isShort(written) ? [written, GRAPHS + written] : [written]) {
    const path = findFile(module, options.workingDir);
    if (path !== undefined || options.builtIns[module] !== undefined) return { module, path };
  }
  throw notFound(written, options);
}

/** Prefix of graphs, by habit. */
const GRAPHS = "graphs.";

function isShort(module: string): boolean {
  return !isPath(module) && !module.includes(".");
}

function findFile(module: string, workingDir: string): string | undefined {
  const base = isPath(module) ? module : module.replaceAll(".", "/");
  const candidates = EXTENSIONS.includes(extname(module))
    ? [module]
    : EXTENSIONS.map((extension) => base + extension);
  return candidates.map((path) => resolve(workingDir, path)).find(isFile);
}

/** Throws `GraphLoadError` where the user may not look. */
function isFile(path: string): boolean {
  return kindOf(path)?.isFile() ?? false;
}

function kindOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    throw new GraphLoadError(`${path} cannot be read: ${describeSystemError(error)}`);
  }
}

function isPath(module: string): boolean {
  return module.includes("/") || EXTENSIONS.includes(extname(module));
}

/** Whatever is wrong with the user's files is told at its place in them. */
async function inUsersWords<T>(
  path: string,
  { workingDir }: LoadOptions,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof GraphLoadError) throw error;
    throw new GraphLoadError(await explainImportError(error, path, workingDir));
  }
}

/** The graph is the default export. A module without one may export services; its root is then the graph. */
function graphOf(exported: object, module: string, entry: string | undefined): Graph {
  const named = Object.entries(exported);
  const chosen = "default" in exported ? [exported.default] : named.map(([, value]) => value);
  const graphs = chosen.flatMap((value) => asGraph(value));
  if (graphs.length === 0) {
    throw new GraphLoadError(
      `${module} exports no graph; end it with "export default Frontend.link(...)"`,
    );
  }
  const roots = "default" in exported ? graphs : rootsOf(graphs);
  const [root, ...others] =
    entry === undefined ? roots : graphs.filter((one) => nameOf(one) === entry);
  if (!root) throw wrongEntry(module, entry ?? "", graphs);
  if (others.length > 0) {
    const names = roots.map(nameOf).join(", ");
    throw new GraphLoadError(
      `${module} has several roots: ${names}; name one, as in ${module}:${nameOf(root)}, or export one as default`,
    );
  }
  return root;
}

function asGraph(value: unknown): readonly Graph[] {
  if (value instanceof Graph) return [value];
  return isServiceClass(value) ? [Graph.of(value)] : [];
}

/** Those from which nothing else of the module leads to. */
function rootsOf(graphs: readonly Graph[]): readonly Graph[] {
  return graphs.filter(
    ({ entry }) =>
      !graphs.some(
        (other) => other.entry !== entry && other.services.some(({ service }) => service === entry),
      ),
  );
}

function wrongEntry(module: string, entry: string, graphs: readonly Graph[]): GraphLoadError {
  const names = graphs.map(nameOf);
  const inside = graphs.some(({ services }) => services.some(({ name }) => name === entry));
  const hint = inside
    ? ` To run ${entry} alone, add --service-name ${entry}.`
    : didYouMean(entry, names);
  return new GraphLoadError(
    `${module} starts from ${names.join(" or ")}, not from ${entry}; write ${module}:${names[0]}.${hint}`,
  );
}

function nameOf(graph: Graph): string {
  return describeService(graph.entry).name;
}

function notFound(module: string, { workingDir, builtIns }: LoadOptions): GraphLoadError {
  const wanted = isPath(module) ? module : `${module.replaceAll(".", "/")}.ts`;
  const shortened = (name: string) => (isShort(module) ? shortName(name) : name);
  const onDisk = graphsNear(resolve(workingDir, wanted), workingDir).map(shortened);
  const carried = Object.keys(builtIns).map(shortened);
  const known = [...onDisk, ...carried, ...modelsNear(module, workingDir)];
  const [what, nor] = isPath(module)
    ? ["graph and no model", ""]
    : ["graph", ", and none is built in by that name"];
  return new GraphLoadError(
    [
      `there is no ${what} ${JSON.stringify(module)}: no ${wanted} under ${workingDir}${nor}.${didYouMean(module, known)}`,
      onDisk.length > 0 ? `  on disk:  ${onDisk.join(", ")}` : "",
      `  built in: ${carried.join(", ")}`,
    ]
      .filter((line) => line !== "")
      .join("\n"),
  );
}

/** A model may stand in a graph's place: folders and GGUF files beside the one that is missing, as they would be written. */
function modelsNear(module: string, workingDir: string): readonly string[] {
  if (!module.includes("/")) return [];
  const folder = dirname(module);
  const dots = module.startsWith("./") ? "./" : "";
  return namesIn(resolve(workingDir, folder))
    .filter(({ name, isFolder }) => isFolder || name.toLowerCase().endsWith(".gguf"))
    .map(({ name }) => dots + join(folder, name));
}

/** None of a folder that is not there, or that this user may not look into. */
function namesIn(folder: string): readonly { readonly name: string; readonly isFolder: boolean }[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function shortName(module: string): string {
  return module.startsWith(GRAPHS) ? module.slice(GRAPHS.length) : module;
}

/** Graphs that could have been meant: modules where the wanted one would be, and in `graphs`. */
function graphsNear(path: string, workingDir: string): readonly string[] {
  const folders = new Set([dirname(path), join(workingDir, "graphs")]);
  const files = [...folders]
    .flatMap((folder) => namesIn(folder).map(({ name }) => join(folder, name)))
    .filter((file) => EXTENSIONS.includes(extname(file)) && !basename(file).endsWith(".d.ts"));
  return files
    .filter(isFile)
    .map((file) => moduleName(file, workingDir))
    .toSorted();
}

function moduleName(file: string, workingDir: string): string {
  const path = relative(workingDir, file);
  if (path.startsWith("..")) return path;
  return path.slice(0, -extname(path).length).replaceAll("/", ".");
}

/** There is no such graph, or it cannot be imported. */
export class GraphLoadError extends DynamoError {
  override readonly code = "graph_not_loadable";
}
