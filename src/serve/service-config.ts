// One service's values: what was written for it, read by its schema.

import * as v from "valibot";
import { describeIssue } from "../base/describe-issue.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ServiceDescription } from "../sdk/describe.ts";
import { isFlag, lineColumn, type Span } from "./config-error.ts";
import type { Findings } from "./findings.ts";
import { kebabKey, type Path, SERVICE_ARGS } from "./path.ts";
import { keyText, toPlain } from "./python-value.ts";
import { type Setting, valueSpanIn } from "./setting.ts";
import { COMMON_CONFIGS, canonicalKeyOf, type Section } from "./settings.ts";
import { withSize } from "./sizes.ts";
import { isUpstreamValue, upstreamKeys } from "./upstream.ts";

export interface ServiceConfig {
  /** Keys in camel case; the output of the schema. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Every value with the place that it came from; without one it is a default. */
  readonly settings: readonly ResolvedSetting[];
}

export interface ResolvedSetting {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Span | undefined;
}

/** Without values, and with problems among `findings`, where the schema does not take what was written. */
export function resolveServiceConfig(
  description: ServiceDescription,
  section: Section,
  findings: Findings,
): ServiceConfig {
  const written = writtenKeys(description, section.settings, findings);
  const config = parseConfig(description, section, written, findings);
  const settings = Object.entries(config).map(([key, value]) => {
    const setting = written.get(key);
    const name = setting ? keyText(setting.key) : kebabKey(key);
    return { key: name, value, origin: setting?.valueSpan };
  });
  return { config, settings };
}

/** Schema key to what was written for it. */
function writtenKeys(
  description: ServiceDescription,
  settings: readonly Setting[],
  findings: Findings,
): ReadonlyMap<string, Setting> {
  const keys = schemaKeys(description);
  const written = new Map<string, Setting>();
  for (const setting of settings) {
    const camelKey = keys.get(canonicalKeyOf(setting));
    const earlier = camelKey === undefined ? undefined : written.get(camelKey);
    if (camelKey === undefined) {
      checkUnknownKey(description, setting, keys.keys(), findings);
    } else if (earlier) {
      findings.report(
        `${setting.path.join(".")} is the same key as ${earlier.path.join(".")}${lineOf(earlier.keySpan)}; keep one of the two`,
        setting.keySpan,
      );
    } else written.set(camelKey, setting);
  }
  return written;
}

function checkUnknownKey(
  { name: service, lineage }: ServiceDescription,
  setting: Setting,
  known: Iterable<string>,
  findings: Findings,
): void {
  const upstream = new Set(lineage.flatMap((one) => [...upstreamKeys(one)]));
  if (upstream.has(canonicalKeyOf(setting))) {
    findings.ignored.add(asWritten(service, setting.path));
    return;
  }
  const key = keyText(setting.key);
  const spelled = (name: string) => inSpellingOf(key, name);
  const candidates = [...[...known, ...upstream].map(spelled), SERVICE_ARGS, COMMON_CONFIGS];
  findings.report(
    `${service} has no key ${JSON.stringify(key)}.${didYouMean(key, candidates)}`,
    setting.keySpan,
  );
}

function parseConfig(
  { name, lineage, schema }: ServiceDescription,
  section: Section,
  written: ReadonlyMap<string, Setting>,
  findings: Findings,
): Readonly<Record<string, unknown>> {
  if (!schema) return {};
  // null unsets: the default holds.
  const input: Record<string, unknown> = Object.fromEntries(
    [...written]
      .filter(([, { value }]) => value !== null)
      .map(([key, { value }]) => [key, withSize(schema.entries[key], toPlain(value))]),
  );
  let result = v.safeParse(schema, input);
  for (const key of foreignValues(lineage, input, result.issues ?? [])) {
    const path = written.get(key)?.path ?? [name, kebabKey(key)];
    findings.ignored.add(`${asWritten(name, path)}=${String(input[key])}`);
    delete input[key];
    result = v.safeParse(schema, input);
  }
  if (result.success) return result.output;
  for (const issue of result.issues) reportIssue(section, issue, written, findings);
  return {};
}

function reportIssue(
  { service, own }: Section,
  issue: v.BaseIssue<unknown>,
  written: ReadonlyMap<string, Setting>,
  findings: Findings,
): void {
  const [key, ...rest] = issuePath(issue);
  const setting = key === undefined ? undefined : written.get(key);
  if (setting && setting.value !== null) {
    const name = [...setting.path, ...rest].join(".");
    findings.report(`${name} ${describeIssue(issue)}`, valueSpanIn(setting, rest));
  } else if (key === undefined) {
    findings.report(`${service} ${describeIssue(issue)}`, own?.keySpan);
  } else {
    const name = `${service}.${kebabKey(key)}`;
    const cure =
      key === "model" ? `--${name}=DIR, or --model DIR for all services` : `--${name}=...`;
    findings.report(
      `${name} is not set; set it in the file, or give ${cure}`,
      (setting ?? own)?.keySpan,
    );
  }
}

function issuePath(issue: v.BaseIssue<unknown>): readonly string[] {
  return (issue.path ?? []).map(({ key }) => String(key));
}

/** Keys whose value is wrong here and right in a larger graph of Dynamo's. */
function foreignValues(
  lineage: readonly string[],
  input: Readonly<Record<string, unknown>>,
  issues: readonly v.BaseIssue<unknown>[],
): readonly string[] {
  const keys = issues.map((issue) => issuePath(issue)[0]).filter((key) => key !== undefined);
  return keys.filter((key) =>
    lineage.some((service) => isUpstreamValue(service, kebabKey(key), input[key])),
  );
}

/** Kebab-case key to the schema's own. */
export function schemaKeys({ schema }: ServiceDescription): ReadonlyMap<string, string> {
  return new Map(Object.keys(schema?.entries ?? {}).map((key) => [kebabKey(key), key]));
}

/** A notice names what the user wrote: a key of `Common` stands there, whichever service asks for it. */
function asWritten(service: string, path: Path): string {
  return path[0] === service ? path.join(".") : `${path.join(".")} for ${service}`;
}

/** A name in kebab case, in the spelling of `key`. */
function inSpellingOf(key: string, name: string): string {
  if (key.includes("_")) return name.replaceAll("-", "_");
  if (!/[a-z][A-Z]/.test(key)) return name;
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** ` in line 4`, for what a file says. */
function lineOf(span: Span | undefined): string {
  if (!span || isFlag(span.source)) return "";
  return ` in line ${lineColumn(span).line}`;
}
