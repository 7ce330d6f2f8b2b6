// `ServiceArgs`: how a service is run, as opposed to what it does.

import * as v from "valibot";

import type { ConfigTree } from "./config-tree.ts";
import { describeIssue } from "./describe-issue.ts";
import type { Findings } from "./findings.ts";
import { didYouMean } from "./nearest.ts";
import { canonicalKey, type Path } from "./path.ts";
import { formatJson } from "./python-json.ts";
import { isDict, keyText, type PythonDict, type PythonValue, toPlain } from "./python-value.ts";
import { upstreamServiceArgs } from "./upstream.ts";

export const SERVICE_ARGS = "ServiceArgs";

/** A thread each; more are a slip of the pen. */
const MAX_WORKERS = 256;

const Amount = v.union([v.string(), v.number()]);

/** A part of addresses and of keys in the registry, both of which are cut at these characters. */
const Namespace = v.pipe(
  v.string(),
  v.regex(/^[^\s./:]+$/, "must be a name without dots, slashes, colons and spaces"),
);

/** Dynamo's own keys, and `mailbox`, which is ours. */
const Schema = v.strictObject({
  /** Instances, each on a thread of its own. */
  workers: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_WORKERS)), 1),
  /** Environment variables that this service's threads see. */
  envs: v.optional(v.record(v.string(), v.string()), {}),
  dynamo: v.optional(v.strictObject({ namespace: v.optional(Namespace) }), {}),
  /** Calls that one instance may hold, waiting or running. */
  mailbox: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1024),
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
  const result = v.safeParse(Schema, withTextEnvs(withoutUpstreamKeys(section, path, findings)));
  if (result.success) return result.output;
  for (const issue of result.issues) {
    const at = [...path, ...(issue.path ?? []).map(({ key }) => String(key))];
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

/** Environment variables are strings: 1 is "1", true is "true". */
function withTextEnvs(section: PythonDict): unknown {
  const envs = section.get("envs");
  if (!isDict(envs)) return toPlain(section);
  const texts = new Map([...envs].map(([name, value]) => [name, environmentText(value)] as const));
  return toPlain(new Map(section).set("envs", texts));
}

function environmentText(value: PythonValue): PythonValue {
  const isScalar = ["bigint", "number", "boolean"].includes(typeof value);
  return isScalar ? formatJson(value) : value;
}
