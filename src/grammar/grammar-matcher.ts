// One text that is written under a grammar: which tokens may come next, and what the last ones did.

import type { State } from "./automaton.ts";
import type { TokenMasks } from "./token-masks.ts";

/** Bytes that are looked ahead for forced tokens. */
const MAX_FORCED_BYTES = 4096;

export class GrammarMatcher {
  readonly #masks: TokenMasks;
  /** The state behind each accepted token; first the one before all. */
  readonly #history: State[];
  /** The last token was one that ends a text. */
  #isFinished = false;

  constructor(masks: TokenMasks, history: readonly State[] = [masks.automaton.start]) {
    this.#masks = masks;
    this.#history = [...history];
  }

  /** The text may end here: EOS tokens are allowed. */
  get mayEnd(): boolean {
    return !this.#isFinished && this.#state.mayEnd;
  }

  /** An EOS token was accepted; nothing can follow. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  get numAccepted(): number {
    return this.#history.length - 1;
  }

  /**
   * Sets the bit of each token that may come next, and clears all others. `words`: ceil(vocabSize / 32) words; token
   * t is bit t % 32 of word t / 32. Special tokens never match, except EOS tokens where the text may end.
   * Throws `GrammarError` (`grammar_too_complex`) where the grammar is too ambiguous to be followed.
   */
  fillMask(words: Uint32Array): void {
    if (this.#isFinished) words.fill(0);
    else this.#masks.fill(this.#state, words);
  }

  /** Goes on behind a token. False, and nothing changes, if it may not come here. */
  accept(tokenId: number): boolean {
    const { trie, automaton } = this.#masks;
    if (this.#isFinished) return false;
    if (trie.eosTokenIds.has(tokenId)) {
      if (!this.#state.mayEnd) return false;
      this.#history.push(this.#state);
      this.#isFinished = true;
      return true;
    }
    const bytes = trie.tokenBytes[tokenId];
    if (bytes === undefined) return false;
    let state: State | null = this.#state;
    for (let index = 0; index < bytes.length && state !== null; index++) {
      state = automaton.step(state, automaton.classes.classOf[bytes[index] as number] as number);
    }
    if (state === null) return false;
    this.#history.push(state);
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
    const copy = new GrammarMatcher(this.#masks, this.#history);
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
