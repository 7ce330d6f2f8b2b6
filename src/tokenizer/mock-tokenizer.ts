// The tokenizer of the mocked model, which has no files: one token for each printable ASCII character, so that
// whatever the mocked engine samples is text. A prompt's other bytes are folded into the same range.

import { JsonObject } from "../model/json-object.ts";
import { MOCK_VOCAB_SIZE } from "../model/mock-model.ts";
import { PromptTooLongError } from "./prompt-too-long.ts";
import { TextStream, type TextStreamOptions } from "./text-stream.ts";
import { type TokenPiece, TokenPieces } from "./token-pieces.ts";

const FIRST_CHAR = 0x20;

export class MockTokenizer {
  readonly #pieces = new TokenPieces({
    decoder: new JsonObject("the mocked model's decoder", { type: "Fuse" }),
    addedTokens: new Map(),
    tokenOf: (tokenId) => this.spellingOf(tokenId) || undefined,
  });

  /** Empty for an id that is no token. */
  spellingOf(tokenId: number): string {
    return tokenId < MOCK_VOCAB_SIZE ? String.fromCharCode(FIRST_CHAR + tokenId) : "";
  }

  spell(tokenIds: ArrayLike<number>): string {
    return Array.from(tokenIds, (id) => this.spellingOf(id)).join("");
  }

  decode(tokenIds: ArrayLike<number>): string {
    return this.spell(tokenIds);
  }

  shownPieceOf(tokenId: number): TokenPiece {
    return this.#pieces.pieceOf(tokenId);
  }

  shownStream(options: TextStreamOptions): TextStream {
    return this.textStream(options);
  }

  encode(text: string, maxTokens: number): Int32Array {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > maxTokens) throw new PromptTooLongError(bytes.length, maxTokens);
    return Int32Array.from(bytes, (byte) => (byte - FIRST_CHAR + 256) % MOCK_VOCAB_SIZE);
  }

  textStream(options: TextStreamOptions): TextStream {
    return new TextStream(this.#pieces, options);
  }
}
