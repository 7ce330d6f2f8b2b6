// Which tokens may come in a state of an automaton.
//
// What a token does inside a rule is the same wherever the rule is called, so it is worked out once for each local
// (by a walk over the token trie) and kept: tokens that stay inside are settled, and places of the trie at which the
// rule may end are noted. Only what lies behind such places is walked again, with the real stack. This is how
// XGrammar splits its masks (Dong et al., 2024, arXiv:2411.15100). Whole states keep their masks too.

import { Automaton, type Local, type Stack, type State } from "./automaton.ts";
import { GrammarError } from "./grammar-error.ts";
import type { GrammarProgram } from "./program.ts";
import type { TokenTrie } from "./token-trie.ts";

/** Token ids where they are few, words of bits where they are many. */
type TokenSet =
  | { readonly type: "few"; readonly ids: Int32Array }
  | { readonly type: "many"; readonly words: Uint32Array };

interface LocalMask {
  readonly inside: TokenSet;
  /** Nodes of the trie, with tokens below them, at which the rule may end. */
  readonly leaves: Int32Array;
}

/** Tables of one grammar and vocabulary before they are thrown away and made again. */
const DEFAULT_MAX_TABLE_BYTES = 64 * 2 ** 20;

/** New transitions that one mask may cost: some 0.1 s. Ordinary grammars need tens. */
const MAX_TRANSITIONS = 30_000;

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
  readonly #found: number[] = []; // scratch
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
      mask: this.#ofLocal.get(frame.local) ?? this.#walkLocal(frame.local, limit),
    }));
    const words = this.#words.fill(0);
    for (const { frame, mask } of masks) {
      addSet(words, mask.inside);
      if (frame.stack.links.length > 0)
        this.#walkLeaves(mask.leaves, frame.stack, { words, limit });
    }
    const set = compact(words);
    this.#ofState.set(state, set);
    this.#maskBytes += 100 + bytesOf(set);
    return set;
  }

  #walkLocal(local: Local, limit: number): LocalMask {
    const words = this.#words.fill(0);
    const leaves = this.#found;
    leaves.length = 0;
    if (local.items.length > 0)
      this.#walk(this.automaton.alone(local), { node: -1, words, limit, leaves });
    const mask = { inside: compact(words), leaves: Int32Array.from(leaves) };
    this.#ofLocal.set(local, mask);
    this.#maskBytes += 200 + bytesOf(mask.inside) + 4 * leaves.length;
    return mask;
  }

  #walkLeaves(
    leaves: Int32Array,
    stack: Stack,
    { words, limit }: { words: Uint32Array; limit: number },
  ): void {
    if (leaves.length === 0) return;
    let state = this.#poppedOf.get(stack);
    if (state === undefined) this.#poppedOf.set(stack, (state = this.automaton.popped(stack)));
    for (const node of leaves) this.#walk(state, { node, words, limit, leaves: undefined });
  }

  /** Walks the trie below `node` (-1: all of it). Sets the bits of all tokens that the automaton follows. */
  #walk(start: State, { node, words, limit, leaves }: Walk): void {
    const { automaton, trie } = this;
    const { bytes, depth, end, firstToken, tokens } = trie;
    const { classOf } = automaton.classes;
    const path = this.#path;
    path[node < 0 ? 0 : (depth[node] ?? 0)] = start;
    const last = node < 0 ? bytes.length : (end[node] ?? 0);
    for (let index = node + 1; index < last; ) {
      const level = depth[index] as number;
      const next = automaton.step(
        path[level - 1] as State,
        classOf[bytes[index] as number] as number,
      );
      if (next === null) {
        index = end[index] as number;
        continue;
      }
      path[level] = next;
      if (automaton.numTransitions > limit) throw tooManyStates();
      const behind = firstToken[index + 1] as number;
      for (let at = firstToken[index] as number; at < behind; at++)
        addId(words, tokens[at] as number);
      if (leaves !== undefined && next.leavesUnknown && (end[index] as number) > index + 1)
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
  readonly leaves: number[] | undefined;
}

function addId(words: Uint32Array, id: number): void {
  const word = id >>> 5;
  words[word] = (words[word] as number) | (1 << (id & 31));
}

function addIds(words: Uint32Array, ids: Int32Array): void {
  for (let index = 0; index < ids.length; index++) addId(words, ids[index] as number);
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
