// The configuration as written: services, their keys and values, and where each was written. It is
// read from one text (YAML, or the JSON of an environment variable), and flags are merged into it.

import { jsonFault } from "../base/json-fault.ts";
import { ConfigError, lineColumn, type SourceText } from "./config-error.ts";
import { mergeOverride } from "./merge-override.ts";
import type { Override } from "./override.ts";
import { canonicalKey } from "./path.ts";
import { JsonError, parsePlacedJson } from "./python-json.ts";
import { describeKind, isDict, keyText, type PythonDict } from "./python-value.ts";
import { parseYaml } from "./python-yaml.ts";
import type { Setting, SettingsDocument } from "./setting.ts";

/** A map of maps. It prints as the user would type it. */
export class ConfigTree {
  /** The text written for each service, as one setting whose items are its keys. */
  readonly sections: ReadonlyMap<string, Setting>;

  constructor(sections: ReadonlyMap<string, Setting>) {
    this.sections = sections;
  }

  get services(): ReadonlyMap<string, PythonDict> {
    return new Map([...this.sections].map(([name, { value }]) => [name, mapOf(value)]));
  }

  /** A service's own key, in whichever case it is written. */
  settingOf(service: string, key: string): Setting | undefined {
    const items = this.sections.get(service)?.items;
    return items?.find((item) => canonicalKey(keyText(item.key)) === canonicalKey(key));
  }

  /** This tree with `overrides` merged in, deeply and in their order. */
  override(overrides: readonly Override[]): ConfigTree {
    const sections = new Map(this.sections);
    for (const override of overrides) {
      const [service = ""] = override.path;
      sections.set(service, mergeOverride(sections.get(service), override));
    }
    return new ConfigTree(sections);
  }
}

export const emptyConfig = new ConfigTree(new Map());

export function readYamlConfig(source: SourceText): ConfigTree {
  return treeOf(parseYaml(source), source);
}

/** `DYNAMO_SERVICE_CONFIG` and its like. */
export function readJsonConfig(source: SourceText): ConfigTree {
  try {
    return treeOf(parsePlacedJson(source), source);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const reason = jsonFault(source.text)?.message ?? error.message;
    const span = { source, start: error.at, end: error.at + 1 };
    throw new ConfigError([{ message: `not JSON: ${reason}`, span }]);
  }
}

function treeOf(document: SettingsDocument, source: SourceText): ConfigTree {
  refuseRepeated(document);
  const { root } = document;
  if (root.value === null) return emptyConfig;
  if (!isDict(root.value)) {
    const message = `${source.name} must be a map of services, each with a map of its keys; it is ${describeKind(root.value)}`;
    throw new ConfigError([{ message, span: root.valueSpan }]);
  }
  return new ConfigTree(new Map(root.items.map((section) => [nameOf(section), section])));
}

/** The one exception to Python's reading (docs/decisions/0030): of two sections of a name it drops the first in silence. */
function refuseRepeated({ repeated }: SettingsDocument): void {
  if (repeated.length === 0) return;
  const problems = repeated.map(({ path, first, again }) => {
    const name = path.join(".");
    const cure = path.length === 1 ? "put all its keys into one section" : "keep one of the two";
    const [one, other] = [lineColumn(first).line, lineColumn(again).line];
    const lines = one === other ? `line ${one}` : `lines ${one} and ${other}`;
    return {
      message: `${name} is given twice, in ${lines}; ${cure}`,
      span: again,
    };
  });
  throw new ConfigError(problems);
}

function nameOf({ key: name, value, keySpan, valueSpan }: Setting): string {
  if (typeof name !== "string") {
    const message = `a service's name must be a string; YAML reads this one as ${describeKind(name)}. Quote it`;
    throw new ConfigError([{ message, span: keySpan }]);
  }
  if (value !== null && !isDict(value)) {
    const message = `${name} must be a map of its keys; it is ${describeKind(value)}`;
    throw new ConfigError([{ message, span: valueSpan ?? keySpan }]);
  }
  return name;
}

/** A section without keys is an empty map. */
function mapOf(value: Setting["value"]): PythonDict {
  return isDict(value) ? value : new Map();
}
