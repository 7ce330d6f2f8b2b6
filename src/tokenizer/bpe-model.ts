// Words to token ids by byte-pair encoding, as the `BPE` model of tokenizer.json.

import type { JsonObject } from "../model/json-object.ts";
import { ModelError } from "../model/model-files.ts";
import { LIST, SWITCH } from "../model/value-schemas.ts";
import type { IdBuffer } from "./id-buffer.ts";
import { MergeTable } from "./merge-table.ts";
import { PairMerger } from "./pair-merger.ts";
import type { WordModel } from "./word-encoder.ts";

/** A character that neither tokens nor merges know. */
const UNKNOWN = -2;
/** Steps of work between two places to stop. < 1 ms. */
const STEPS = 4096;

export class BpeModel implements WordModel {
  readonly unknownId: number | undefined;
  readonly fusesUnknown: boolean;
  readonly #table: MergeTable;
  readonly #merger: PairMerger; // for words that are encoded in one go
  readonly #vocabulary: ReadonlyMap<string, number>;
  readonly #ignoresMerges: boolean;
  /** Id of `<0xNN>` by byte, where all of a character's are there. */
  readonly #byteIds: readonly (number | undefined)[] | undefined;
  /** Symbols of the characters below U+10000, looked up once. */
  readonly #charSymbols = new Int32Array(0x10000).fill(-1);

  /** `vocabulary` has what text can become: no special tokens. Throws `ModelError`. */
  constructor(
    model: JsonObject,
    vocabulary: ReadonlyMap<string, number>,
    unknownId: number | undefined,
  ) {
    this.#vocabulary = vocabulary;
    this.#table = new MergeTable(vocabulary, readMerges(model));
    this.#merger = new PairMerger(this.#table);
    this.#ignoresMerges = model.read("ignore_merges", SWITCH) ?? false;
    this.fusesUnknown = model.read("fuse_unk", SWITCH) ?? false;
    this.unknownId = unknownId;
    this.#byteIds =
      (model.read("byte_fallback", SWITCH) ?? false) ? byteIdsOf(vocabulary) : undefined;
  }

  get hasByteTokens(): boolean {
    return this.#byteIds?.every((id) => id !== undefined) ?? false;
  }

  canJoin(left: number, right: number): boolean {
    return this.#table.canJoin(left, right);
  }

  wholeId(word: string): number | undefined {
    return this.#ignoresMerges ? this.#vocabulary.get(word) : undefined;
  }

  encode(word: string, ids: IdBuffer): void {
    const steps = this.#encode(word, ids, this.#merger);
    while (!steps.next().done);
  }

  encodeInSteps(word: string, ids: IdBuffer): Generator<void> {
    return this.#encode(word, ids, new PairMerger(this.#table));
  }

  *#encode(word: string, ids: IdBuffer, merger: PairMerger): Generator<void> {
    yield* this.#write(word, merger);
    while (!merger.run(STEPS)) yield;
    for (let at = merger.first; at !== undefined; at = merger.after(at)) {
      const symbol = merger.symbolAt(at);
      if (this.#table.isToken(symbol)) ids.push(symbol);
      else this.#pushUnknown(word.slice(merger.beginOf(at), merger.endOf(at)), ids);
    }
  }

  /** The characters of the word as symbols. */
  *#write(word: string, merger: PairMerger): Generator<void> {
    merger.begin(word.length);
    for (let at = 0, count = 0; at < word.length; count++) {
      const char = word.codePointAt(at) ?? 0;
      merger.add(this.#symbolOf(char), at);
      at += char > 0xffff ? 2 : 1;
      if (count % STEPS === STEPS - 1) yield;
    }
    yield* merger.link(STEPS);
  }

  #symbolOf(char: number): number {
    if (char > 0xffff) return this.#table.symbolOf(String.fromCodePoint(char)) ?? UNKNOWN;
    const known = this.#charSymbols[char] ?? -1;
    if (known !== -1) return known;
    const symbol = this.#table.symbolOf(String.fromCharCode(char)) ?? UNKNOWN;
    this.#charSymbols[char] = symbol;
    return symbol;
  }

  #pushUnknown(text: string, ids: IdBuffer): void {
    const byteIds = this.#byteIds;
    const bytes = byteIds && [...new TextEncoder().encode(text)].map((byte) => byteIds[byte]);
    if (bytes?.every((id) => id !== undefined)) ids.pushAll(bytes);
    else if (this.unknownId !== undefined) ids.push(this.unknownId);
  }
}

/** `["a b", ...]`, or `[["a", "b"], ...]` in newer files. */
function readMerges(model: JsonObject): readonly (readonly [string, string])[] {
  const merges = model.read("merges", LIST) ?? [];
  return merges.map((merge, index) => {
    const [left, right] = typeof merge === "string" ? merge.split(" ", 2) : partsOf(merge);
    if (typeof left === "string" && typeof right === "string" && left !== "" && right !== "") {
      return [left, right];
    }
    throw new ModelError(`${model.place}: merges[${index}] is no pair of pieces`);
  });
}

function partsOf(merge: unknown): readonly unknown[] {
  return Array.isArray(merge) ? merge : [];
}

function byteIdsOf(vocabulary: ReadonlyMap<string, number>): readonly (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
}
