import { TokenTrie } from "../../src/grammar/token-trie.ts";

/** Tokens 0 to 255 are the bytes, then `texts`, then one special token, and last EOS. */
export function byteVocabulary(texts: readonly string[] = []): TokenTrie {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const words = texts.map((text) => new TextEncoder().encode(text));
  const special = 256 + texts.length;
  return TokenTrie.of({
    tokenBytes: [...bytes, ...words, undefined, undefined],
    specialTokenIds: [special],
    eosTokenIds: [special + 1],
  });
}
