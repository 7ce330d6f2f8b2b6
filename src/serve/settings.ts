// The settings of one service as written: those of `Common` that it lists under `common-configs` and
// does not set itself, then its own.

import { didYouMean } from "../base/nearest.ts";
import type { ConfigTree } from "./config-tree.ts";
import type { Findings } from "./findings.ts";
import { canonicalKey, type Path, SERVICE_ARGS } from "./path.ts";
import { keyText, type PythonDict, type PythonValue } from "./python-value.ts";

export const COMMON = "Common";
export const COMMON_CONFIGS = "common-configs";

export interface Setting {
  /** As written, in kebab or snake case. */
  readonly key: string;
  readonly value: PythonValue;
  readonly path: Path;
}

export function settingsOf(
  tree: ConfigTree,
  service: string,
  wanted: ReadonlySet<string>,
): readonly Setting[] {
  const own = sectionSettings(service, tree.services.get(service));
  const taken = new Set(own.map(({ key }) => canonicalKey(key)));
  const common = sectionSettings(COMMON, tree.services.get(COMMON)).filter(
    ({ key }) => wanted.has(canonicalKey(key)) && !taken.has(canonicalKey(key)),
  );
  return [...common, ...own];
}

/** The keys of `Common` that `service` asks for. A key that is not set there is no fault; an unknown one is. */
export function commonConfigs(
  tree: ConfigTree,
  service: string,
  known: ReadonlySet<string>,
  findings: Findings,
): ReadonlySet<string> {
  const section = tree.services.get(service) ?? new Map();
  const name = [...section.keys()].map(keyText).find((key) => canonicalKey(key) === COMMON_CONFIGS);
  const listed = name === undefined ? null : section.get(name);
  if (name === undefined || listed === null) return new Set();
  const path = [service, name];
  if (!Array.isArray(listed)) {
    findings.report(`${path.join(".")} must be a list of keys of Common`, tree.valueSpan(path));
    return new Set();
  }
  const keys = listed.map((key) => canonicalKey(String(key)));
  for (const [index, key] of keys.entries()) {
    if (known.has(key)) continue;
    findings.report(
      `${path.join(".")} lists ${JSON.stringify(key)}, which is no key of any service.${didYouMean(key, known)}`,
      tree.valueSpan([...path, String(index)]),
    );
  }
  return new Set(keys);
}

function sectionSettings(section: string, keys: PythonDict | undefined): readonly Setting[] {
  return [...(keys ?? [])]
    .map(([key, value]) => ({ key: keyText(key), value, path: [section, keyText(key)] }))
    .filter(({ key }) => key !== SERVICE_ARGS && canonicalKey(key) !== COMMON_CONFIGS);
}
