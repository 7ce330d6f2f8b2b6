// Which text the configuration is read from:
//
//   DYN_DEPLOYMENT_CONFIG   YAML, replaces the file altogether
//   -f FILE                 on disk, else the one of that path that the executable carries
//   DYNAMO_SERVICE_CONFIG   JSON as --dry-run prints it, where no file is given

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative, resolve } from "node:path";
import { didYouMean } from "../base/nearest.ts";
import { describeSystemError, systemCode } from "../base/system-error.ts";
import { ConfigError } from "./config-error.ts";
import { type ConfigTree, emptyConfig, readJsonConfig, readYamlConfig } from "./config-tree.ts";

export interface ConfigSourceOptions {
  readonly file: string | undefined;
  /** The user has named no file, and this one is taken. */
  readonly isDefault?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that `file` is relative to. Absolute. */
  readonly workingDir: string;
  /** Path, as in `configs/agg.yaml`, to text. */
  readonly builtIns: Readonly<Record<string, string>>;
}

export function readConfig(options: ConfigSourceOptions): ConfigTree {
  const { file, environment } = options;
  const deployment = environment[DEPLOYMENT];
  if (deployment) return readYamlConfig({ name: DEPLOYMENT, text: deployment });
  if (file !== undefined) {
    const { isDefault = false } = options;
    return readYamlConfig({ name: normalize(file), text: readText(file, options), isDefault });
  }
  const services = environment[SERVICES];
  return services ? readJsonConfig({ name: SERVICES, text: services }) : emptyConfig;
}

const DEPLOYMENT = "DYN_DEPLOYMENT_CONFIG";
const SERVICES = "DYNAMO_SERVICE_CONFIG";

/** True if the environment gives a configuration, so that none need be looked for. */
export function isConfigured(environment: ConfigSourceOptions["environment"]): boolean {
  return Boolean(environment[DEPLOYMENT] || environment[SERVICES]);
}

/** A notice for a user who gave a file. */
export function configNotice({ file, environment }: ConfigSourceOptions): string | undefined {
  const isReplaced = file !== undefined && environment[DEPLOYMENT];
  return isReplaced ? `${DEPLOYMENT} is set and replaces ${normalize(file)}` : undefined;
}

function readText(file: string, options: ConfigSourceOptions): string {
  const path = resolve(options.workingDir, file);
  if (!isThere(path)) {
    const builtIn = options.builtIns[relative(options.workingDir, path)];
    if (builtIn !== undefined) return builtIn;
    throw missing(file, path, options);
  }
  return decoded(file, readBytes(file, path, options));
}

/** Also what this user may not look at: that is told when it is read. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return systemCode(error) !== "ENOTDIR";
  }
}

function readBytes(file: string, path: string, options: ConfigSourceOptions): Uint8Array {
  const problem = (message: string) => new ConfigError([{ message, span: undefined }]);
  try {
    const { isFile, isDirectory } = kindOf(path);
    if (isDirectory) throw problem(directoryText(file, path, options));
    if (!isFile) throw problem(`${file} is no regular file; give a YAML file`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw problem(`${file} cannot be read: ${describeSystemError(error)}`);
  }
}

function kindOf(path: string) {
  const found = statSync(path);
  return { isFile: found.isFile() || found.isFIFO(), isDirectory: found.isDirectory() };
}

function decoded(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const message = `${file} cannot be read: it is not UTF-8 text; save it as UTF-8`;
    throw new ConfigError([{ message, span: undefined }]);
  }
}

function directoryText(file: string, path: string, options: ConfigSourceOptions): string {
  const inside = yamlFiles(path, options.workingDir);
  const hint = inside.length > 0 ? `: ${inside.join(", ")}` : ", as configs/agg.yaml";
  return `${file} is a directory; -f takes a YAML file${hint}`;
}

function yamlFiles(folder: string, workingDir: string): readonly string[] {
  return namesIn(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => relative(workingDir, join(folder, name)))
    .toSorted();
}

/** None of a folder that is not there, or that this user may not look into. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function missing(file: string, path: string, options: ConfigSourceOptions): ConfigError {
  const onDisk = yamlFiles(dirname(path), options.workingDir);
  const builtIn = Object.keys(options.builtIns);
  const lines = [
    `there is no configuration file ${file}.${didYouMean(normalize(file), [...onDisk, ...builtIn])}`,
    ...(onDisk.length > 0 ? [`  on disk:  ${onDisk.join(", ")}`] : []),
    `  built in: ${builtIn.join(", ")}`,
  ];
  return new ConfigError([{ message: lines.join("\n"), span: undefined }]);
}
