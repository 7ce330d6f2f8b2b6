// One text that is written under a grammar: which tokens may come next, and what the last ones did.

import type { Frame, State } from "./automaton.ts";
import type { MaskEffort, TokenMasks } from "./token-masks.ts";

/** Bytes that are looked ahead for forced tokens. */
const MAX_FORCED_BYTES = 4096;

export interface GrammarMatcherOptions {
  /** Tokens that end the text where it may end, and are never part of it. Default: the vocabulary's. */
  readonly endTokenIds?: ReadonlySet<number>;
}

export class GrammarMatcher {
  readonly #masks: TokenMasks;
  readonly #endTokenIds: ReadonlySet<number>;
  /** The state behind each accepted token; first the one before all. */
  readonly #history: State[];
  /** The last token was one that ends a text. */
  #isFinished = false;

  constructor(
    masks: TokenMasks,
    { endTokenIds = masks.trie.eosTokenIds }: GrammarMatcherOptions = {},
  ) {
    this.#masks = masks;
    this.#endTokenIds = endTokenIds;
    this.#history = [masks.automaton.start];
  }

  /** The text may end here: tokens that end it are allowed. */
  get mayEnd(): boolean {
    return !this.#isFinished && this.#state.mayEnd;
  }

  /** A token that ends the text was accepted; nothing can follow. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** The text is whole, and nothing but its end can follow. */
  get isOver(): boolean {
    return this.#isFinished || (this.#state.mayEnd && this.#state.frames.every(takesNothing));
  }

  get numAccepted(): number {
    return this.#history.length - 1;
  }

  /** Works on the next mask as far as `effort` goes. True if `fillMask` takes no time. Throws as it does. */
  prepare(effort: MaskEffort): boolean {
    return this.#isFinished || this.#masks.prepare(this.#state, effort);
  }

  /**
   * Sets the bit of each token that may come next, and clears all others. `words`: ceil(vocabSize / 32) words; token
   * t is bit t % 32 of word t / 32. Special tokens never match, except those that end the text where it may end.
   * Throws `GrammarError` (`grammar_too_complex`) where the grammar is too ambiguous to be followed.
   */
  fillMask(words: Uint32Array): void {
    if (this.#isFinished) {
      words.fill(0);
      return;
    }
    this.#masks.fill(this.#state, words);
    const { mayEnd } = this.#state;
    for (const id of this.#endTokenIds) {
      const bit = 1 << (id & 31);
      const word = words[id >>> 5] ?? 0;
      words[id >>> 5] = mayEnd ? word | bit : word & ~bit;
    }
  }

  /** Goes on behind a token. False, and nothing changes, if it may not come here. */
  accept(tokenId: number): boolean {
    if (this.#isFinished) return false;
    const isEnd = this.#endTokenIds.has(tokenId);
    if (isEnd && !this.#state.mayEnd) return false;
    const next = isEnd ? this.#state : this.#masks.follow(this.#state, tokenId);
    if (next === null) return false;
    this.#history.push(next);
    this.#isFinished = isEnd;
    return true;
  }

  /** Takes back the last `numTokens` accepted tokens. */
  rollback(numTokens: number): void {
    if (numTokens < 0 || numTokens > this.numAccepted)
      throw new RangeError("more tokens than were accepted");
    if (numTokens === 0) return;
    this.#history.length -= numTokens;
    this.#isFinished = false;
  }

  /** A matcher at the same place, independent from here on; tables are shared. */
  clone(): GrammarMatcher {
    const copy = new GrammarMatcher(this.#masks, { endTokenIds: this.#endTokenIds });
    copy.#history.push(...this.#history.slice(1));
    copy.#isFinished = this.#isFinished;
    return copy;
  }

  /** Bytes that must come next, whatever tokens they are split into; empty where there is a choice. */
  forcedBytes(): Uint8Array {
    const { automaton } = this.#masks;
    const bytes: number[] = [];
    if (this.#isFinished) return Uint8Array.of();
    let state = this.#state;
    while (bytes.length < MAX_FORCED_BYTES) {
      const only = state.mayEnd ? undefined : this.#onlyClass(state);
      if (only === undefined) break;
      const next = automaton.step(state, only);
      if (next === null) break;
      bytes.push(automaton.classes.byteOf[only] ?? 0);
      state = next;
    }
    return Uint8Array.from(bytes);
  }

  /**
   * Forced tokens: the forced bytes, cut into the longest tokens. A token is left to the model if a longer one could
   * reach behind the forced bytes, so no boundary is forced inside what may be one token.
   */
  forcedTokens(): readonly number[] {
    const bytes = this.forcedBytes();
    const tokens: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const longest = this.#longestToken(bytes, at);
      if (longest === undefined) break;
      tokens.push(longest.tokenId);
      at += longest.numBytes;
    }
    return tokens;
  }

  get #state(): State {
    return this.#history.at(-1) as State; // never empty
  }

  #onlyClass(state: State): number | undefined {
    const { automaton } = this.#masks;
    let only: number | undefined;
    for (let byteClass = 0; byteClass < automaton.classes.count; byteClass++) {
      if (automaton.step(state, byteClass) === null) continue;
      if (only !== undefined || automaton.classes.sizeOf[byteClass] !== 1) return undefined;
      only = byteClass;
    }
    return only;
  }

  /** Undefined too if a token goes on behind the last of `bytes`. */
  #longestToken(bytes: Uint8Array, start: number) {
    const { trie } = this.#masks;
    let longest: { readonly tokenId: number; readonly numBytes: number } | undefined;
    let [node, end] = [0, trie.numNodes]; // siblings at this depth
    for (let at = start; at < bytes.length; at++) {
      while (node < end && trie.bytes[node] !== bytes[at]) node = trie.end[node] as number;
      if (node >= end) return longest;
      const first = trie.firstToken[node] as number;
      if (first < (trie.firstToken[node + 1] as number)) {
        longest = { tokenId: trie.tokens[first] as number, numBytes: at + 1 - start };
      }
      end = trie.end[node] as number;
      node++;
    }
    return node < end ? undefined : longest;
  }
}

function takesNothing({ local }: Frame): boolean {
  return local.items.length === 0 && local.calls.length === 0;
}
