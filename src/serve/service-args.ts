// `ServiceArgs`: how a service is run, as opposed to what it does.

import * as v from "valibot";

import type { RestartLimits } from "../actor/restart-budget.ts";
import { LOG_LEVELS } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ConfigTree } from "./config-tree.ts";
import { describeIssue } from "./describe-issue.ts";
import type { Findings } from "./findings.ts";
import { canonicalKey, type Path, SERVICE_ARGS } from "./path.ts";
import { formatJson } from "./python-json.ts";
import { isDict, keyText, type PythonDict, type PythonValue, toPlainDict } from "./python-value.ts";
import { withSize } from "./sizes.ts";
import { upstreamServiceArgs } from "./upstream.ts";

/** A thread each; more are a slip of the pen. */
const MAX_WORKERS = 256;

const Amount = v.union([v.string(), v.number()]);

/** A part of addresses and of keys in the registry, both of which are cut at these characters. */
const Namespace = v.pipe(
  v.string(),
  v.regex(/^[^\s./:]+$/, "must be a name without dots, slashes, colons and spaces"),
);

/** Where the key is not set. Twice what all tenants together may have in flight at a worker (decision 25). */
const DEFAULT_MAILBOX = 16_384;
export const DEFAULT_RESTARTS: RestartLimits = { intensity: 10, periodMs: 60_000 };
export const DEFAULT_HEARTBEAT_TIMEOUT_MS = 10_000;

/** Shorter timeouts blame a busy machine on the service. */
const MIN_HEARTBEAT_TIMEOUT_MS = 100;
const MAX_MS = 24 * 3600 * 1000;

const HeartbeatTimeout = v.nullable(
  v.pipe(
    v.number(),
    v.integer(),
    v.maxValue(MAX_MS),
    v.check(
      (ms) => ms === 0 || ms >= MIN_HEARTBEAT_TIMEOUT_MS,
      `it must be at least ${MIN_HEARTBEAT_TIMEOUT_MS}, or 0 or null for none`,
    ),
  ),
);

/** Dynamo's own keys; ours are `mailbox` and those of the supervisor, in kebab or snake case. */
const Schema = v.strictObject({
  /** Instances, each on a thread of its own. */
  workers: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_WORKERS)), 1),
  /** Environment variables that this service's threads see. */
  envs: v.optional(v.record(v.string(), v.string()), {}),
  dynamo: v.optional(v.strictObject({ namespace: v.optional(Namespace) }), {}),
  /** Calls that one instance may hold, waiting or running. */
  mailbox: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), DEFAULT_MAILBOX),
  /** Restarts at once of all its instances within the period; beyond them an instance is parked. */
  "max-restarts": v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)),
    DEFAULT_RESTARTS.intensity,
  ),
  "restart-period-ms": v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_MS)),
    DEFAULT_RESTARTS.periodMs,
  ),
  /** An instance that answers nothing for so long is killed and started again. 0 or null: never. */
  "heartbeat-timeout-ms": v.optional(HeartbeatTimeout, DEFAULT_HEARTBEAT_TIMEOUT_MS),
  /** Lines of the log that this service writes, from which level on. Default: `--log-level`. Changes while it serves. */
  "log-level": v.optional(v.picklist(LOG_LEVELS)),
  /** Checked, and without effect: all threads share the machine. */
  resources: v.optional(
    v.strictObject({
      gpu: v.optional(Amount),
      cpu: v.optional(Amount),
      memory: v.optional(Amount),
    }),
  ),
});

export type ServiceArgs = v.InferOutput<typeof Schema>;

export function resolveServiceArgs(
  tree: ConfigTree,
  service: string,
  findings: Findings,
): ServiceArgs {
  const section = tree.services.get(service)?.get(SERVICE_ARGS) ?? new Map();
  const path = [service, SERVICE_ARGS];
  if (!isDict(section)) {
    findings.report(`${path.join(".")} must be a map`, tree.valueSpan(path));
    return v.parse(Schema, {});
  }
  if (section.has("resources")) findings.ignored.add(`${path.join(".")}.resources`);
  const written = writtenKeys(tree, withoutUpstreamKeys(section, path, findings), path, findings);
  const canonical = new Map([...written].map(([key, { value }]) => [key, value]));
  const result = v.safeParse(Schema, withSizes(withTextEnvs(canonical)));
  if (result.success) return result.output;
  for (const issue of result.issues) {
    const [key = "", ...rest] = (issue.path ?? []).map((item) => String(item.key));
    const at = [...path, written.get(key)?.key ?? key, ...rest];
    if (issue.expected === "never") {
      const hint = didYouMean(at.at(-1) ?? "", Object.keys(Schema.entries));
      findings.report(`${at.join(".")} is no key of ServiceArgs.${hint}`, tree.keySpan(at));
    } else findings.report(`${at.join(".")} ${describeIssue(issue)}`, tree.valueSpan(at));
  }
  return v.parse(Schema, {});
}

function withoutUpstreamKeys(section: PythonDict, path: Path, findings: Findings): PythonDict {
  const kept = new Map(section);
  for (const [key, value] of section) {
    const at = [...path, keyText(key)];
    if (upstreamServiceArgs(path.slice(2)).has(canonicalKey(keyText(key)))) {
      kept.delete(key);
      findings.ignored.add(at.join("."));
    } else if (isDict(value) && key === "dynamo") {
      kept.set(key, withoutUpstreamKeys(value, at, findings));
    }
  }
  return kept;
}

interface Written {
  /** As the user spelled it. */
  readonly key: string;
  readonly value: PythonValue;
}

/** By key in kebab case: what was written for it. */
function writtenKeys(
  tree: ConfigTree,
  section: PythonDict,
  path: Path,
  findings: Findings,
): ReadonlyMap<string, Written> {
  const written = new Map<string, Written>();
  for (const [name, value] of section) {
    const key = keyText(name);
    const earlier = written.get(canonicalKey(key));
    if (earlier) {
      const at = [...path, key];
      findings.report(
        `${at.join(".")} is the same key as ${[...path, earlier.key].join(".")}; keep one of the two`,
        tree.keySpan(at),
      );
    } else written.set(canonicalKey(key), { key, value });
  }
  return written;
}

function withSizes(args: Readonly<Record<string, unknown>>): unknown {
  const entries: Readonly<Record<string, unknown>> = Schema.entries;
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key, withSize(entries[key], value)]),
  );
}

/** Environment variables are strings: 1 is "1", true is "true". */
function withTextEnvs(section: PythonDict): Readonly<Record<string, unknown>> {
  const envs = section.get("envs");
  if (!isDict(envs)) return toPlainDict(section);
  const texts = new Map([...envs].map(([name, value]) => [name, environmentText(value)] as const));
  return toPlainDict(new Map(section).set("envs", texts));
}

function environmentText(value: PythonValue): PythonValue {
  const isScalar = ["bigint", "number", "boolean"].includes(typeof value);
  return isScalar ? formatJson(value) : value;
}
