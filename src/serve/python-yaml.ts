// YAML as PyYAML's SafeLoader reads it, which is YAML 1.1 with its own regular expressions. The `yaml` library gives the
// tree and the positions; yaml-scalars.ts decides what a plain scalar means.

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
import type { Path } from "./path.ts";
import { keyText, type PythonKey, type PythonValue, storedKey } from "./python-value.ts";
import { dictOf, type RepeatedKey, type Setting, type SettingsDocument } from "./setting.ts";
import { CONSTRUCTORS, implicitTag, TAG, unsupported } from "./yaml-scalars.ts";
import { describeYamlError } from "./yaml-words.ts";

export function parseYaml(source: SourceText): SettingsDocument {
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

type Node = ParsedNode | null | undefined;
type Target = Exclude<ParsedNode, Alias>;

interface Entry {
  readonly key: PythonKey;
  readonly keyNode: Node;
  readonly valueNode: Node;
}

/** A value and what is inside of it. */
type Written = Pick<Setting, "value" | "items">;

class Constructor {
  readonly #source: SourceText;
  readonly #document: Document.Parsed;
  readonly #targets: ReadonlyMap<Alias, Target>;
  readonly #repeated = new Map<string, RepeatedKey>();
  #numNodes = 0;

  constructor(source: SourceText, document: Document.Parsed) {
    this.#source = source;
    this.#document = document;
    this.#targets = aliasTargets(document);
  }

  construct(): SettingsDocument {
    const contents = this.#document.contents;
    const root = this.#setting({ key: null, keyNode: undefined, valueNode: contents }, []);
    return { root, repeated: [...this.#repeated.values()] };
  }

  #setting({ key, keyNode, valueNode }: Entry, path: Path): Setting {
    const written = this.#node(valueNode, path);
    const [keySpan, valueSpan] = [keyNode, valueNode].map((node) => node && this.#span(node));
    return {
      key,
      path,
      ...written,
      keySpan: keySpan ?? undefined,
      valueSpan: valueSpan ?? undefined,
    };
  }

  #node(node: Node, path: Path): Written {
    this.#numNodes += 1;
    if (this.#numNodes > MAX_NODES || path.length > MAX_DEPTH) {
      throw this.#error(node, path, "is too large, or contains itself");
    }
    const target = this.#follow(node, path);
    if (!target) return { value: null, items: [] };
    if (isMap(target)) return this.#map(target, path);
    if (isSeq(target)) return this.#list(target, path);
    return { value: this.#scalar(target, path), items: [] };
  }

  #follow(node: Node, path: Path): Target | undefined {
    if (!isAlias(node)) return node ?? undefined;
    const target = this.#targets.get(node);
    if (!target) throw this.#error(node, path, `refers to no anchor: *${node.source}`);
    return target;
  }

  #map(node: YAMLMap, path: Path): Written {
    this.#expectTag(node, path, "map");
    const settings = new Map<PythonKey, Setting>();
    for (const entry of this.#entries(node, path)) {
      const key = storedKey(settings, entry.key);
      settings.set(key, this.#setting({ ...entry, key }, [...path, keyText(key)]));
    }
    const items = [...settings.values()];
    return { value: dictOf(items), items };
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

  #list(node: YAMLSeq, path: Path): Written {
    this.#expectTag(node, path, "seq");
    const items = node.items.map((item, index) => {
      const key = String(index);
      return this.#setting({ key, keyNode: undefined, valueNode: item as Node }, [...path, key]);
    });
    return { value: items.map(({ value }) => value), items };
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

/** Target of each alias: the last node before it that bears the anchor. */
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
