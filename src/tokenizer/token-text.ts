// Token ids back to text, token by token: the half of a tokenizer that streams need. The other half is prompt-encoder.ts.

import type { JsonObject } from "../model/json-object.ts";
import { Detokenizer } from "./detokenizer.ts";
import { TextStream, type TextStreamOptions } from "./text-stream.ts";
import { type TokenPiece, TokenPieces } from "./token-pieces.ts";
import { spellingsOf, type TokenizerFiles } from "./tokenizer-files.ts";

/** Text of token ids. */
export interface SpelledText {
  /** The text of token ids. Special tokens have none, but for those that are spelled. */
  decode(tokenIds: ArrayLike<number>): string;
  /** A new text that goes on from a prompt. */
  textStream(options: TextStreamOptions): TextStream;
}

export class TokenText implements SpelledText {
  /** One more than the highest token id. The model's vocabulary may be larger, padded. */
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly #files: TokenizerFiles;
  readonly #decoder: JsonObject;
  readonly #spellings: readonly (string | undefined)[];
  readonly #pieces: TokenPieces;
  readonly #shown: TokenPieces;

  /** Throws `ModelError`. */
  constructor(files: TokenizerFiles) {
    const decoder = files.tokenizer.object("decoder");
    if (decoder === undefined) throw files.tokenizer.missing("decoder");
    this.#files = files;
    this.#decoder = decoder;
    this.#spellings = spellingsOf(files.tokenizer);
    this.#pieces = this.#piecesOf(files.addedTokens);
    const shown = [...files.addedTokens].map(
      ([id, token]) => [id, { ...token, special: false }] as const,
    );
    this.#shown = this.#piecesOf(new Map(shown));
    this.vocabSize = files.vocabulary.numIds;
    this.bosTokenId = idOf(files.bosToken, files, this.#spellings);
    this.eosTokenId = idOf(files.eosToken, files, this.#spellings);
  }

  decode(tokenIds: ArrayLike<number>): string {
    return decodeAll(this.#pieces, tokenIds);
  }

  /** The text of token ids, special tokens included. */
  spell(tokenIds: ArrayLike<number>): string {
    return decodeAll(this.#shown, tokenIds);
  }

  /** As the vocabulary writes it; empty for an id without a token. */
  spellingOf(tokenId: number): string {
    return this.#files.addedTokens.get(tokenId)?.content ?? this.#spellings[tokenId] ?? "";
  }

  textStream(options: TextStreamOptions): TextStream {
    return new TextStream(this.#pieces, options);
  }

  /** The same, with those special tokens spelled whose text is one of `markers`. */
  spelling(markers: readonly string[] | "all"): SpelledText {
    const { addedTokens } = this.#files;
    const tokens = [...addedTokens.values()].map((token) =>
      markers === "all" || markers.includes(token.content) ? { ...token, special: false } : token,
    );
    const pieces = this.#piecesOf(new Map(tokens.map((token) => [token.id, token])));
    return {
      decode: (tokenIds) => decodeAll(pieces, tokenIds),
      textStream: (options) => new TextStream(pieces, options),
    };
  }

  /** A token's text, or its bytes where they are no whole characters. Special tokens have none. */
  pieceOf(tokenId: number): TokenPiece {
    return this.#pieces.pieceOf(tokenId);
  }

  /** Likewise, with special tokens spelled. */
  shownPieceOf(tokenId: number): TokenPiece {
    return this.#shown.pieceOf(tokenId);
  }

  /** A text in which special tokens are spelled. */
  shownStream(options: TextStreamOptions): TextStream {
    return new TextStream(this.#shown, options);
  }

  #piecesOf(addedTokens: TokenizerFiles["addedTokens"]): TokenPieces {
    const tokenOf = (id: number) => this.#spellings[id];
    return new TokenPieces({ decoder: this.#decoder, addedTokens, tokenOf });
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
