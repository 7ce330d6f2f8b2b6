import type { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import type { TokenTrie } from "../../src/grammar/token-trie.ts";

export interface WalkOptions {
  readonly trie: TokenTrie;
  readonly random: () => number;
  readonly maxTokens: number;
  /** Told the time that each mask took, in microseconds. */
  readonly onMask?: (microseconds: number) => void;
}

/** A text by random allowed tokens, ended as soon as may be after `maxTokens`; undefined if it did not come to an end. */
export function randomWalk(
  matcher: GrammarMatcher,
  { trie, random, maxTokens, onMask }: WalkOptions,
): string | undefined {
  const words = new Uint32Array(trie.numMaskWords);
  const bytes: Uint8Array[] = [];
  for (let count = 0; count < 4 * maxTokens; count++) {
    const begun = performance.now();
    matcher.fillMask(words);
    onMask?.(1000 * (performance.now() - begun));
    const isLate = count >= maxTokens;
    if (matcher.mayEnd && (isLate || random() < 0.2)) return Buffer.concat(bytes).toString("utf8");
    const tokenId = isLate ? shortestEnding(words, trie, random) : anyOf(words, trie, random);
    if (tokenId === undefined) return undefined;
    if (!matcher.accept(tokenId)) throw new Error(`token ${tokenId} was allowed, and is refused`);
    bytes.push(trie.bytesOf(tokenId));
  }
  return undefined;
}

/** The next allowed token from a random id on. */
function anyOf(words: Uint32Array, trie: TokenTrie, random: () => number): number | undefined {
  const start = Math.floor(random() * trie.vocabSize);
  for (let step = 0; step < trie.vocabSize; step++) {
    const id = (start + step) % trie.vocabSize;
    if (isAllowed(words, id) && !trie.eosTokenIds.has(id)) return id;
  }
  return undefined;
}

/** Tokens that close something, if there are some. */
function shortestEnding(
  words: Uint32Array,
  trie: TokenTrie,
  random: () => number,
): number | undefined {
  const closing = closingTokens(trie).filter((id) => isAllowed(words, id));
  return closing[Math.floor(random() * closing.length)] ?? anyOf(words, trie, random);
}

const closingOf = new WeakMap<TokenTrie, readonly number[]>();

function closingTokens(trie: TokenTrie): readonly number[] {
  let closing = closingOf.get(trie);
  if (closing === undefined) {
    const ids = Array.from({ length: trie.vocabSize }, (_, id) => id);
    closing = ids.filter((id) => {
      const bytes = trie.bytesOf(id);
      return bytes.length === 1 && '"]})0'.includes(String.fromCharCode(bytes[0] ?? 0));
    });
    closingOf.set(trie, closing);
  }
  return closing;
}

function isAllowed(words: Uint32Array, id: number): boolean {
  return (((words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
}

export function allowedIds(words: Uint32Array): number[] {
  const ids: number[] = [];
  for (const [index, value] of words.entries()) {
    for (let word = value; word !== 0; word &= word - 1)
      ids.push(32 * index + 31 - Math.clz32(word & -word));
  }
  return ids;
}
