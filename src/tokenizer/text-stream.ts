// The text of one choice, from its token ids:
//
//   token ids --Detokenizer--> characters --StopMatcher--> what the client sees

import { assert } from "../base/assert.ts";
import { Detokenizer } from "./detokenizer.ts";
import { StopMatcher } from "./stop-matcher.ts";
import type { TokenPieces } from "./token-pieces.ts";

export interface TextStreamOptions {
  readonly promptTokenIds: ArrayLike<number>;
  /** Strings that end the text. Nothing of them is shown, but for `includeStop`. */
  readonly stop: readonly string[];
  /** Stop strings are looked for from this token on; text before it is shown as it is. */
  readonly minTokens: number;
  /** Ids that end the sequence and are no text, whatever the vocabulary says of them. */
  readonly stopTokenIds: readonly number[];
  /** The stop string, or the stop token's text, is shown too. */
  readonly includeStop?: boolean;
}

export interface TextPiece {
  /** Text that can be shown now. */
  readonly text: string;
  /** A stop string has come: the sequence is over, and the tokens after it do not count. */
  readonly stopped: boolean;
  /** How many of the ids were used: all, or those up to the one that completed a stop string. */
  readonly numTokens: number;
  /** The stop string that has come. */
  readonly stopString?: string;
}

export class TextStream {
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  readonly #minTokens: number;
  readonly #stopTokenIds: readonly number[];
  readonly #includeStop: boolean;
  #numTokens = 0;

  constructor(pieces: TokenPieces, options: TextStreamOptions) {
    this.#detokenizer = new Detokenizer(pieces, options.promptTokenIds);
    this.#matcher = new StopMatcher(options.stop);
    this.#minTokens = options.minTokens;
    this.#stopTokenIds = options.stopTokenIds;
    this.#includeStop = options.includeStop ?? false;
  }

  /** Adds the tokens of a step. Budget: < 2 µs a token with 16 stop strings. */
  push(tokenIds: ArrayLike<number>): TextPiece {
    assert(!this.#matcher.stopped, "a text that has met its stop string takes no more tokens");
    let text = "";
    let numTokens = 0;
    while (numTokens < tokenIds.length && !this.#matcher.stopped) {
      text += this.#pushToken(tokenIds[numTokens] ?? 0);
      numTokens++;
    }
    const { found } = this.#matcher;
    if (found === undefined) return { text, stopped: false, numTokens };
    const shown = this.#includeStop ? text + found : text;
    return { text: shown, stopped: true, numTokens, stopString: found };
  }

  /** The sequence has ended: the text that was held back. */
  finish(): string {
    return this.#matcher.push(this.#detokenizer.finish()) + this.#matcher.finish();
  }

  #pushToken(tokenId: number): string {
    this.#numTokens++;
    if (!this.#includeStop && this.#stopTokenIds.includes(tokenId)) return "";
    const text = this.#detokenizer.push(tokenId);
    return this.#numTokens < this.#minTokens ? text : this.#matcher.push(text);
  }
}
