// Bytes that each token of a vocabulary adds to a text, for output that is held to a form.

import { MOCK_VOCAB_SIZE } from "../model/mock-model.ts";
import { MockTokenizer } from "./mock-tokenizer.ts";
import { TokenPieces } from "./token-pieces.ts";
import { spellingsOf, type TokenizerFiles } from "./tokenizer-files.ts";

export interface TextVocabulary {
  /** By token; none for special tokens and ids without a token. */
  readonly tokenBytes: readonly Uint8Array[];
  /** Special tokens, which are text only where a format says so, by id. */
  readonly specials: ReadonlyMap<number, string>;
}

/** Throws `ModelError`. */
export function textVocabularyOf({
  tokenizer,
  addedTokens,
  vocabulary,
}: TokenizerFiles): TextVocabulary {
  const decoder = tokenizer.object("decoder");
  if (decoder === undefined) throw tokenizer.missing("decoder");
  const spellings = spellingsOf(tokenizer);
  const pieces = new TokenPieces({ decoder, addedTokens, tokenOf: (id) => spellings[id] });
  const special = [...addedTokens.values()].filter((token) => token.special);
  return {
    tokenBytes: Array.from({ length: vocabulary.numIds }, (_, id) =>
      Buffer.from(pieces.pieceOf(id)),
    ),
    specials: new Map(special.map(({ id, content }) => [id, content])),
  };
}

export function mockTextVocabulary(): TextVocabulary {
  const tokenizer = new MockTokenizer();
  return {
    tokenBytes: Array.from({ length: MOCK_VOCAB_SIZE }, (_, id) =>
      Buffer.from(tokenizer.spellingOf(id)),
    ),
    specials: new Map(),
  };
}
