// Which text the configuration is read from:
//
//   DYN_DEPLOYMENT_CONFIG   YAML, replaces the file altogether
//   -f FILE                 on disk, else the one of that path that the executable carries
//   DYNAMO_SERVICE_CONFIG   JSON as --dry-run prints it, where no file is given

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, resolve } from "node:path";

import { ConfigError } from "./config-error.ts";
import { type ConfigTree, emptyConfig, readJsonConfig, readYamlConfig } from "./config-tree.ts";
import { didYouMean } from "./nearest.ts";

export interface ConfigSourceOptions {
  readonly file: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `file` is relative to. Absolute. */
  readonly workingDir: string;
  /** Path, as in `configs/agg.yaml`, to text. */
  readonly builtIns: Readonly<Record<string, string>>;
}

export function readConfig(options: ConfigSourceOptions): ConfigTree {
  const { file, environment } = options;
  const deployment = environment[DEPLOYMENT];
  if (deployment) return readYamlConfig({ name: DEPLOYMENT, text: deployment });
  if (file !== undefined)
    return readYamlConfig({ name: normalize(file), text: readText(file, options) });
  const services = environment[SERVICES];
  return services ? readJsonConfig({ name: SERVICES, text: services }) : emptyConfig;
}

const DEPLOYMENT = "DYN_DEPLOYMENT_CONFIG";
const SERVICES = "DYNAMO_SERVICE_CONFIG";

/** Whether the environment gives a configuration, so that none need be looked for. */
export function isConfigured(environment: ConfigSourceOptions["environment"]): boolean {
  return Boolean(environment[DEPLOYMENT] || environment[SERVICES]);
}

/** What a user who gave a file should know. */
export function configNotice({ file, environment }: ConfigSourceOptions): string | undefined {
  const isReplaced = file !== undefined && environment[DEPLOYMENT];
  return isReplaced ? `${DEPLOYMENT} is set and replaces ${normalize(file)}` : undefined;
}

function readText(file: string, options: ConfigSourceOptions): string {
  const path = resolve(options.workingDir, file);
  if (!existsSync(path)) {
    const builtIn = options.builtIns[relative(options.workingDir, path)];
    if (builtIn !== undefined) return builtIn;
    throw missing(file, path, options);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    const reason = error instanceof TypeError ? "it is not UTF-8 text" : String(error);
    throw new ConfigError([{ message: `${file} cannot be read: ${reason}`, span: undefined }]);
  }
}

function missing(file: string, path: string, options: ConfigSourceOptions): ConfigError {
  const folder = dirname(path);
  const beside = existsSync(folder) ? readdirSync(folder) : [];
  const onDisk = beside
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => relative(options.workingDir, join(folder, name)))
    .toSorted();
  const builtIn = Object.keys(options.builtIns);
  const lines = [
    `there is no configuration file ${file}.${didYouMean(normalize(file), [...onDisk, ...builtIn])}`,
    ...(onDisk.length > 0 ? [`  on disk:  ${onDisk.join(", ")}`] : []),
    `  built in: ${builtIn.join(", ")}`,
  ];
  return new ConfigError([{ message: lines.join("\n"), span: undefined }]);
}
