// Which tokens may come in a state of an automaton.
//
// A token does the same inside a rule wherever the rule is called, so that is worked out once for each local
// (by a walk over the token trie) and kept: tokens that stay inside are settled, and places of the trie at which the
// rule may end are noted. Only what lies behind such places is walked again, with the real stack. This is how
// XGrammar splits its masks (Dong et al., 2024, arXiv:2411.15100). Whole states keep their masks too.

import { assert } from "../base/assert.ts";
import { Automaton, type Frame, type Local, type Stack, type State } from "./automaton.ts";
import { GrammarError } from "./grammar-error.ts";
import type { GrammarProgram } from "./program.ts";
import { isPlainByte, type TokenTrie } from "./token-trie.ts";

/** Token ids where they are few, words of bits where they are many. */
type TokenSet =
  | { readonly type: "few"; readonly ids: Int32Array }
  | { readonly type: "many"; readonly words: Uint32Array };

interface LocalMask {
  readonly inside: TokenSet;
  /** Nodes of the trie, with tokens below them, at which the rule may end. */
  readonly leaves: Int32Array | undefined;
}

/** Tables of one grammar and vocabulary before they are thrown away and made again. */
const DEFAULT_MAX_TABLE_BYTES = 64 * 2 ** 20;

/** Below this many bytes a walk ends early by itself. */
const MIN_SHARED_BYTES = 6;

/** New transitions that one mask may cost: some 0.1 s. Ordinary grammars need tens. */
const MAX_TRANSITIONS = 10_000;

/** A new transition takes as long as so many nodes of a walk. */
const TRANSITION_UNITS = 500;

/** Work that may be done now; one unit is a node of the trie, some 20 ns with its share of the rest. Goes down as it is done. */
export interface MaskEffort {
  units: number;
}

export interface TokenMasksOptions {
  readonly program: GrammarProgram;
  readonly trie: TokenTrie;
  /** Bytes of special tokens that are text here, by token. */
  readonly markers?: ReadonlyMap<number, Uint8Array>;
  /** Over it the tables are thrown away and made again. */
  readonly maxTableBytes?: () => number;
}

export class TokenMasks {
  readonly trie: TokenTrie;
  readonly automaton: Automaton;
  readonly #markers: ReadonlyMap<number, Uint8Array>;
  readonly #maxTableBytes: () => number;
  #ofLocal = new Map<Local, LocalMask>();
  #ofState = new Map<State, TokenSet>();
  #poppedOf = new Map<Stack, State>();
  #begunLocals = new Map<Local, LocalWork>();
  #begunStates = new Map<State, StateWork>();
  #maskBytes = 0;

  constructor({
    program,
    trie,
    markers = new Map(),
    maxTableBytes = () => DEFAULT_MAX_TABLE_BYTES,
  }: TokenMasksOptions) {
    this.trie = trie;
    this.#markers = markers;
    this.automaton = new Automaton(program);
    this.#maxTableBytes = maxTableBytes;
  }

  /** Works on the mask of `state` as far as `effort` goes. True if it is done. Throws `GrammarError`. */
  prepare(state: State, effort: MaskEffort): boolean {
    return this.#ofState.has(state) || this.#make(state, effort) !== undefined;
  }

  /**
   * Sets the bits of the tokens that may come in `state`, and clears all others. Token t is bit t % 32 of word t / 32.
   * Median < 50 us at 152 K tokens. Throws `GrammarError`.
   */
  fill(state: State, words: Uint32Array): void {
    const set = this.#ofState.get(state) ?? this.#make(state, { units: Infinity });
    assert(set !== undefined, "all effort makes every mask");
    if (set.type === "many") words.set(set.words);
    else {
      words.fill(0);
      addIds(words, set.ids);
    }
  }

  /** The bytes that a token adds to a text; none if it never matches. */
  bytesOf(tokenId: number): Uint8Array {
    return this.#markers.get(tokenId) ?? this.trie.bytesOf(tokenId);
  }

  /** The state behind a token; null where it may not come. */
  follow(state: State, tokenId: number): State | null {
    const bytes = this.bytesOf(tokenId);
    return bytes.length === 0 ? null : this.#follow(state, bytes);
  }

  /** The tables' size in bytes, about. */
  get tableBytes(): number {
    return this.#maskBytes + this.automaton.tableBytes;
  }

  /** Throws all tables away. Matchers stay valid: what they need is made again. */
  forget(): void {
    this.automaton.forget();
    this.#ofLocal = new Map();
    this.#ofState = new Map();
    this.#poppedOf = new Map();
    this.#begunLocals = new Map();
    this.#begunStates = new Map();
    this.#maskBytes = 0;
  }

  #follow(from: State, bytes: Uint8Array): State | null {
    const { automaton } = this;
    const { classOf } = automaton.classes;
    let state: State | null = from;
    for (let index = 0; index < bytes.length && state !== null; index++) {
      state = automaton.step(state, classOf[bytes[index] as number] as number);
    }
    return state;
  }

  /** Undefined if the effort did not suffice; the next call goes on. */
  #make(state: State, effort: MaskEffort): TokenSet | undefined {
    const work = this.#begunStates.get(state) ?? this.#begin(state);
    for (; work.frame < state.frames.length; work.frame++, work.leaf = 0) {
      const frame = state.frames[work.frame] as Frame;
      const { links } = frame.stack;
      const mask = this.#localMask(frame.local, links.length > 0 ? "noted" : "not noted", {
        effort,
        allowance: work.allowance,
      });
      if (mask === undefined) return undefined;
      addSet(work.words, mask.inside);
      if (links.length === 0 || mask.leaves === undefined) continue;
      if (!this.#walkLeaves(mask.leaves, frame.stack, work, effort)) return undefined;
    }
    for (const [id, bytes] of this.#markers) {
      if (this.#follow(state, bytes) !== null) addId(work.words, id);
    }
    const set = compact(work.words);
    this.#begunStates.delete(state);
    this.#ofState.set(state, set);
    this.#maskBytes += 100 + bytesOf(set);
    return set;
  }

  #begin(state: State): StateWork {
    this.#keepWithinLimit();
    const work = {
      words: new Uint32Array(this.trie.numMaskWords),
      allowance: { transitions: MAX_TRANSITIONS },
      path: [],
      walk: undefined,
      frame: 0,
      leaf: 0,
    };
    this.#begunStates.set(state, work);
    return work;
  }

  /** `leaves`: whether anything may follow the rule; where nothing may, they are not noted. */
  #localMask(
    local: Local,
    leaves: "noted" | "not noted",
    bounds: WalkBounds,
  ): LocalMask | undefined {
    const known = this.#ofLocal.get(local);
    if (known !== undefined && (known.leaves !== undefined || leaves === "not noted")) return known;
    let work = this.#begunLocals.get(local);
    if (work === undefined || (work.leaves === undefined && leaves === "noted")) {
      work = this.#beginLocal(local, leaves, bounds);
      if (work === undefined) return undefined;
      this.#begunLocals.set(local, work);
    }
    if (work.walk !== undefined && !this.#walk(work.walk, bounds)) return undefined;
    const mask = {
      inside: compact(work.words),
      leaves: work.leaves && Int32Array.from(work.leaves),
    };
    this.#begunLocals.delete(local);
    this.#ofLocal.set(local, mask);
    this.#maskBytes += 200 + bytesOf(mask.inside) + (mask.leaves?.byteLength ?? 0);
    return mask;
  }

  #beginLocal(
    local: Local,
    leaves: "noted" | "not noted",
    bounds: WalkBounds,
  ): LocalWork | undefined {
    const noted: number[] | undefined = leaves === "noted" ? [] : undefined;
    const { local: relaxed, numBytes } = this.automaton.relaxed(local);
    const words = new Uint32Array(this.trie.numMaskWords);
    let minDepth = 0;
    // Counted repetitions are walked once, without their bounds; then only what is long enough to meet a bound.
    if (relaxed !== local && numBytes >= MIN_SHARED_BYTES) {
      const base = this.#localMask(relaxed, leaves, bounds);
      if (base === undefined) return undefined;
      minDepth = numBytes;
      this.#shareBase(base, minDepth, { words, leaves: noted });
    }
    const start = this.automaton.alone(local);
    const plain = minDepth === 0 ? this.#plainLoop(start, leaves) : undefined;
    if (plain !== undefined) addSet(words, { type: "many", words: this.trie.plainTokens });
    const walk =
      local.items.length === 0
        ? undefined
        : this.#walkFrom(start, -1, { path: [], words, leaves: noted, minDepth, plain });
    return { words, leaves: noted, walk };
  }

  /** Takes over from `base` all about tokens of at most `numBytes` bytes. */
  #shareBase(
    base: LocalMask,
    numBytes: number,
    { words, leaves }: Pick<LocalWork, "words" | "leaves">,
  ): void {
    addSet(words, base.inside);
    if (numBytes < this.trie.maxTokenBytes) keepOnly(words, this.trie.shortTokens(numBytes));
    for (const node of base.leaves ?? []) {
      if ((this.trie.depth[node] as number) <= numBytes) leaves?.push(node);
    }
  }

  /** The state to which every plain byte leads from `start`, and from itself: then all plain tokens may come. */
  #plainLoop(start: State, leaves: "noted" | "not noted"): State | undefined {
    const { automaton } = this;
    let loop: State | null | undefined;
    for (let byte = 0; byte < 128; byte++) {
      if (!isPlainByte(byte)) continue;
      const byteClass = automaton.classes.classOf[byte] as number;
      const next = automaton.step(start, byteClass);
      if (next === null || (loop !== undefined && next !== loop)) return undefined;
      if (automaton.step(next, byteClass) !== next) return undefined;
      loop = next;
    }
    return loop === null || (leaves === "noted" && loop?.leavesUnknown) ? undefined : loop;
  }

  /** False if the effort did not suffice. */
  #walkLeaves(leaves: Int32Array, stack: Stack, work: StateWork, effort: MaskEffort): boolean {
    if (leaves.length === 0) return true;
    let state = this.#poppedOf.get(stack);
    if (state === undefined) {
      state = this.automaton.popped(stack);
      this.#poppedOf.set(stack, state);
    }
    const { words, path, allowance } = work;
    for (; work.leaf < leaves.length; work.leaf++) {
      work.walk ??= this.#walkFrom(state, leaves[work.leaf] as number, {
        ...{ path, words, leaves: undefined, minDepth: 0, plain: undefined },
      });
      if (!this.#walk(work.walk, { effort, allowance })) return false;
      work.walk = undefined;
    }
    return true;
  }

  /** A walk over the trie below `node`; -1: all of it. */
  #walkFrom(start: State, node: number, { path, ...rest }: Omit<Walk, "start" | "index" | "last">) {
    const { depth, end, bytes } = this.trie;
    path[node < 0 ? 0 : (depth[node] ?? 0)] = start;
    const last = node < 0 ? bytes.length : (end[node] ?? 0);
    return { start, index: node + 1, last, path, ...rest };
  }

  /** Sets the bits of all tokens that the automaton follows. False if the effort did not suffice. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the hot loop: 333,000 nodes in a millisecond, so nothing in it is a call that could be none
  #walk(walk: Walk, { effort, allowance }: WalkBounds): boolean {
    const { automaton, trie } = this;
    const { bytes, deepest, depth, end, firstToken, isPlain, tokens } = trie;
    const { classOf } = automaton.classes;
    const { start, path, words, leaves, minDepth, plain, last } = walk;
    let { units } = effort;
    let { index } = walk;
    for (; index < last && units > 0; units--) {
      const level = depth[index] as number;
      const before = path[level - 1] as State;
      const isSettled =
        (deepest[index] as number) <= minDepth ||
        (plain !== undefined && isPlain[index] === 1 && (before === plain || before === start));
      const numMade = automaton.numTransitions;
      const next = isSettled
        ? null
        : automaton.step(before, classOf[bytes[index] as number] as number);
      if (automaton.numTransitions !== numMade) {
        units -= TRANSITION_UNITS;
        if (--allowance.transitions < 0) throw tooManyStates();
      }
      if (next === null) {
        index = end[index] as number;
        continue;
      }
      path[level] = next;
      const behind = firstToken[index + 1] as number;
      for (let at = firstToken[index] as number; at < behind; at++)
        addId(words, tokens[at] as number);
      if (
        leaves !== undefined &&
        next.leavesUnknown &&
        level > minDepth &&
        (end[index] as number) > index + 1
      )
        leaves.push(index);
      index++;
    }
    effort.units = units;
    walk.index = index;
    return index >= last;
  }

  /** Between masks only: what a walk holds must not be thrown away below it. */
  #keepWithinLimit(): void {
    if (this.tableBytes > this.#maxTableBytes()) this.forget();
  }
}

interface Walk {
  readonly start: State;
  /** The next node, and the first behind all. */
  index: number;
  readonly last: number;
  /** The state at each depth. */
  readonly path: State[];
  readonly words: Uint32Array;
  /** Takes the nodes at which the rule may end, with tokens below them. */
  readonly leaves: number[] | undefined;
  /** Subtrees no deeper are settled. */
  readonly minDepth: number;
  /** Plain subtrees are settled in this state, and in the one at the start. */
  readonly plain: State | undefined;
}

interface WalkBounds {
  readonly effort: MaskEffort;
  /** Transitions that the whole mask may still cost. */
  readonly allowance: { transitions: number };
}

/** A local's mask that is being made. */
interface LocalWork {
  readonly words: Uint32Array;
  readonly leaves: number[] | undefined;
  readonly walk: Walk | undefined;
}

/** A state's mask that is being made: frames before `frame` are done, and leaves of that before `leaf`. */
interface StateWork {
  readonly words: Uint32Array;
  readonly allowance: WalkBounds["allowance"];
  readonly path: State[];
  walk: Walk | undefined;
  frame: number;
  leaf: number;
}

function addId(words: Uint32Array, id: number): void {
  const word = id >>> 5;
  words[word] = (words[word] as number) | (1 << (id & 31));
}

function addIds(words: Uint32Array, ids: Int32Array): void {
  for (let index = 0; index < ids.length; index++) addId(words, ids[index] as number);
}

function keepOnly(words: Uint32Array, others: Uint32Array): void {
  for (let index = 0; index < words.length; index++) {
    words[index] = (words[index] as number) & (others[index] as number);
  }
}

function addSet(words: Uint32Array, set: TokenSet): void {
  if (set.type === "few") addIds(words, set.ids);
  else
    for (let index = 0; index < words.length; index++)
      words[index] = (words[index] as number) | (set.words[index] as number);
}

/** Ids take 4 bytes each, so they are the smaller form up to as many as there are words. */
function compact(words: Uint32Array): TokenSet {
  const ids: number[] = [];
  for (let index = 0; index < words.length; index++) {
    for (let word = words[index] as number; word !== 0; word &= word - 1) {
      if (ids.length === words.length) return { type: "many", words: words.slice() };
      ids.push(32 * index + 31 - Math.clz32(word & -word));
    }
  }
  return { type: "few", ids: Int32Array.from(ids) };
}

function bytesOf(set: TokenSet): number {
  return set.type === "few" ? set.ids.byteLength : set.words.byteLength;
}

function tooManyStates(): GrammarError {
  return new GrammarError(
    "grammar_too_complex",
    "grammar",
    "the next tokens lead to too many different states; make the grammar less ambiguous",
  );
}
