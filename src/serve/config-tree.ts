// The configuration as written: services, their keys and values, and where each was written. It is
// read from one text (YAML, or the JSON of an environment variable), and flags are merged into it.

import { jsonFault } from "../base/json-fault.ts";
import { ConfigError, lineColumn, type SourceText, type Span } from "./config-error.ts";
import type { Override } from "./override.ts";
import { canonicalKey, type Path, pathKey, SERVICE_ARGS } from "./path.ts";
import { JsonError, parseJson } from "./python-json.ts";
import {
  describeKind,
  isDict,
  keyText,
  type PythonDict,
  type PythonKey,
  type PythonValue,
} from "./python-value.ts";
import { parseYaml, type YamlDocument } from "./python-yaml.ts";

/** A map of maps. What it prints is what the user would type. */
export class ConfigTree {
  readonly services: ReadonlyMap<string, PythonDict>;
  readonly #spans: Spans;

  constructor(services: ReadonlyMap<string, PythonDict>, spans: Spans) {
    this.services = services;
    this.#spans = spans;
  }

  get value(): PythonDict {
    return this.services;
  }

  /** Where the key at `path` was written, or the nearest thing around it. */
  keySpan(path: Path): Span | undefined {
    if (path.length === 0) return undefined;
    return this.#spans.keySpan(path) ?? this.keySpan(path.slice(0, -1));
  }

  valueSpan(path: Path): Span | undefined {
    if (path.length === 0) return undefined;
    return this.#spans.valueSpan(path) ?? this.valueSpan(path.slice(0, -1));
  }

  /** This tree with `overrides` merged in, deeply and in their order. */
  override(overrides: readonly Override[]): ConfigTree {
    const services = new Map([...this.services].map(([name, keys]) => [name, copyDict(keys)]));
    const spans = new OverrideSpans(this.#spans);
    for (const override of overrides) applyOverride(services, spans, override);
    return new ConfigTree(services, spans);
  }
}

interface Spans {
  keySpan(path: Path): Span | undefined;
  valueSpan(path: Path): Span | undefined;
}

export const emptyConfig = new ConfigTree(new Map(), {
  keySpan: () => undefined,
  valueSpan: () => undefined,
});

export function readYamlConfig(source: SourceText): ConfigTree {
  const document = parseYaml(source);
  refuseRepeated(document);
  return new ConfigTree(expectMapOfMaps(document, document.value, source), document);
}

/** The one exception to PyYAML's reading (docs/decisions/0030): of two sections of a name it drops the first in silence. */
function refuseRepeated({ repeated }: YamlDocument): void {
  if (repeated.length === 0) return;
  const problems = repeated.map(({ path, first, again }) => {
    const name = path.join(".");
    const cure = path.length === 1 ? "put all its keys into one section" : "keep one of the two";
    return {
      message: `${name} is given twice, in lines ${lineColumn(first).line} and ${lineColumn(again).line}; ${cure}`,
      span: again,
    };
  });
  throw new ConfigError(problems);
}

/** `DYNAMO_SERVICE_CONFIG` and its like. JSON is YAML too, which gives the positions. */
export function readJsonConfig(source: SourceText): ConfigTree {
  try {
    const value = parseJson(source.text);
    const document = parseYaml(source);
    refuseRepeated(document);
    return new ConfigTree(expectMapOfMaps(document, value, source), document);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const reason = jsonFault(source.text)?.message ?? error.message;
    const span = { source, start: error.at, end: error.at + 1 };
    throw new ConfigError([{ message: `not JSON: ${reason}`, span }]);
  }
}

function expectMapOfMaps(
  spans: YamlDocument,
  value: PythonValue,
  source: SourceText,
): ReadonlyMap<string, PythonDict> {
  if (value === null) return new Map();
  if (!isDict(value)) {
    const message = `${source.name} must be a map of services, each with a map of its keys; it is ${describeKind(value)}`;
    throw new ConfigError([{ message, span: spans.valueSpan([]) }]);
  }
  const services = new Map<string, PythonDict>();
  for (const [name, keys] of value) {
    const path = [keyText(name)];
    if (typeof name !== "string") {
      const message = `a service's name must be a string; YAML reads this one as ${describeKind(name)}. Quote it`;
      throw new ConfigError([{ message, span: spans.keySpan(path) }]);
    }
    if (keys !== null && !isDict(keys)) {
      const message = `${name} must be a map of its keys; it is ${describeKind(keys)}`;
      throw new ConfigError([{ message, span: spans.valueSpan(path) ?? spans.keySpan(path) }]);
    }
    services.set(name, keys ?? new Map());
  }
  return services;
}

type MutableDict = Map<PythonKey, PythonValue>;

function applyOverride(
  services: Map<string, MutableDict>,
  spans: OverrideSpans,
  { path, value, keySpans, valueSpan }: Override,
): void {
  const [service = "", ...keys] = path;
  let dict = services.get(service);
  if (!dict) {
    dict = new Map();
    services.set(service, dict);
  }
  const written = [service];
  spans.note(written, keySpans[0], valueSpan);
  for (const [index, part] of keys.entries()) {
    const key = existingKey(dict, part, hasTwoSpellings(keys, index) ? canonicalKey : exactKey);
    written.push(keyText(key));
    const isLast = index === keys.length - 1;
    const old = dict.get(key);
    const next: PythonValue = isLast ? merge(old, value) : isDict(old) ? copyDict(old) : new Map();
    if (isLast) spans.replace(written, value, keySpans[index + 1], valueSpan);
    else spans.note(written, keySpans[index + 1], valueSpan);
    dict.set(key, next);
    if (next instanceof Map) dict = next;
  }
}

/** A service's own keys and those of its ServiceArgs do; keys inside other maps are themselves. */
function hasTwoSpellings(keys: readonly string[], index: number): boolean {
  return index === 0 || (index === 1 && keys[0] === SERVICE_ARGS);
}

/** The spelling that the file has stays. */
function existingKey(dict: PythonDict, part: string, form: (key: string) => string): PythonKey {
  for (const key of dict.keys()) if (form(keyText(key)) === form(part)) return key;
  return part;
}

function exactKey(key: string): string {
  return key;
}

/** Maps are merged, anything else is replaced. */
function merge(old: PythonValue | undefined, value: PythonValue): PythonValue {
  if (!isDict(old) || !isDict(value)) return value;
  const merged = copyDict(old);
  for (const [key, item] of value) merged.set(key, merge(old.get(key), item));
  return merged;
}

function copyDict(dict: PythonDict): MutableDict {
  return new Map(dict);
}

/** The places of a tree that flags were merged into: theirs before those of the text. */
class OverrideSpans implements Spans {
  readonly #below: Spans;
  readonly #own = new Map<string, { readonly key: Span; readonly value: Span }>();

  constructor(below: Spans) {
    this.#below = below;
  }

  keySpan(path: Path): Span | undefined {
    return this.#own.get(pathKey(path))?.key ?? this.#below.keySpan(path);
  }

  valueSpan(path: Path): Span | undefined {
    return this.#own.get(pathKey(path))?.value ?? this.#below.valueSpan(path);
  }

  /** A step on the way to what a flag sets: its place, unless it was there already. */
  note(path: Path, key: Span | undefined, value: Span): void {
    if (key && !this.keySpan(path)) this.#own.set(pathKey(path), { key, value });
  }

  /** What a flag sets, with all that is in it. */
  replace(path: Path, set: PythonValue, key: Span | undefined, value: Span): void {
    this.#own.set(pathKey(path), { key: key ?? value, value });
    if (!isDict(set)) return;
    for (const [name, item] of set) this.replace([...path, keyText(name)], item, value, value);
  }
}
