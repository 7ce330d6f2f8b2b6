// Makes programs. Equal nodes are one node; trivial ones are simplified away. Everything that grows has a limit.

import { assert, unreachable } from "../base/assert.ts";
import { analyse } from "./analysis.ts";
import { GrammarError } from "./grammar-error.ts";
import type { GrammarNode, GrammarProgram, GrammarRule } from "./program.ts";

/** Nodes and edges of one program, and bytes of its literals: about 50 MB at most. */
const MAX_SIZE = 400_000;

/** Units of work on sets and automata that one program may cost: about a second at most. */
const MAX_EFFORT = 300_000;

/** Nested counted repetitions multiply; this many positions is what a matcher may have to tell apart. */
const MAX_NESTED_COUNT = 20_000;

const encoder = new TextEncoder();

export class ProgramBuilder {
  /** The part that is being compiled, for errors. */
  place = "grammar";
  readonly #nodes: GrammarNode[] = [];
  readonly #counts: number[] = []; // of each node: positions that its counted repetitions multiply to
  readonly #ids = new Map<string, number>();
  readonly #rules: { name: string; node: number | undefined }[] = [];
  readonly #made = new Map<string, number>();
  #size = 0;
  #effort = 0;

  readonly empty = this.sequence([]);
  readonly never = this.choice([]);

  /** The node that `make` makes, once for each key. */
  once(key: string, make: () => number): number {
    let node = this.#made.get(key);
    if (node === undefined) {
      node = make();
      this.#made.set(key, node);
    }
    return node;
  }

  text(text: string): number {
    return this.literal(encoder.encode(text));
  }

  literal(bytes: Uint8Array): number {
    if (bytes.length === 0) return this.empty;
    const key = `l${Buffer.from(bytes).toString("latin1")}`;
    return this.#intern(key, bytes.length, 1, () => ({ type: "literal", bytes }));
  }

  /** `ranges`: sorted, disjoint; lowest, highest, ... */
  bytes(ranges: readonly number[]): number {
    if (ranges.length === 0) return this.never;
    return this.#intern(`b${ranges}`, 1, 1, () => ({ type: "bytes", ranges }));
  }

  sequence(parts: readonly number[]): number {
    if (parts.includes(this.never)) return this.never;
    const kept = this.#joinLiterals(parts.filter((part) => part !== this.empty));
    const [only] = kept;
    if (kept.length === 1 && only !== undefined) return only;
    return this.#intern(`s${kept}`, kept.length, this.#maxCount(kept), () => ({
      type: "sequence",
      parts: kept,
    }));
  }

  #joinLiterals(parts: readonly number[]): readonly number[] {
    const joined: number[] = [];
    for (const part of parts) {
      const last = this.#nodes[joined.at(-1) ?? -1];
      const next = this.#nodes[part];
      if (last?.type === "literal" && next?.type === "literal") {
        joined[joined.length - 1] = this.literal(Buffer.concat([last.bytes, next.bytes]));
      } else joined.push(part);
    }
    return joined;
  }

  choice(options: readonly number[]): number {
    const kept = [...new Set(options)].filter((option) => option !== this.never);
    const [only] = kept;
    if (kept.length === 1 && only !== undefined) return only;
    return this.#intern(`c${kept}`, kept.length, this.#maxCount(kept), () => ({
      type: "choice",
      options: kept,
    }));
  }

  /** Any of these texts, by a tree of their prefixes: as many as there are, few can be told apart by one byte. */
  words(texts: readonly string[]): number {
    const root: WordTree = { children: new Map(), isEnd: false };
    for (const text of texts) {
      let tree = root;
      for (const byte of encoder.encode(text)) {
        let child = tree.children.get(byte);
        if (child === undefined) {
          this.#grow(1);
          child = { children: new Map(), isEnd: false };
          tree.children.set(byte, child);
        }
        tree = child;
      }
      tree.isEnd = true;
    }
    return this.#wordGraph(root);
  }

  #wordGraph(root: WordTree): number {
    const edges: number[][] = [];
    const accepting: boolean[] = [];
    const open: WordTree[] = [root];
    for (let index = 0; index < open.length; index++) {
      const tree = open[index];
      if (tree === undefined) break;
      accepting.push(tree.isEnd);
      const list: number[] = [];
      for (const [first, child] of tree.children) {
        const bytes = [first];
        let target = child;
        while (!target.isEnd && target.children.size === 1) {
          for (const [byte, next] of target.children) {
            bytes.push(byte);
            target = next;
          }
        }
        list.push(this.literal(Uint8Array.from(bytes)), open.push(target) - 1);
      }
      edges.push(list);
    }
    return open.length === 2 && edges[0]?.[0] !== undefined && accepting[0] === false
      ? edges[0][0]
      : this.graph(edges, accepting);
  }

  optional(node: number): number {
    return this.choice([node, this.empty]);
  }

  repeat(body: number, { min, max }: { readonly min: number; readonly max: number }): number {
    assert(min >= 0 && min <= max, "a repetition has a sensible range");
    if (max === 0 || body === this.empty) return this.empty;
    if (body === this.never) return min === 0 ? this.empty : this.never;
    if (min === 1 && max === 1) return body;
    const own = max === Number.POSITIVE_INFINITY ? Math.max(1, min) : max;
    const inner = this.#counts[body] ?? 1;
    if (inner > 1 && own > 1 && own * inner > MAX_NESTED_COUNT) {
      throw this.tooComplex(
        `nested repetitions multiply to ${own * inner}; the limit is ${MAX_NESTED_COUNT}`,
      );
    }
    return this.#intern(`r${body},${min},${max}`, 1, own * inner, () => ({
      type: "repeat",
      body,
      min,
      max,
    }));
  }

  /** `edges[s]`: node, target, node, target, ... State 0 is the start. */
  graph(edges: readonly (readonly number[])[], accepting: readonly boolean[]): number {
    const size = edges.reduce((total, list) => total + 1 + list.length / 2, 0);
    const bodies = edges.flatMap((list) => list.filter((_, index) => index % 2 === 0));
    const key = `g${JSON.stringify(edges)}${accepting.map(Number).join("")}`;
    return this.#intern(key, size, this.#maxCount(bodies), () => ({
      type: "graph",
      edges,
      accepting,
    }));
  }

  /** A rule without a body yet, so that bodies may call it. */
  declare(name: string): number {
    this.#grow(1);
    this.#rules.push({ name, node: undefined });
    return this.#rules.length - 1;
  }

  define(rule: number, node: number): void {
    const entry = this.#rules[rule];
    assert(entry !== undefined && entry.node === undefined, "a rule is defined once");
    entry.node = node;
  }

  call(rule: number): number {
    return this.#intern(`$${rule}`, 1, 1, () => ({ type: "rule", rule }));
  }

  nodeAt(node: number): GrammarNode {
    const found = this.#nodes[node];
    assert(found !== undefined, "a node of this program");
    return found;
  }

  /** Copies another program in, with its rules; the node of its whole text. Parts stand before what has them. */
  include({ nodes, rules, root }: GrammarProgram): number {
    const own = rules.map(({ name }) => this.declare(name));
    const copies: number[] = [];
    const copyOf = (node: number) => copies[node] ?? this.never;
    for (const node of nodes) copies.push(this.#copy(node, copyOf, own));
    for (const [index, { node }] of rules.entries()) this.define(own[index] ?? 0, copyOf(node));
    return copyOf(root);
  }

  #copy(node: GrammarNode, copyOf: (node: number) => number, rules: readonly number[]): number {
    switch (node.type) {
      case "bytes":
        return this.bytes(node.ranges);
      case "literal":
        return this.literal(node.bytes);
      case "sequence":
        return this.sequence(node.parts.map(copyOf));
      case "choice":
        return this.choice(node.options.map(copyOf));
      case "repeat":
        return this.repeat(copyOf(node.body), node);
      case "rule":
        return this.call(rules[node.rule] ?? 0);
      case "graph":
        return this.graph(
          node.edges.map((list) =>
            list.map((value, index) => (index % 2 === 0 ? copyOf(value) : value)),
          ),
          node.accepting,
        );
      default:
        return unreachable(node);
    }
  }

  /** Throws `GrammarError` where no text matches, or a rule begins with itself. */
  finish(root: number): GrammarProgram {
    const rules = this.#rules.map(({ name, node }): GrammarRule => {
      assert(node !== undefined, `rule ${name} is defined`);
      return { name, node };
    });
    const code = { nodes: this.#nodes, rules, root };
    const analysis = analyse(code);
    if (analysis.isProductive[root] !== 1)
      throw new GrammarError("grammar_invalid", this.place, "no text at all can match");
    return { ...code, analysis };
  }

  spend(units: number): void {
    this.#effort += units;
    if (this.#effort > MAX_EFFORT)
      throw this.tooComplex("the grammar takes too much work to compile");
  }

  tooComplex(message: string): GrammarError {
    return new GrammarError("grammar_too_complex", this.place, message);
  }

  #maxCount(nodes: readonly number[]): number {
    let count = 1;
    for (const node of nodes) count = Math.max(count, this.#counts[node] ?? 1);
    return count;
  }

  #intern(key: string, size: number, count: number, make: () => GrammarNode): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#grow(size + 1);
    const id = this.#nodes.length;
    this.#nodes.push(make());
    this.#counts.push(count);
    this.#ids.set(key, id);
    return id;
  }

  #grow(size: number): void {
    this.#size += size;
    if (this.#size > MAX_SIZE)
      throw this.tooComplex(`the grammar grows over its limit of ${MAX_SIZE} elements here`);
  }
}

interface WordTree {
  readonly children: Map<number, WordTree>;
  isEnd: boolean;
}
