// Words to token ids, with what was met before kept. A long word is cut where no token can span two characters, which
// changes no id: merges on both sides never meet. So a text that a vocabulary does not cut into words costs what one
// that is cut costs.

import { IdBuffer } from "./id-buffer.ts";

/** Encodes one word by a vocabulary. */
export interface WordModel {
  readonly unknownId: number | undefined;
  /** A run of unknown ids is one. */
  readonly fusesUnknown: boolean;
  /** True if a character without a token becomes those of its bytes. */
  readonly hasByteTokens: boolean;
  /** False only if no token can span these two characters. */
  canJoin(left: number, right: number): boolean;
  /** The id of a word that is not looked into. */
  wholeId(word: string): number | undefined;
  encode(word: string, ids: IdBuffer): void;
  /** The same for a long one; the caller may stop at each `yield`. */
  encodeInSteps(word: string, ids: IdBuffer): Iterable<void>;
}

/** Longer words are cut first. */
export const SHORT = 64;
/** Parts, and characters, between two places to stop. < 1 ms. */
const PARTS = 64;
const CHARS = 16_384;
/** Longer parts are not kept. */
const MAX_CACHED = 256;

export class WordEncoder {
  readonly #model: WordModel;
  readonly #words = new Cache();
  /** Parts of long words: they are looked into even if they are a token. */
  readonly #parts = new Cache();

  constructor(model: WordModel) {
    this.#model = model;
  }

  /** < 100 ns for a word that was met before. */
  encodeShort(word: string, ids: IdBuffer): void {
    let known = this.#words.get(word);
    if (known === undefined) {
      const whole = this.#model.wholeId(word);
      known = whole === undefined ? this.#idsOf(word) : [whole];
      this.#words.set(word, known);
    }
    ids.pushAll(known);
  }

  /** The caller may stop at each `yield`. */
  *encodeLong(word: string, ids: IdBuffer): Generator<void> {
    const whole = this.#model.wholeId(word);
    if (whole !== undefined) return ids.push(whole);
    for (let begin = 0, count = 1; begin < word.length; count++) {
      let end = this.#cutAfter(word, begin);
      for (let from = begin; end === undefined; end = this.#cutAfter(word, from)) {
        from = charAt(word, from + CHARS);
        yield;
      }
      if (end - begin <= MAX_CACHED) this.#encodePart(word.slice(begin, end), ids);
      else yield* this.#model.encodeInSteps(word.slice(begin, end), ids);
      begin = end;
      if (count % PARTS !== 0) continue;
      ids.check(word.length - end); // characters, which are not more than bytes
      yield;
    }
  }

  /** The next place where the word may be cut, its end at last; undefined where `CHARS` characters have none. */
  #cutAfter(word: string, from: number): number | undefined {
    const last = from + CHARS;
    let left = word.codePointAt(from) ?? 0;
    for (let at = from + unitsOf(left); at < word.length; ) {
      const right = word.codePointAt(at) ?? 0;
      if (!this.#model.canJoin(left, right)) return at;
      if (at > last) return undefined;
      left = right;
      at += unitsOf(right);
    }
    return word.length;
  }

  #encodePart(part: string, ids: IdBuffer): void {
    let known = this.#parts.get(part);
    if (known === undefined) {
      known = this.#idsOf(part);
      this.#parts.set(part, known);
    }
    ids.pushAll(known);
  }

  #idsOf(word: string): ArrayLike<number> {
    const ids = new IdBuffer(UNLIMITED);
    this.#model.encode(word, ids);
    return ids.take();
  }
}

/** The begin of the character that has the code unit at `at`. */
function charAt(word: string, at: number): number {
  const unit = word.charCodeAt(at);
  return unit >= 0xdc00 && unit < 0xe000 ? at - 1 : at;
}

function unitsOf(char: number): number {
  return char > 0xffff ? 2 : 1;
}

const UNLIMITED = { maxTokens: Number.POSITIVE_INFINITY, maxTokenBytes: 1 };

const CACHE_SIZE = 8192;

/** The words that were met last, twice `CACHE_SIZE` at most. */
class Cache {
  #young = new Map<string, ArrayLike<number>>();
  #old = new Map<string, ArrayLike<number>>();

  get(word: string): ArrayLike<number> | undefined {
    const young = this.#young.get(word);
    if (young !== undefined) return young;
    const old = this.#old.get(word);
    if (old !== undefined) this.set(word, old);
    return old;
  }

  set(word: string, ids: ArrayLike<number>): void {
    if (this.#young.size >= CACHE_SIZE) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(word, ids);
  }
}
