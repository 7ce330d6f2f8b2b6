// YAML as PyYAML's SafeLoader reads it, which is YAML 1.1 with its own regular expressions: `yes`
// is true, 010 is eight, 1:30 is ninety and 1e3 is a string. The `yaml` library gives the tree and
// the positions; what a plain scalar means is decided here.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type ParsedNode,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";

import { ConfigError, type SourceText, type Span } from "./config-error.ts";
import { type Path, pathKey } from "./path.ts";
import { keyText, type PythonKey, type PythonValue, setKey } from "./python-value.ts";
import { describeYamlError } from "./yaml-words.ts";

export interface YamlDocument {
  readonly value: PythonValue;
  /** Where the key (or list item) at `path` was written. */
  keySpan(path: Path): Span | undefined;
  /** Where the value at `path` was written. */
  valueSpan(path: Path): Span | undefined;
  /** Keys that one map has twice; PyYAML, and so `value`, takes the last. */
  readonly repeated: readonly RepeatedKey[];
}

export interface RepeatedKey {
  readonly path: Path;
  readonly first: Span;
  readonly again: Span;
}

export function parseYaml(source: SourceText): YamlDocument {
  const unprintable = UNPRINTABLE.exec(source.text);
  if (unprintable) {
    const span = { source, start: unprintable.index, end: unprintable.index + 1 };
    const unit = (unprintable[0].codePointAt(0) ?? 0).toString(16).padStart(4, "0");
    throw new ConfigError([{ message: `not YAML: the character U+${unit} is not allowed`, span }]);
  }
  const document = parseDocument(source.text, {
    schema: "failsafe",
    version: "1.1",
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
  });
  const [error] = document.errors;
  if (error) {
    const [start, end] = error.pos;
    throw new ConfigError([
      { message: `not YAML: ${describeYamlError(error)}`, span: { source, start, end } },
    ]);
  }
  return new Constructor(source, document).construct();
}

// PyYAML reader.py: what a document may not contain.
const UNPRINTABLE = /[^\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** Aliases multiply; a small file could stand for a value larger than memory. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 200;

const TAG = "tag:yaml.org,2002:";

type Node = ParsedNode | null | undefined;
type Target = Exclude<ParsedNode, Alias>;

interface Entry {
  readonly key: PythonKey;
  readonly keyNode: Node;
  readonly valueNode: Node;
}

class Constructor implements YamlDocument {
  readonly #source: SourceText;
  readonly #document: Document.Parsed;
  readonly #targets: ReadonlyMap<Alias, Target>;
  readonly #keySpans = new Map<string, Span>();
  readonly #valueSpans = new Map<string, Span>();
  readonly #repeated = new Map<string, RepeatedKey>();
  #numNodes = 0;
  #value: PythonValue = null;

  constructor(source: SourceText, document: Document.Parsed) {
    this.#source = source;
    this.#document = document;
    this.#targets = aliasTargets(document);
  }

  construct(): YamlDocument {
    this.#value = this.#node(this.#document.contents, []);
    return this;
  }

  get value(): PythonValue {
    return this.#value;
  }

  get repeated(): readonly RepeatedKey[] {
    return [...this.#repeated.values()];
  }

  keySpan(path: Path): Span | undefined {
    return this.#keySpans.get(pathKey(path));
  }

  valueSpan(path: Path): Span | undefined {
    return this.#valueSpans.get(pathKey(path));
  }

  #node(node: Node, path: Path): PythonValue {
    this.#numNodes += 1;
    if (this.#numNodes > MAX_NODES || path.length > MAX_DEPTH) {
      throw this.#error(node, path, "is too large, or contains itself");
    }
    const target = this.#follow(node, path);
    if (!target) return null;
    this.#valueSpans.set(pathKey(path), this.#span(node ?? target));
    if (isMap(target)) return this.#map(target, path);
    if (isSeq(target)) return this.#list(target, path);
    return this.#scalar(target, path);
  }

  #follow(node: Node, path: Path): Target | undefined {
    if (!isAlias(node)) return node ?? undefined;
    const target = this.#targets.get(node);
    if (!target) throw this.#error(node, path, `refers to no anchor: *${node.source}`);
    return target;
  }

  #map(node: YAMLMap, path: Path): PythonValue {
    this.#expectTag(node, path, "map");
    const dict = new Map<PythonKey, PythonValue>();
    for (const { key, keyNode, valueNode } of this.#entries(node, path)) {
      const stored = setKey(dict, key, null);
      const itemPath = [...path, keyText(stored)];
      if (keyNode) this.#keySpans.set(pathKey(itemPath), this.#span(keyNode));
      dict.set(stored, this.#node(valueNode, itemPath));
    }
    return dict;
  }

  /** The pairs of a map with its merges (`<<: *base`) unfolded; merged ones come first, as PyYAML has it. */
  #entries(node: YAMLMap, path: Path): Entry[] {
    const merged: Entry[] = [];
    const own: Entry[] = [];
    const seen = new Map<PythonKey, Node>();
    for (const pair of node.items as Pair<ParsedNode, Node>[]) {
      if (isPlain(pair.key, "<<")) merged.push(...this.#merge(pair.value, path));
      else {
        const key = this.#key(pair.key, path);
        own.push({ key, keyNode: pair.key, valueNode: pair.value });
        if (seen.has(key)) this.#noteRepeated([...path, keyText(key)], seen.get(key), pair.key);
        else seen.set(key, pair.key);
      }
    }
    return [...merged, ...own];
  }

  #noteRepeated(path: Path, first: Node, again: Node): void {
    if (!first || !again) return;
    const repeated = { path, first: this.#span(first), again: this.#span(again) };
    this.#repeated.set(`${repeated.first.start},${repeated.again.start}`, repeated);
  }

  #merge(node: Node, path: Path): Entry[] {
    if (path.length > MAX_DEPTH) throw this.#error(node, path, "merges itself");
    const deeper = [...path, "<<"];
    const target = this.#follow(node, deeper);
    if (isMap(target)) return this.#entries(target, deeper);
    const items = isSeq(target) ? target.items : [node];
    const maps = items.map((item) => this.#follow(item, deeper)).filter((item) => isMap(item));
    if (maps.length < items.length) {
      throw this.#error(node, deeper, "must be a map or a list of maps");
    }
    return maps.reverse().flatMap((map) => this.#entries(map, deeper)); // the first in the list wins
  }

  #key(node: Node, path: Path): PythonKey {
    const target = this.#follow(node, path);
    if (isPlain(target, "=")) return "=";
    const value = target ? (isScalar(target) ? this.#scalar(target, path) : target) : null;
    if (typeof value === "object" && value !== null) {
      throw this.#error(node, path, "has a map or a list as a key; keys must be scalars");
    }
    return value;
  }

  #list(node: YAMLSeq, path: Path): PythonValue {
    this.#expectTag(node, path, "seq");
    return node.items.map((item, index) => this.#node(item as Node, [...path, String(index)]));
  }

  #scalar(node: Scalar, path: Path): PythonValue {
    const text = this.#textOf(node);
    const tag = node.tag ?? TAG + (node.type === "PLAIN" ? implicitTag(text) : "str");
    const construct = CONSTRUCTORS[tag];
    if (!construct) throw this.#error(node, path, unsupported(tag, text));
    const value = construct(text);
    if (value === undefined) {
      throw this.#error(node, path, `is not of the type that its tag says (${tag}): ${text}`);
    }
    return value;
  }

  /** The library ends a block with a line break that the file, ending in its last line, does not have. */
  #textOf(node: Scalar): string {
    const text = String(node.value);
    const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
    const isLast = node.range?.[1] === this.#source.text.length;
    return isBlock && isLast && !/[\r\n] *$/.test(this.#source.text)
      ? text.replace(/\n$/, "")
      : text;
  }

  #expectTag(node: YAMLMap | YAMLSeq, path: Path, name: "map" | "seq"): void {
    if (node.tag !== undefined && node.tag !== TAG + name) {
      throw this.#error(node as ParsedNode, path, unsupported(node.tag, ""));
    }
  }

  #span(node: NonNullable<Node> | Scalar): Span {
    const [start = 0, end = start] = node.range ?? [];
    return { source: this.#source, start, end };
  }

  #error(node: Node | Scalar, path: Path, what: string): ConfigError {
    const name = path.length === 0 ? "the document" : path.join(".");
    return new ConfigError([
      { message: `${name} ${what}`, span: node ? this.#span(node) : undefined },
    ]);
  }
}

/** What each alias stands for: the last node before it that bears the anchor. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Target> {
  const anchors = new Map<string, Target>();
  const targets = new Map<Alias, Target>();
  visit(document, {
    Alias(_, alias) {
      const target = anchors.get(alias.source);
      if (target) targets.set(alias, target);
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node as Target);
    },
  });
  return targets;
}

function isPlain(node: unknown, text: string): boolean {
  return isScalar(node) && node.type === "PLAIN" && node.tag === undefined && node.value === text;
}

// PyYAML resolver.py: the same expressions, in the same order.
const BOOL = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const INT =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const TIMESTAMP =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;

function implicitTag(text: string): string {
  if (BOOL.test(text)) return "bool";
  if (FLOAT.test(text)) return "float";
  if (INT.test(text)) return "int";
  if (NULL.test(text)) return "null";
  if (TIMESTAMP.test(text)) return "timestamp";
  return text === "=" ? "value" : "str";
}

const CONSTRUCTORS: Readonly<Record<string, (text: string) => PythonValue | undefined>> = {
  [`${TAG}null`]: () => null,
  [`${TAG}str`]: (text) => text,
  [`${TAG}bool`]: parseBool,
  [`${TAG}int`]: parseInteger,
  [`${TAG}float`]: parseFloatingPoint,
};

function unsupported(tag: string, text: string): string {
  const quoted = JSON.stringify(text);
  if (tag === `${TAG}timestamp`) return `is a date, which JSON does not have. Quote it: ${quoted}`;
  if (tag === `${TAG}value`) return `is YAML's "=", which has no value here. Quote it: ${quoted}`;
  return `has a tag that is not supported: ${tag.replace(TAG, "!!")}`;
}

function parseBool(text: string): boolean | undefined {
  if (!BOOL.test(text)) return undefined;
  return ["yes", "true", "on"].includes(text.toLowerCase());
}

function parseInteger(text: string): bigint | undefined {
  const digits = text.replaceAll("_", "");
  const negative = digits.startsWith("-");
  const magnitude = parseMagnitude(digits.replace(/^[-+]/, ""));
  return negative && magnitude !== undefined ? -magnitude : magnitude;
}

function parseMagnitude(digits: string): bigint | undefined {
  if (/^0b[01]+$/.test(digits) || /^0x[0-9a-fA-F]+$/.test(digits)) return BigInt(digits);
  if (/^0[0-7]*$/.test(digits)) return BigInt(`0o${digits}`);
  if (!/^\d+(:\d+)*$/.test(digits) || digits.startsWith("0")) return undefined;
  return digits.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
}

function parseFloatingPoint(text: string): number | undefined {
  const digits = text.replaceAll("_", "").toLowerCase();
  const sign = digits.startsWith("-") ? -1 : 1;
  const magnitude = digits.replace(/^[-+]/, "");
  if (magnitude === ".inf") return sign * Number.POSITIVE_INFINITY;
  if (magnitude === ".nan") return Number.NaN;
  const parts = magnitude.split(":");
  if (!parts.every((part) => /^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/.test(part))) return undefined;
  // From the right, as PyYAML adds: floats are not associative.
  let base = 1;
  let sum = 0;
  for (const part of parts.reverse()) {
    sum += Number(part) * base;
    base *= 60;
  }
  return sign * sum;
}
