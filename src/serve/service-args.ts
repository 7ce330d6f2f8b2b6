// `ServiceArgs`: how a service is run, as opposed to what it does.

import * as v from "valibot";

import type { RestartLimits } from "../actor/restart-budget.ts";
import { describeIssue } from "../base/describe-issue.ts";
import { LOG_LEVELS } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Findings } from "./findings.ts";
import { SERVICE_ARGS } from "./path.ts";
import { formatJson } from "./python-json.ts";
import { isDict, keyText, type PythonDict, type PythonValue, toPlainDict } from "./python-value.ts";
import { dictOf, keySpanIn, type Setting, valueSpanIn } from "./setting.ts";
import { canonicalKeyOf, type Section } from "./settings.ts";
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

/** Default where the key is not set. Twice what all tenants together may have in flight at a worker (decision 25). */
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
  { service, serviceArgs: given }: Pick<Section, "service" | "serviceArgs">,
  findings: Findings,
): ServiceArgs {
  const name = `${service}.${SERVICE_ARGS}`;
  if (given && given.value !== null && !isDict(given.value)) {
    findings.report(`${name} must be a map`, given.valueSpan);
    return v.parse(Schema, {});
  }
  const items = given?.items ?? [];
  if (items.some(({ key }) => key === "resources")) findings.ignored.add(`${name}.resources`);
  const written = writtenKeys(withoutUpstreamKeys(items, findings), findings);
  const canonical = new Map([...written].map(([key, { value }]) => [key, value]));
  const result = v.safeParse(Schema, withSizes(withTextEnvs(canonical)));
  if (result.success) return result.output;
  for (const issue of result.issues) {
    const [key = "", ...rest] = (issue.path ?? []).map((item) => String(item.key));
    const setting = written.get(key);
    const at = [setting ? keyText(setting.key) : key, ...rest];
    const place = [name, ...at].join(".");
    if (issue.expected === "never") {
      const hint = didYouMean(at.at(-1) ?? "", Object.keys(Schema.entries));
      findings.report(`${place} is no key of ServiceArgs.${hint}`, keySpanIn(given, at));
    } else findings.report(`${place} ${describeIssue(issue)}`, valueSpanIn(given, at));
  }
  return v.parse(Schema, {});
}

function withoutUpstreamKeys(items: readonly Setting[], findings: Findings): readonly Setting[] {
  const kept: Setting[] = [];
  for (const setting of items) {
    const { key, path, value } = setting;
    if (upstreamServiceArgs(path.slice(2, -1)).has(canonicalKeyOf(setting))) {
      findings.ignored.add(path.join("."));
    } else if (isDict(value) && key === "dynamo") {
      const inside = withoutUpstreamKeys(setting.items, findings);
      kept.push({ ...setting, value: dictOf(inside), items: inside });
    } else kept.push(setting);
  }
  return kept;
}

/** By key in kebab case: what was written for it. */
function writtenKeys(items: readonly Setting[], findings: Findings): ReadonlyMap<string, Setting> {
  const written = new Map<string, Setting>();
  for (const setting of items) {
    const key = canonicalKeyOf(setting);
    const earlier = written.get(key);
    if (earlier) {
      findings.report(
        `${setting.path.join(".")} is the same key as ${earlier.path.join(".")}; keep one of the two`,
        setting.keySpan,
      );
    } else written.set(key, setting);
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
