// Turns frames back into envelopes. Nothing that it returns refers to the ring or the arena.

import type { Envelope } from "../../actor/envelope.ts";
import { assert } from "../../base/assert.ts";
import type { WireError } from "../../base/error.ts";
import { BodyReader } from "../codec.ts";
import { ARENA_CODE, CODES, HEADER_BYTES, HEADER_WORDS, RESET_FLAG } from "../frame.ts";
import type { ArenaReader } from "./arena.ts";

export class FrameReader {
  readonly #arena: ArenaReader;
  readonly #bodies = new BodyReader();

  constructor(arena: ArenaReader) {
    this.#arena = arena;
  }

  /** The envelope of the frame at `offset`. `words` and `bytes` are views on the same memory. */
  read(bytes: Buffer, words: Int32Array, offset: number): Envelope {
    const first = offset >> 2;
    const codeAndFlags = word(words, first + 1);
    const word2 = word(words, first + 2);
    const word3 = word(words, first + 3);
    if (codeAndFlags === ARENA_CODE) {
      return this.#readFromArena(word2, word3, word(words, first + HEADER_WORDS));
    }
    if (codeAndFlags >> 8 === RESET_FLAG) this.#bodies.reset();
    const start = offset + HEADER_BYTES;
    switch (codeAndFlags & 0xff) {
      case CODES.item:
        return { type: "item", call: word2, value: this.#bodies.read(bytes, start, word3) };
      case CODES.reply:
        return { type: "reply", call: word2, value: this.#bodies.read(bytes, start, word3) };
      case CODES.call: {
        const [endpoint, args] = this.#bodies.read(bytes, start, word3) as [string, unknown[]];
        return { type: "call", call: word2, endpoint, args };
      }
      case CODES.error:
        return {
          type: "error",
          call: word2,
          error: this.#bodies.read(bytes, start, word3) as WireError,
        };
      case CODES.stream:
        return { type: "stream", call: word2, window: word3 };
      case CODES.end:
        return { type: "end", call: word2 };
      case CODES.cancel:
        return { type: "cancel", call: word2 };
      case CODES.credit:
        return { type: "credit", call: word2, count: word3 };
      default:
        throw new Error(`frame of unknown code ${codeAndFlags} at offset ${offset}`);
    }
  }

  #readFromArena(offset: number, bytes: number, usedUntil: number): Envelope {
    const view = this.#arena.view(offset, bytes);
    const envelope = this.read(view, new Int32Array(view.buffer, offset, bytes / 4), 0);
    this.#arena.free(usedUntil);
    return envelope;
  }
}

function word(words: Int32Array, index: number): number {
  const value = words[index];
  assert(value !== undefined, "a frame reaches beyond its memory");
  return value;
}
