// Deterministic automata over characters: what complements and intersections of regular sets are made with. Keys
// that are none of the declared ones, several patterns at once, multiples within bounds.

import { type CharSet, charSet, pairs } from "./char-set.ts";
import { char, type Expression } from "./expression.ts";
import type { ProgramBuilder } from "./program-builder.ts";
import type { EncodeChar } from "./utf8.ts";

export interface CharAutomaton {
  /** By state, in order and disjoint: lowest character, highest, target. State 0 is the start. */
  readonly edges: readonly (readonly number[])[];
  readonly accepting: readonly boolean[];
}

/** States of one automaton. */
const MAX_STATES = 5000;
/** Positions of the expression it is made from, counted repetitions written out. */
const MAX_POSITIONS = 20_000;
const LAST_CHAR = 0x10_ffff;

/** Pays for the work: a program's builder. */
export interface Effort {
  tooComplex(message: string): Error;
  /** Throws when all work that one grammar may cost is used up. */
  spend(units: number): void;
}

export function automatonOf(expression: Expression, effort: Effort): CharAutomaton {
  const positions = new Positions(effort);
  const end = positions.add(expression, 0);
  const start = positions.reach([0]);
  return explore(
    start,
    (states) => ({
      ranges: states.flatMap((state) => positions.ranges[state] ?? []),
      accepts: states.includes(end),
    }),
    (targets) => positions.reach(targets),
    effort,
  );
}

/** A nondeterministic automaton (Thompson's). */
class Positions {
  readonly silent: number[][] = [[]];
  /** Lowest character, highest, target. */
  readonly ranges: (readonly [number, number, number])[][] = [[]];
  readonly #effort: Effort;

  constructor(effort: Effort) {
    this.#effort = effort;
  }

  /** Adds `tree` behind `from`; the position behind it. */
  add(tree: Expression, from: number): number {
    if (tree.type === "char") {
      const to = this.#new();
      this.ranges[from]?.push(...pairs(tree.set).map(([low, high]) => [low, high, to] as const));
      return to;
    }
    if (tree.type === "sequence") return tree.parts.reduce((at, part) => this.add(part, at), from);
    const to = this.#new();
    if (tree.type === "choice") {
      for (const option of tree.options) {
        const begin = this.#new();
        this.silent[from]?.push(begin);
        this.silent[this.add(option, begin)]?.push(to);
      }
      return to;
    }
    this.#repeat(tree, { from, to });
    return to;
  }

  #repeat(
    tree: Extract<Expression, { type: "repeat" }>,
    { from, to }: { from: number; to: number },
  ): void {
    let at = this.#new();
    this.silent[from]?.push(at);
    for (let count = 0; count < tree.min; count++) at = this.add(tree.body, at);
    if (tree.max === Number.POSITIVE_INFINITY) {
      const loop = this.#new();
      this.silent[at]?.push(loop);
      this.silent[this.add(tree.body, loop)]?.push(loop);
      this.silent[loop]?.push(to);
      return;
    }
    for (let count = tree.min; count < tree.max; count++) {
      this.silent[at]?.push(to);
      const next = this.#new();
      this.silent[at]?.push(next);
      at = this.add(tree.body, next);
    }
    this.silent[at]?.push(to);
  }

  reach(from: readonly number[]): readonly number[] {
    const seen = new Set<number>();
    const open = [...from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(this.silent[at] ?? []));
    }
    return [...seen].sort((a, b) => a - b);
  }

  #new(): number {
    if (this.silent.length >= MAX_POSITIONS) {
      throw this.#effort.tooComplex(
        `an expression of more than ${MAX_POSITIONS} positions cannot be combined with others`,
      );
    }
    this.ranges.push([]);
    return this.silent.push([]) - 1;
  }
}

interface Situation {
  readonly ranges: readonly (readonly [number, number, number])[];
  readonly accepts: boolean;
}

/** The subset construction: `look` tells what leaves a set, `settle` completes a set of targets. */
function explore(
  start: readonly number[],
  look: (states: readonly number[]) => Situation,
  settle: (targets: readonly number[]) => readonly number[],
  effort: Effort,
): CharAutomaton {
  const ids = new Map<string, number>([[start.join(), 0]]);
  const sets: (readonly number[])[] = [start];
  const edges: number[][] = [];
  const accepting: boolean[] = [];
  const idsOfTargets = new Map<string, number>();
  const idOf = (targets: readonly number[]): number => {
    const targetsKey = targets.join();
    const known = idsOfTargets.get(targetsKey);
    if (known !== undefined) return known;
    const settled = settle(targets);
    const key = settled.join();
    const id = ids.get(key) ?? sets.push(settled) - 1;
    ids.set(key, id);
    idsOfTargets.set(targetsKey, id);
    return id;
  };
  for (let index = 0; index < sets.length; index++) {
    if (sets.length > MAX_STATES)
      throw effort.tooComplex(`combining these needs more than ${MAX_STATES} states`);
    const { ranges, accepts } = look(sets[index] ?? []);
    effort.spend(1 + ranges.length);
    accepting.push(accepts);
    const list: number[] = [];
    for (const [low, high, targets] of slice(ranges)) {
      const id = idOf(targets);
      const isNext = list.at(-1) === id && list.at(-2) === low - 1;
      if (isNext) list[list.length - 2] = high;
      else list.push(low, high, id);
    }
    edges.push(list);
  }
  return { edges, accepting };
}

/** Overlapping ranges cut into disjoint ones, in order, each with all of its targets. */
function* slice(
  ranges: readonly (readonly [number, number, number])[],
): Generator<readonly [number, number, readonly number[]]> {
  const bounds = [...new Set(ranges.flatMap(([low, high]) => [low, high + 1]))].sort(
    (a, b) => a - b,
  );
  const sorted = ranges.toSorted(([a], [b]) => a - b);
  let active: (readonly [number, number, number])[] = [];
  let next = 0;
  for (const [index, low] of bounds.entries()) {
    const high = (bounds[index + 1] ?? low + 1) - 1;
    active = active.filter((range) => range[1] >= low);
    for (let range = sorted[next]; range !== undefined && range[0] <= low; range = sorted[++next])
      active.push(range);
    if (active.length > 0) yield [low, high, targetsOf(active)];
  }
}

function targetsOf(active: readonly (readonly [number, number, number])[]): readonly number[] {
  const targets: number[] = [];
  for (const [, , target] of active) if (!targets.includes(target)) targets.push(target);
  return targets;
}

/** Exactly these texts. */
export function wordsAutomaton(words: readonly string[], effort: Effort): CharAutomaton {
  const children: Map<number, number>[] = [new Map()];
  const accepting = [false];
  for (const word of words) {
    let state = 0;
    for (const one of word) {
      const code = one.codePointAt(0) ?? 0;
      let target = children[state]?.get(code);
      if (target === undefined) {
        effort.spend(1);
        target = children.push(new Map()) - 1;
        accepting.push(false);
        children[state]?.set(code, target);
      }
      state = target;
    }
    accepting[state] = true;
  }
  const edges = children.map((map) =>
    [...map].sort(([a], [b]) => a - b).flatMap(([code, target]) => [code, code, target]),
  );
  return { edges, accepting };
}

/** Texts that are not in `a`. */
export function complement({ edges, accepting }: CharAutomaton): CharAutomaton {
  const sink = edges.length;
  const filled = edges.map((list) => {
    const whole: number[] = [];
    let next = 0;
    for (let index = 0; index < list.length; index += 3) {
      const [low = 0, high = 0, target = 0] = list.slice(index, index + 3);
      if (low > next) whole.push(next, low - 1, sink);
      whole.push(low, high, target);
      next = high + 1;
    }
    if (next <= LAST_CHAR) whole.push(next, LAST_CHAR, sink);
    return whole;
  });
  return {
    edges: [...filled, [0, LAST_CHAR, sink]],
    accepting: [...accepting.map((accepts) => !accepts), true],
  };
}

/** Texts that are in both. */
export function both(a: CharAutomaton, b: CharAutomaton, effort: Effort): CharAutomaton {
  const width = b.edges.length;
  const split = (state: number) => [Math.floor(state / width), state % width] as const;
  return trim(
    explore(
      [0],
      ([state = 0]) => {
        const [left, right] = split(state);
        return {
          ranges: crossing(a.edges[left] ?? [], b.edges[right] ?? [], width),
          accepts: a.accepting[left] === true && b.accepting[right] === true,
        };
      },
      (targets) => targets,
      effort,
    ),
  );
}

function crossing(
  a: readonly number[],
  b: readonly number[],
  width: number,
): readonly (readonly [number, number, number])[] {
  const found: [number, number, number][] = [];
  for (let left = 0, right = 0; left < a.length && right < b.length; ) {
    const [lowA, highA, targetA] = [a[left] ?? 0, a[left + 1] ?? 0, a[left + 2] ?? 0];
    const [lowB, highB, targetB] = [b[right] ?? 0, b[right + 1] ?? 0, b[right + 2] ?? 0];
    const low = Math.max(lowA, lowB);
    const high = Math.min(highA, highB);
    if (low <= high) found.push([low, high, targetA * width + targetB]);
    if (highA <= highB) left += 3;
    if (highB <= highA) right += 3;
  }
  return found;
}

/** Without states from which no accepting one can be reached. */
function trim({ edges, accepting }: CharAutomaton): CharAutomaton {
  const sources: number[][] = edges.map(() => []);
  for (const [state, list] of edges.entries()) {
    for (let index = 2; index < list.length; index += 3) sources[list[index] ?? 0]?.push(state);
  }
  const isLive = new Uint8Array(edges.length);
  const open = accepting.flatMap((accepts, state) => (accepts ? [state] : []));
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (isLive[state] === 1) continue;
    isLive[state] = 1;
    open.push(...(sources[state] ?? []));
  }
  const kept = edges.map((list) => {
    const live: number[] = [];
    for (let index = 0; index < list.length; index += 3) {
      if (isLive[list[index + 2] ?? 0] === 1) live.push(...list.slice(index, index + 3));
    }
    return live;
  });
  return { edges: kept, accepting };
}

/** True if no text is in `a`. */
export function isEmpty(a: CharAutomaton): boolean {
  const { edges, accepting } = trim(a);
  return accepting[0] !== true && (edges[0]?.length ?? 0) === 0;
}

export function acceptsText({ edges, accepting }: CharAutomaton, text: string): boolean {
  let state = 0;
  for (const one of text) {
    const target = follow(edges[state] ?? [], one.codePointAt(0) ?? 0);
    if (target === undefined) return false;
    state = target;
  }
  return accepting[state] === true;
}

function follow(list: readonly number[], char: number): number | undefined {
  for (let index = 0; index < list.length; index += 3) {
    if (char >= (list[index] ?? 0) && char <= (list[index + 1] ?? 0)) return list[index + 2];
  }
  return undefined;
}

export function automatonNode(
  builder: ProgramBuilder,
  { edges, accepting }: CharAutomaton,
  encode: EncodeChar,
): number {
  const nodes = edges.map((list) => {
    const sets = new Map<number, [number, number][]>();
    for (let index = 0; index < list.length; index += 3) {
      const [low = 0, high = 0, target = 0] = list.slice(index, index + 3);
      const ranges = sets.get(target);
      if (ranges === undefined) sets.set(target, [[low, high]]);
      else ranges.push([low, high]);
    }
    return [...sets].flatMap(([target, ranges]) => [encode(builder, charSet(ranges)), target]);
  });
  return builder.graph(nodes, accepting);
}

/** The expression of any one character of `set`, as often as from `min` to `max`. */
export function lengthBetween(set: CharSet, min: number, max: number): Expression {
  return { type: "repeat", body: char(set), min, max };
}
