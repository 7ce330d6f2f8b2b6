// Which tokens may come in a state of an automaton.
//
// A token does the same inside a rule wherever the rule is called, so that is worked out once for each local
// (by a walk over the token trie) and kept: tokens that stay inside are settled, and places of the trie at which the
// rule may end are noted. Only what lies behind such places is walked again, with the real stack. This is how
// XGrammar splits its masks (Dong et al., 2024, arXiv:2411.15100). Whole states keep their masks too.

import { Automaton, type Local, type Stack, type State } from "./automaton.ts";
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

export interface TokenMasksOptions {
  readonly program: GrammarProgram;
  readonly trie: TokenTrie;
  readonly maxTableBytes?: number;
}

export class TokenMasks {
  readonly trie: TokenTrie;
  readonly automaton: Automaton;
  readonly #maxTableBytes: number;
  readonly #words: Uint32Array; // scratch
  readonly #path: State[] = []; // scratch: the state at each depth
  #ofLocal = new Map<Local, LocalMask>();
  #ofState = new Map<State, TokenSet>();
  #poppedOf = new Map<Stack, State>();
  #maskBytes = 0;

  constructor({ program, trie, maxTableBytes = DEFAULT_MAX_TABLE_BYTES }: TokenMasksOptions) {
    this.trie = trie;
    this.automaton = new Automaton(program);
    this.#maxTableBytes = maxTableBytes;
    this.#words = new Uint32Array(trie.numMaskWords);
  }

  /**
   * Sets the bits of the tokens that may come in `state`, and clears all others. Token t is bit t % 32 of word t / 32.
   * Median < 50 us at 152 K tokens. Throws `GrammarError`.
   */
  fill(state: State, words: Uint32Array): void {
    const set = this.#ofState.get(state) ?? this.#make(state);
    if (set.type === "many") words.set(set.words);
    else {
      words.fill(0);
      addIds(words, set.ids);
    }
    if (!state.mayEnd) return;
    for (const id of this.trie.eosTokenIds) addId(words, id);
  }

  /** The tables' size in bytes, about. */
  get tableBytes(): number {
    return this.#maskBytes + this.automaton.tableBytes;
  }

  #make(state: State): TokenSet {
    this.#keepWithinLimit();
    const limit = this.automaton.numTransitions + MAX_TRANSITIONS;
    const masks = state.frames.map((frame) => ({
      frame,
      mask: this.#localMask(
        frame.local,
        frame.stack.links.length > 0 ? "noted" : "not noted",
        limit,
      ),
    }));
    const words = this.#words.fill(0);
    for (const { frame, mask } of masks) {
      addSet(words, mask.inside);
      if (frame.stack.links.length > 0 && mask.leaves !== undefined)
        this.#walkLeaves(mask.leaves, frame.stack, { words, limit });
    }
    const set = compact(words);
    this.#ofState.set(state, set);
    this.#maskBytes += 100 + bytesOf(set);
    return set;
  }

  /** `leaves`: whether anything may follow the rule; where nothing may, they are not noted. */
  #localMask(local: Local, leaves: "noted" | "not noted", limit: number): LocalMask {
    const known = this.#ofLocal.get(local);
    if (known !== undefined && (known.leaves !== undefined || leaves === "not noted")) return known;
    const mask = this.#makeLocalMask(local, leaves, limit);
    this.#ofLocal.set(local, mask);
    this.#maskBytes += 200 + bytesOf(mask.inside) + (mask.leaves?.byteLength ?? 0);
    return mask;
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: three steps of one mask, on the same scratch
  #makeLocalMask(local: Local, leaves: "noted" | "not noted", limit: number): LocalMask {
    const noted: number[] | undefined = leaves === "noted" ? [] : undefined;
    const { local: relaxed, numBytes } = this.automaton.relaxed(local);
    let minDepth = 0;
    // Counted repetitions are walked once, without their bounds; then only what is long enough to meet a bound.
    const base =
      relaxed !== local && numBytes >= MIN_SHARED_BYTES
        ? this.#localMask(relaxed, leaves, limit)
        : undefined;
    const words = this.#words.fill(0);
    if (base !== undefined) {
      minDepth = numBytes;
      addSet(words, base.inside);
      if (numBytes < this.trie.maxTokenBytes) keepOnly(words, this.trie.shortTokens(numBytes));
      for (const node of base.leaves ?? []) {
        if ((this.trie.depth[node] as number) <= numBytes) noted?.push(node);
      }
    }
    const start = this.automaton.alone(local);
    const plain = minDepth === 0 ? this.#plainLoop(start, leaves) : undefined;
    if (plain !== undefined) addSet(words, { type: "many", words: this.trie.plainTokens });
    if (local.items.length > 0) {
      this.#walk(start, { node: -1, words, limit, leaves: noted, minDepth, plain });
    }
    return { inside: compact(words), leaves: noted && Int32Array.from(noted) };
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

  #walkLeaves(
    leaves: Int32Array,
    stack: Stack,
    { words, limit }: { words: Uint32Array; limit: number },
  ): void {
    if (leaves.length === 0) return;
    let state = this.#poppedOf.get(stack);
    if (state === undefined) {
      state = this.automaton.popped(stack);
      this.#poppedOf.set(stack, state);
    }
    for (const node of leaves)
      this.#walk(state, { node, words, limit, leaves: undefined, minDepth: 0, plain: undefined });
  }

  /** Walks the trie below `node` (-1: all of it). Sets the bits of all tokens that the automaton follows. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the hot loop: 333,000 nodes in a millisecond, so nothing in it is a call that could be none
  #walk(start: State, { node, words, limit, leaves, minDepth, plain }: Walk): void {
    const { automaton, trie } = this;
    const { bytes, deepest, depth, end, firstToken, isPlain, tokens } = trie;
    const { classOf } = automaton.classes;
    const path = this.#path;
    path[node < 0 ? 0 : (depth[node] ?? 0)] = start;
    const last = node < 0 ? bytes.length : (end[node] ?? 0);
    for (let index = node + 1; index < last; ) {
      const level = depth[index] as number;
      const before = path[level - 1] as State;
      const isSettled =
        (deepest[index] as number) <= minDepth ||
        (plain !== undefined && isPlain[index] === 1 && (before === plain || before === start));
      const next = isSettled
        ? null
        : automaton.step(before, classOf[bytes[index] as number] as number);
      if (next === null) {
        index = end[index] as number;
        continue;
      }
      path[level] = next;
      if (automaton.numTransitions > limit) throw tooManyStates();
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
  }

  /** Between masks only: what a walk holds must not be thrown away below it. */
  #keepWithinLimit(): void {
    if (this.tableBytes <= this.#maxTableBytes) return;
    this.automaton.forget();
    this.#ofLocal = new Map();
    this.#ofState = new Map();
    this.#poppedOf = new Map();
    this.#maskBytes = 0;
  }
}

interface Walk {
  readonly node: number;
  readonly words: Uint32Array;
  readonly limit: number;
  /** Takes the nodes at which the rule may end, with tokens below them. */
  readonly leaves: number[] | undefined;
  /** Subtrees no deeper are settled. */
  readonly minDepth: number;
  /** Plain subtrees are settled in this state, and in the one at the start. */
  readonly plain: State | undefined;
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
