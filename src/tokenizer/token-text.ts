// Token ids back to text, token by token: the half of a tokenizer that streams need. The other half is prompt-encoder.ts.

import { Detokenizer } from "./detokenizer.ts";
import { TextStream, type TextStreamOptions } from "./text-stream.ts";
import { type TokenPiece, TokenPieces } from "./token-pieces.ts";
import { spellingsOf, type TokenizerFiles } from "./tokenizer-files.ts";

export class TokenText {
  /** One more than the highest token id. The model's vocabulary may be larger, padded. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly #pieces: TokenPieces;
  readonly #shown: TokenPieces;
  readonly #spellingOf: (tokenId: number) => string | undefined;

  /** Throws `ModelError`. */
  constructor(files: TokenizerFiles) {
    const { tokenizer, addedTokens } = files;
    const decoder = tokenizer.object("decoder");
    if (decoder === undefined) throw tokenizer.missing("decoder");
    const spellings = spellingsOf(tokenizer);
    this.#pieces = new TokenPieces({ decoder, addedTokens, tokenOf: (id) => spellings[id] });
    this.#spellingOf = (id) => addedTokens.get(id)?.content ?? spellings[id];
    const shown = [...addedTokens].map(
      ([id, token]) => [id, { ...token, special: false }] as const,
    );
    const tokenOf = (id: number) => spellings[id];
    this.#shown = new TokenPieces({ decoder, addedTokens: new Map(shown), tokenOf });
    this.vocabSize = files.vocabulary.numIds;
    this.bosTokenId = idOf(files.bosToken, files, spellings);
    this.eosTokenId = idOf(files.eosToken, files, spellings);
  }

  /** The text of token ids. Special tokens have none. */
  decode(tokenIds: ArrayLike<number>): string {
    return decodeAll(this.#pieces, tokenIds);
  }

  /** The text of token ids, special tokens included. */
  spell(tokenIds: ArrayLike<number>): string {
    return decodeAll(this.#shown, tokenIds);
  }

  /** As the vocabulary writes it; empty for an id without a token. */
  spellingOf(tokenId: number): string {
    return this.#spellingOf(tokenId) ?? "";
  }

  /** A token's text, or its bytes where they are no whole characters. Special tokens have none. */
  pieceOf(tokenId: number): TokenPiece {
    return this.#pieces.pieceOf(tokenId);
  }

  /** A new text that goes on from a prompt. */
  textStream(options: TextStreamOptions): TextStream {
    return new TextStream(this.#pieces, options);
  }
}

function decodeAll(pieces: TokenPieces, tokenIds: ArrayLike<number>): string {
  const detokenizer = new Detokenizer(pieces, []);
  let text = "";
  for (let index = 0; index < tokenIds.length; index++) {
    text += detokenizer.push(tokenIds[index] ?? 0);
  }
  return text + detokenizer.finish();
}

/** Added tokens first, the last of a name before others: as the encoder has it. */
function idOf(
  token: string | undefined,
  { addedTokens }: TokenizerFiles,
  spellings: readonly (string | undefined)[],
): number | undefined {
  if (token === undefined) return undefined;
  const added = [...addedTokens.values()].findLast(({ content }) => content === token);
  const id = added?.id ?? spellings.indexOf(token);
  return id < 0 ? undefined : id;
}
