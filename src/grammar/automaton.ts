// A program while it runs: the sets of places in which a text may be, made as they are reached.
//
//   cell    a place inside a rule: a node, how far it is done, and the cell that goes on behind it
//   local   a set of places of one rule, closed: which bytes may come, which rules are called, may the rule end
//   stack   where calls return to: pairs of a local and the stack below it
//   state   a whole situation: locals with their stacks; what a matcher is in
//
// Locals are sets, so a choice costs one step, not one a branch. All calls of a rule at one place of the text share
// one stack (a graph-structured stack: Tomita, "An Efficient Augmented-Context-Free Parsing Algorithm", 1987), so
// an ambiguous grammar stays polynomial. Locals, stacks and states are interned, and a step is then one look-up.

import { assert } from "../base/assert.ts";
import { type ByteClasses, byteClasses } from "./byte-classes.ts";
import { type Cell, Closure, MAX_PLACES, tooAmbiguous } from "./closure.ts";
import type { Analysis, GrammarNode, GrammarProgram } from "./program.ts";

interface Call {
  readonly rule: number;
  /** Places behind the call; undefined where the rule ends behind it. */
  readonly back: Local | undefined;
  /** The caller may end behind the call. */
  readonly isTail: boolean;
}

export interface Local {
  readonly id: number;
  /** Cells of literals and of byte sets: each takes a byte. */
  readonly items: readonly Cell[];
  readonly calls: readonly Call[];
  /** The rule may end here. */
  readonly mayEnd: boolean;
  next: (Local | null)[];
  /** By the items that take a byte: most bytes are taken by the same. */
  byTaken: Map<string, Local>;
}

export interface Stack {
  readonly id: number;
  readonly links: readonly { readonly back: Local; readonly below: Stack }[];
  /** "end": the text may end with the rule. "unknown": what comes behind is asked elsewhere. */
  readonly bottom: "none" | "end" | "unknown";
}

export interface Frame {
  readonly local: Local;
  readonly stack: Stack;
}

export interface State {
  readonly id: number;
  readonly frames: readonly Frame[];
  /** The text may end here. */
  readonly mayEnd: boolean;
  /** A rule ended whose surroundings are unknown. */
  readonly leavesUnknown: boolean;
  next: (State | null)[];
  /** By the locals of its frames: most bytes lead to the same. */
  byFrames: Map<string, State>;
}

export class Automaton {
  readonly classes: ByteClasses;
  readonly start: State;
  /** Transitions made so far; each cost microseconds where a look-up costs nanoseconds. */
  numTransitions = 0;
  /** About how many bytes all tables have. */
  tableBytes = 0;

  readonly #nodes: readonly GrammarNode[];
  readonly #program: GrammarProgram;
  readonly #analysis: Analysis;
  readonly #cells = new Map<string, Cell>();
  readonly #locals = new Map<string, Local>();
  readonly #stacks = new Map<string, Stack>();
  readonly #states = new Map<string, State>();
  readonly #ruleStarts: (Local | undefined)[] = [];
  readonly #end: Stack = { id: 1, links: [], bottom: "end" };
  readonly #unknown: Stack = { id: 2, links: [], bottom: "unknown" };
  #nextId = 3;

  constructor(program: GrammarProgram) {
    this.#program = program;
    this.#nodes = program.nodes;
    this.#analysis = program.analysis;
    this.classes = byteClasses(program);
    const local = this.#localOf((closure) => closure.enter(program.root, undefined));
    this.start = this.#close([{ local, stack: this.#end }]);
  }

  /** The state behind one more byte; null where none can be. */
  step(state: State, byteClass: number): State | null {
    return state.next[byteClass] ?? this.#makeStep(state, byteClass);
  }

  /** `local` alone, without its calls and with unknown surroundings. */
  alone(local: Local): State {
    return this.#internState([{ local, stack: this.#unknown }]);
  }

  /**
   * `local` with no upper bounds of repetitions, and the number of bytes up to which that makes no difference: each
   * repetition that begins takes at least one.
   */
  relaxed(local: Local): { readonly local: Local; readonly numBytes: number } {
    let numBytes = Number.POSITIVE_INFINITY;
    const relax = (cell: Cell | undefined): Cell | undefined => {
      if (cell === undefined) return undefined;
      const parent = relax(cell.parent);
      const isCounted = this.#nodes[cell.node]?.type === "repeat";
      if (isCounted) numBytes = Math.min(numBytes, cell.b);
      return this.#cell(cell.node, cell.a, isCounted ? Number.POSITIVE_INFINITY : cell.b, parent);
    };
    const items = new Set(local.items.map((cell) => relax(cell) as Cell));
    if (numBytes === Number.POSITIVE_INFINITY) return { local, numBytes };
    return { local: this.#internLocal({ items, calls: new Map() }, local.mayEnd), numBytes };
  }

  /** The state behind the end of the rule that `stack` was called for. Its bottom does not count. */
  popped(stack: Stack): State {
    return this.#close(
      this.#withPops(stack.links.map(({ back, below }) => ({ local: back, stack: below }))),
    );
  }

  /** Forgets all that can be made again. States that are held stay valid. */
  forget(): void {
    for (const local of this.#locals.values()) {
      local.next = [];
      local.byTaken.clear();
    }
    for (const state of [...this.#states.values(), this.start]) {
      state.next = [];
      state.byFrames.clear();
    }
    this.#cells.clear();
    this.#locals.clear();
    this.#stacks.clear();
    this.#states.clear();
    this.#ruleStarts.length = 0;
    this.tableBytes = 0;
  }

  #makeStep(state: State, byteClass: number): State | null {
    const known = state.next[byteClass];
    if (known !== undefined) return known;
    this.numTransitions++;
    const frames: Frame[] = [];
    let key = "";
    for (const { local, stack } of state.frames) {
      const next = this.#stepLocal(local, byteClass);
      if (next !== null) frames.push({ local: next, stack });
      key += `${next?.id ?? ""},`;
    }
    let made = frames.length === 0 ? null : state.byFrames.get(key);
    if (made === undefined) {
      made = this.#close(this.#withPops(frames));
      state.byFrames.set(key, made);
    }
    if (state.next.length === 0) {
      state.next = new Array(this.classes.count);
      this.tableBytes += 8 * this.classes.count;
    }
    state.next[byteClass] = made;
    return made;
  }

  #stepLocal(local: Local, byteClass: number): Local | null {
    const known = local.next[byteClass];
    if (known !== undefined) return known;
    const taken = local.items.filter(({ node, a }) => this.classes.takes(node, a, byteClass));
    let made = taken.length === 0 ? null : local.byTaken.get(takenKey(taken));
    if (made === undefined) {
      made = this.#localOf((closure) => {
        for (const cell of taken) closure.advance(cell);
      });
      local.byTaken.set(takenKey(taken), made);
    }
    if (local.next.length === 0) {
      local.next = new Array(this.classes.count);
      this.tableBytes += 8 * this.classes.count;
    }
    local.next[byteClass] = made;
    return made;
  }

  /** `frames`, and those to which rules return that may end in them. */
  #withPops(frames: readonly Frame[]): readonly Frame[] {
    const all: Frame[] = [];
    const seen = new Set<string>();
    const open = [...frames].reverse();
    for (let frame = open.pop(); frame !== undefined; frame = open.pop()) {
      const key = `${frame.local.id},${frame.stack.id}`;
      if (seen.has(key)) continue;
      seen.add(key);
      all.push(frame);
      if (!frame.local.mayEnd) continue;
      for (const { back, below } of frame.stack.links) open.push({ local: back, stack: below });
    }
    return all;
  }

  /** Adds the starts of all rules that are called. Callers come before callees, so each stack is made once, whole. */
  #close(frames: readonly Frame[]): State {
    const calls = new PendingCalls(this.#analysis.rankOfRule);
    const all = [...frames];
    for (const frame of frames) calls.add(frame);
    for (let call = calls.take(); call !== undefined; call = calls.take()) {
      const frame = { local: this.#ruleStart(call.rule), stack: this.#stackOf(call) };
      all.push(frame);
      calls.add(frame);
      if (all.length > MAX_PLACES) throw tooAmbiguous();
    }
    const isEnd = ({ local, stack }: Frame, bottom: Stack["bottom"]) =>
      local.mayEnd && stack.bottom === bottom;
    return this.#internState(all, {
      mayEnd: frames.some((frame) => isEnd(frame, "end")),
      leavesUnknown: frames.some((frame) => isEnd(frame, "unknown")),
    });
  }

  #internState(
    frames: readonly Frame[],
    { mayEnd, leavesUnknown } = { mayEnd: false, leavesUnknown: false },
  ): State {
    const key = `${frames.map(({ local, stack }) => `${local.id},${stack.id}`)}${mayEnd ? "!" : ""}${leavesUnknown ? "?" : ""}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: State = {
      id: this.#nextId++,
      frames,
      mayEnd,
      leavesUnknown,
      next: [],
      byFrames: new Map(),
    };
    this.#states.set(key, state);
    this.tableBytes += 200 + 48 * frames.length;
    return state;
  }

  #stackOf({ links, bottom }: PendingCall): Stack {
    if (links.length === 0) {
      if (bottom === "end") return this.#end;
      if (bottom === "unknown") return this.#unknown;
    }
    const sorted = links.toSorted((x, y) => x.back.id - y.back.id || x.below.id - y.below.id);
    const unique = sorted.filter(
      ({ back, below }, index) =>
        back !== sorted[index - 1]?.back || below !== sorted[index - 1]?.below,
    );
    const key = `${bottom}${unique.map(({ back, below }) => `${back.id},${below.id}`)}`;
    const known = this.#stacks.get(key);
    if (known !== undefined) return known;
    const stack: Stack = { id: this.#nextId++, links: unique, bottom };
    this.#stacks.set(key, stack);
    this.tableBytes += 200 + 48 * unique.length;
    return stack;
  }

  #ruleStart(rule: number): Local {
    const known = this.#ruleStarts[rule];
    if (known !== undefined) return known;
    const node = this.#program.rules[rule]?.node;
    assert(node !== undefined, "a rule of this program");
    // Callers of a rule that may be empty go on by themselves: its start does not return.
    const made = this.#localOf((closure) => closure.enter(node, undefined), "never ends");
    this.#ruleStarts[rule] = made;
    return made;
  }

  #localOf(fill: (closure: Closure) => void, end: "may end" | "never ends" = "may end"): Local {
    const closure = new Closure(this.#nodes, this.#program, this.#analysis, (...cell) =>
      this.#cell(...cell),
    );
    fill(closure);
    closure.run();
    return this.#internLocal(closure, end === "may end" && closure.mayEnd);
  }

  #internLocal({ items, calls }: Pick<Closure, "items" | "calls">, mayEnd: boolean): Local {
    const sorted = [...items].sort((x, y) => x.id - y.id);
    const backs = [...calls].sort(([x], [y]) => x - y);
    const key =
      `${sorted.map(({ id }) => id)}${mayEnd ? "!" : ""}` +
      backs
        .map(([rule, cells]) => `$${rule}:${[...cells].map((cell) => cell?.id ?? 0).sort()}`)
        .join("");
    const known = this.#locals.get(key);
    if (known !== undefined) return known;
    const local: Local = {
      id: this.#nextId++,
      items: sorted,
      calls: backs.map(([rule, cells]) => this.#callOf(rule, cells)),
      mayEnd,
      next: [],
      byTaken: new Map(),
    };
    this.#locals.set(key, local);
    this.tableBytes += 200 + 16 * sorted.length + key.length;
    return local;
  }

  #callOf(rule: number, cells: ReadonlySet<Cell | undefined>): Call {
    const back = new Closure(this.#nodes, this.#program, this.#analysis, (...cell) =>
      this.#cell(...cell),
    );
    for (const cell of cells) if (cell !== undefined) back.resume(cell);
    back.run();
    const isTail = cells.has(undefined);
    // The end behind the call is handed down by the call itself; `back` keeps an end that is reached in another way.
    const isEmpty = back.items.size === 0 && back.calls.size === 0;
    if (isEmpty) return { rule, back: undefined, isTail: isTail || back.mayEnd };
    return { rule, back: this.#internLocal(back, false), isTail: isTail || back.mayEnd };
  }

  #cell(node: number, a: number, b: number, parent: Cell | undefined): Cell {
    const key = `${node},${a},${b},${parent?.id ?? 0}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = { id: this.#nextId++, node, a, b, parent };
    this.#cells.set(key, cell);
    this.tableBytes += 160;
    return cell;
  }
}

interface PendingCall {
  readonly rule: number;
  readonly links: { readonly back: Local; readonly below: Stack }[];
  bottom: Stack["bottom"];
}

class PendingCalls {
  readonly #rankOfRule: Int32Array;
  readonly #pending = new Map<number, PendingCall>();

  constructor(rankOfRule: Int32Array) {
    this.#rankOfRule = rankOfRule;
  }

  add({ local, stack }: Frame): void {
    for (const { rule, back, isTail } of local.calls) {
      let call = this.#pending.get(rule);
      if (call === undefined) {
        call = { rule, links: [], bottom: "none" };
        this.#pending.set(rule, call);
      }
      if (back !== undefined) call.links.push({ back, below: stack });
      if (!isTail) continue;
      call.links.push(...stack.links); // a tail call returns to where its caller would
      if (stack.bottom !== "none") call.bottom = stack.bottom;
      if (call.links.length > MAX_PLACES) throw tooAmbiguous();
    }
  }

  take(): PendingCall | undefined {
    let first: PendingCall | undefined;
    for (const call of this.#pending.values()) {
      if (first === undefined || this.#rank(call) < this.#rank(first)) first = call;
    }
    if (first !== undefined) this.#pending.delete(first.rule);
    return first;
  }

  #rank({ rule }: PendingCall): number {
    return this.#rankOfRule[rule] ?? 0;
  }
}

function takenKey(cells: readonly Cell[]): string {
  let key = "";
  for (const { id } of cells) key += `${id},`;
  return key;
}
