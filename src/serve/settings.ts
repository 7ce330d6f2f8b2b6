// The settings of one service as written: those of `Common` that it lists under `common-configs` and
// does not set itself, then its own.

import { didYouMean } from "../base/nearest.ts";
import type { ConfigTree } from "./config-tree.ts";
import type { Findings } from "./findings.ts";
import { canonicalKey, SERVICE_ARGS } from "./path.ts";
import { keyText } from "./python-value.ts";
import { type Setting, valueSpanIn } from "./setting.ts";

export const COMMON = "Common";
export const COMMON_CONFIGS = "common-configs";

/** The settings of one service. */
export interface Section {
  readonly service: string;
  /** All of its own; undefined where the configuration does not name it. */
  readonly own: Setting | undefined;
  /** Settings for its schema to read, of `Common` and of its own. */
  readonly settings: readonly Setting[];
  readonly serviceArgs: Setting | undefined;
}

/** `known`: the keys that `Common` may have. */
export function sectionOf(
  tree: ConfigTree,
  service: string,
  known: ReadonlySet<string>,
  findings: Findings,
): Section {
  const own = tree.sections.get(service);
  const wanted = commonConfigs(own, known, findings);
  const ownSettings = settingsIn(own);
  const taken = new Set(ownSettings.map(canonicalKeyOf));
  const common = settingsIn(tree.sections.get(COMMON)).filter((setting) => {
    const key = canonicalKeyOf(setting);
    return wanted.has(key) && !taken.has(key);
  });
  const serviceArgs = own?.items.find(({ key }) => key === SERVICE_ARGS);
  return { service, own, settings: [...common, ...ownSettings], serviceArgs };
}

/** The keys of `Common` that `section` asks for. A key that is not set there is no fault; an unknown one is. */
function commonConfigs(
  section: Setting | undefined,
  known: ReadonlySet<string>,
  findings: Findings,
): ReadonlySet<string> {
  const listed = section?.items.find((setting) => canonicalKeyOf(setting) === COMMON_CONFIGS);
  if (listed === undefined || listed.value === null) return new Set();
  const name = listed.path.join(".");
  if (!Array.isArray(listed.value)) {
    findings.report(`${name} must be a list of keys of Common`, listed.valueSpan);
    return new Set();
  }
  const keys = listed.value.map((key) => canonicalKey(String(key)));
  for (const [index, key] of keys.entries()) {
    if (known.has(key)) continue;
    findings.report(
      `${name} lists ${JSON.stringify(key)}, which is no key of any service.${didYouMean(key, known)}`,
      valueSpanIn(listed, [String(index)]),
    );
  }
  return new Set(keys);
}

function settingsIn(section: Setting | undefined): readonly Setting[] {
  return (section?.items ?? []).filter(
    (setting) => setting.key !== SERVICE_ARGS && canonicalKeyOf(setting) !== COMMON_CONFIGS,
  );
}

export function canonicalKeyOf({ key }: Setting): string {
  return canonicalKey(keyText(key));
}
