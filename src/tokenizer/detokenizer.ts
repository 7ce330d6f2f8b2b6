// Token ids of one sequence to text, as they come. The pieces that `push` and `finish` return, joined,
// are what decoding all ids at once gives, after the prompt's text.

import { stripStart, type TokenPieces } from "./token-pieces.ts";

// A character of UTF-8 has up to four bytes.
const MAX_CHAR_BYTES = 4;

export class Detokenizer {
  readonly #pieces: TokenPieces;
  /** Made when the first split character comes; holds the bytes of one that is not whole yet. */
  #utf8: TextDecoder | undefined;
  #hasBytes = false;
  /** How many leading characters may still be dropped. 0 once a visible character has come. */
  #numToStrip: number;

  /** The prompt decides on the first piece: whether its space is kept, and what half a character means. */
  constructor(pieces: TokenPieces, promptTokenIds: ArrayLike<number>) {
    this.#pieces = pieces;
    this.#numToStrip = pieces.leadingStrip.count;
    for (let index = 0; this.#numToStrip > 0 && index < promptTokenIds.length; index++) {
      this.push(promptTokenIds[index] ?? 0);
    }
    this.finish();
    this.#readTail(promptTokenIds);
  }

  /** The text that this token completes; empty while a character is not whole. Beside a lookup < 100 ns. */
  push(tokenId: number): string {
    const piece = this.#pieces.pieceOf(tokenId);
    if (typeof piece !== "string") return this.#strip(this.#decode(piece));
    if (piece === "" || !this.#hasBytes) return this.#strip(piece);
    return this.#strip(this.finish() + piece);
  }

  /** Ends the text. Gives the rest of it: U+FFFD where the last character was never completed. */
  finish(): string {
    if (!this.#hasBytes || this.#utf8 === undefined) return "";
    this.#hasBytes = false;
    return this.#utf8.decode();
  }

  #decode(bytes: Uint8Array): string {
    this.#utf8 ??= new TextDecoder("utf-8", { ignoreBOM: true });
    this.#hasBytes = true;
    return this.#utf8.decode(bytes, { stream: true });
  }

  #strip(text: string): string {
    if (this.#numToStrip === 0) return text;
    const { char } = this.#pieces.leadingStrip;
    const stripped = stripStart(text, { char, count: this.#numToStrip });
    this.#numToStrip = stripped === "" ? this.#numToStrip - text.length : 0;
    return stripped;
  }

  /** Feeds the bytes with which the prompt ends, so that a character begun there can be completed. */
  #readTail(promptTokenIds: ArrayLike<number>): void {
    const tail: Uint8Array[] = [];
    let numBytes = 0;
    for (let index = promptTokenIds.length - 1; index >= 0 && numBytes < MAX_CHAR_BYTES; index--) {
      const piece = this.#pieces.pieceOf(promptTokenIds[index] ?? 0);
      if (piece === "") continue;
      if (typeof piece === "string") break;
      tail.unshift(piece);
      numBytes += piece.length;
    }
    for (const bytes of tail) this.#decode(bytes);
  }
}
