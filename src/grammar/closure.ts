// All places of a rule that can be reached without a byte: where a local comes from.

import { assert } from "../base/assert.ts";
import { GrammarError } from "./grammar-error.ts";
import type { Analysis, GrammarNode, GrammarProgram } from "./program.ts";

/** Places that one set may hold: a grammar that needs more is too ambiguous to be followed. */
export const MAX_PLACES = 2048;

/** A place inside a rule: a node, how far it is done, and the cell that goes on behind it. */
export interface Cell {
  readonly id: number;
  readonly node: number;
  /** Sequence: the next part. Literal: the next byte. Graph: the state. Repeat: repetitions that must still come. */
  readonly a: number;
  /** Repeat: repetitions that may still come. */
  readonly b: number;
  /** Undefined: the end of the rule is behind it. */
  readonly parent: Cell | undefined;
}

type InternCell = (node: number, a: number, b: number, parent: Cell | undefined) => Cell;

const NONE: readonly never[] = [];

export class Closure {
  readonly items = new Set<Cell>();
  /** By rule that is called: the cells behind its calls; undefined stands for the end of the caller. */
  readonly calls = new Map<number, Set<Cell | undefined>>();
  mayEnd = false;

  readonly #nodes: readonly GrammarNode[];
  readonly #program: GrammarProgram;
  readonly #analysis: Analysis;
  readonly #intern: InternCell;
  readonly #open: Cell[] = [];
  readonly #seen = new Set<Cell>();

  constructor(
    nodes: readonly GrammarNode[],
    program: GrammarProgram,
    analysis: Analysis,
    intern: InternCell,
  ) {
    this.#nodes = nodes;
    this.#program = program;
    this.#analysis = analysis;
    this.#intern = intern;
  }

  /** Goes on behind what `cell` took a byte for. */
  advance(cell: Cell): void {
    const node = this.#node(cell.node);
    if (node.type === "literal" && cell.a + 1 < node.bytes.length) {
      this.items.add(this.#intern(cell.node, cell.a + 1, 0, cell.parent));
    } else this.resume(cell.parent);
  }

  resume(cell: Cell | undefined): void {
    if (cell === undefined) this.mayEnd = true;
    else if (!this.#seen.has(cell)) {
      this.#seen.add(cell);
      this.#open.push(cell);
      if (this.#seen.size > 16 * MAX_PLACES) throw tooAmbiguous();
    }
  }

  run(): void {
    for (let cell = this.#open.pop(); cell !== undefined; cell = this.#open.pop()) {
      this.#goOn(cell);
      if (this.items.size > MAX_PLACES) throw tooAmbiguous();
    }
  }

  enter(id: number, parent: Cell | undefined): void {
    if (this.#analysis.isProductive[id] !== 1) return;
    const node = this.#node(id);
    if (node.type === "bytes" || node.type === "literal")
      this.items.add(this.#intern(id, 0, 0, parent));
    else if (node.type === "choice") for (const option of node.options) this.enter(option, parent);
    else if (node.type === "rule") this.#call(node.rule, parent);
    else if (node.type === "repeat") this.resume(this.#intern(id, node.min, node.max, parent));
    else if (node.type === "graph") this.resume(this.#intern(id, 0, 0, parent));
    else if (node.parts.length === 0) this.resume(parent);
    else this.#enterPart(id, node.parts, 0, parent);
  }

  #goOn({ node: id, a, b, parent }: Cell): void {
    const node = this.#node(id);
    if (node.type === "sequence") this.#enterPart(id, node.parts, a, parent);
    else if (node.type === "repeat") {
      if (a === 0) this.resume(parent);
      if (b > 0) this.enter(node.body, this.#intern(id, Math.max(0, a - 1), b - 1, parent));
    } else if (node.type === "graph") this.#enterEdges(id, node, a, parent);
    else this.items.add(this.#intern(id, a, b, parent));
  }

  #enterEdges(
    id: number,
    { edges, accepting }: Extract<GrammarNode, { type: "graph" }>,
    state: number,
    parent: Cell | undefined,
  ): void {
    if (accepting[state] === true) this.resume(parent);
    const list = edges[state] ?? NONE;
    const live = this.#analysis.liveStates.get(id);
    for (let index = 0; index < list.length; index += 2) {
      const target = list[index + 1] ?? -1;
      if (live?.[target] === 1) this.enter(list[index] ?? -1, this.#intern(id, target, 0, parent));
    }
  }

  #enterPart(id: number, parts: readonly number[], index: number, parent: Cell | undefined): void {
    const isLast = index + 1 === parts.length;
    this.enter(parts[index] ?? -1, isLast ? parent : this.#intern(id, index + 1, 0, parent));
  }

  #call(rule: number, parent: Cell | undefined): void {
    let backs = this.calls.get(rule);
    if (backs === undefined) {
      backs = new Set();
      this.calls.set(rule, backs);
    }
    backs.add(parent);
    const node = this.#program.rules[rule]?.node ?? -1;
    if (this.#analysis.isNullable[node] === 1) this.resume(parent);
  }

  #node(id: number): GrammarNode {
    const node = this.#nodes[id];
    assert(node !== undefined, "a node of this program");
    return node;
  }
}

export function tooAmbiguous(): GrammarError {
  return new GrammarError(
    "grammar_too_complex",
    "grammar",
    `a text can be read in more than ${MAX_PLACES} ways at once; make the grammar less ambiguous`,
  );
}
