// Access to the frontend, as its configuration and the environment say.

import { networkInterfaces } from "node:os";

import type { ConfigProblem, Environment } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import { DynamoError } from "../../base/error.ts";
import { isIPv4, isIPv6 } from "../../base/ip-address.ts";
import type { Logger } from "../../base/log.ts";
import type { AdmissionPolicy } from "../../http/admission.ts";
import { ApiKeys, readKeyFile } from "../../http/api-keys.ts";
import { isHostName, isLoopback } from "../../http/host-policy.ts";
import { singleKey } from "../../http/key-file.ts";
import { isOrigin } from "../../http/origin-policy.ts";

export interface AccessConfig {
  readonly host: string;
  readonly apiKeyFile?: string | undefined;
  readonly allowHost: string | readonly string[];
  readonly allowOrigin: string | readonly string[];
  readonly insecure: boolean;
}

/** The variable of a key that opens everything, for servers with one user. */
export const KEY_VARIABLE = "DYNAMO_API_KEY";

/** The environment's part of the access; cloneable, for the frontend's thread. */
export interface PreparedAccess {
  readonly apiKey: string | undefined;
}

export function prepareAccess(_: unknown, environment: Environment): PreparedAccess {
  return { apiKey: environment[KEY_VARIABLE] };
}

export interface FrontendAccess extends AdmissionPolicy {
  readonly keys: ApiKeys | undefined;
}

/** Throws `invalid_key_file`. */
export function openAccess(
  config: AccessConfig,
  { apiKey }: PreparedAccess,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): FrontendAccess {
  const { host, apiKeyFile: file, allowHost, allowOrigin } = config;
  const others = apiKey === undefined ? [] : [singleKey(apiKey, KEY_VARIABLE)];
  const hasKeys = file !== undefined || others.length > 0;
  if (!hasKeys && !isLoopback(host)) log.warn("serves other machines without API keys", { host });
  return {
    hosts: { listensOn: host, allowed: listOf(allowHost) },
    origins: listOf(allowOrigin),
    keys: hasKeys ? new ApiKeys({ file, others, clock, log }) : undefined,
  };
}

/** Finds mistakes that the schema cannot see: bad host names and origins, unreadable keys, an open server without keys. */
export function validateAccess(
  config: AccessConfig,
  environment: Environment,
): readonly ConfigProblem[] {
  const { host, apiKeyFile, allowHost, allowOrigin, insecure } = config;
  const { apiKey } = prepareAccess(config, environment);
  const problems: (ConfigProblem | undefined)[] = [
    ...listOf(allowHost).map((name) => hostProblem(name)),
    ...listOf(allowOrigin).map((origin) => originProblem(origin)),
    keyProblem(undefined, () => apiKey !== undefined && singleKey(apiKey, KEY_VARIABLE)),
    keyProblem("apiKeyFile", () => apiKeyFile !== undefined && readKeyFile(apiKeyFile)),
  ];
  const hasKeys = apiKey !== undefined || apiKeyFile !== undefined;
  if (!isLoopback(host) && !insecure && !hasKeys) {
    problems.push({
      key: "host",
      message:
        `${host} lets other machines in, and nothing asks them for a key. Give --api-key-file FILE ` +
        `(or the variable ${KEY_VARIABLE}), or --insecure to serve all that can reach it${isForeign(host) ? `. This machine has no address ${host}, besides` : ""}`,
    });
  }
  return problems.filter((problem) => problem !== undefined);
}

/** An address of another machine. */
function isForeign(host: string): boolean {
  if (!(isIPv4(host) || isIPv6(host)) || host === "0.0.0.0" || host === "::") return false;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return !own.some(({ address }) => address === host);
}

function hostProblem(name: string): ConfigProblem | undefined {
  if (isHostName(name)) return undefined;
  const message = `${JSON.stringify(name)} is no name or address; write it without scheme and port: --allow-host llm.example`;
  return { key: "allowHost", message };
}

function originProblem(origin: string): ConfigProblem | undefined {
  if (isOrigin(origin)) return undefined;
  const message = `${JSON.stringify(origin)} is no origin; write scheme, host and port, and nothing after them: --allow-origin https://chat.example`;
  return { key: "allowOrigin", message };
}

function keyProblem(key: string | undefined, read: () => unknown): ConfigProblem | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof DynamoError) return { key, message: error.message };
    throw error;
  }
}

/** A list may be written as one text with commas, as in a flag. */
function listOf(value: string | readonly string[]): readonly string[] {
  const names = typeof value === "string" ? value.split(",") : value;
  return names.map((name) => name.trim()).filter((name) => name !== "");
}
