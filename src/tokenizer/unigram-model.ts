// Words to token ids by the best sum of scores, as the `Unigram` model of tokenizer.json: Viterbi over characters.

import type { JsonObject } from "../model/json-object.ts";
import { LIST, whole } from "../model/value-schemas.ts";
import type { IdBuffer } from "./id-buffer.ts";
import { JointSet } from "./merge-table.ts";
import { Trie } from "./trie.ts";
import type { WordModel } from "./word-encoder.ts";

/** How far an unknown character is below the worst piece. */
const UNKNOWN_PENALTY = 10;
const STEPS = 1024;

export class UnigramModel implements WordModel {
  readonly unknownId: number | undefined;
  readonly fusesUnknown = true;
  readonly hasByteTokens = false;
  readonly #pieces = new Trie<number>();
  readonly #scores: readonly number[];
  readonly #unknownScore: number;
  readonly #joints = new JointSet();

  /** `model.vocab` was checked when its size was measured. Pieces that `vocabulary` lacks are not used. */
  constructor(model: JsonObject, vocabulary: ReadonlyMap<string, number>) {
    const entries = (model.read("vocab", LIST) ?? []) as readonly (readonly [string, number])[];
    this.unknownId = model.read("unk_id", whole({ min: 0, max: entries.length }));
    const scores = entries.map(([, score]) => Number(score));
    this.#unknownScore = scores.reduce((low, score) => Math.min(low, score), 0) - UNKNOWN_PENALTY;
    if (this.unknownId !== undefined) scores[this.unknownId] = this.#unknownScore;
    this.#scores = scores;
    for (const [id, [piece]] of entries.entries()) {
      if (vocabulary.has(piece)) this.#add(piece, id);
    }
  }

  canJoin(left: number, right: number): boolean {
    return this.#joints.mayHave(left, right);
  }

  wholeId(): undefined {
    return undefined;
  }

  encode(word: string, ids: IdBuffer): void {
    const steps = this.encodeInSteps(word, ids);
    while (!steps.next().done);
  }

  *encodeInSteps(word: string, ids: IdBuffer): Generator<void> {
    const best = new Float64Array(word.length + 1).fill(Number.NEGATIVE_INFINITY);
    const begins = new Int32Array(word.length + 1);
    const pieces = new Int32Array(word.length + 1);
    best[0] = 0;
    for (let at = 0, count = 1; at < word.length; count++) {
      at = this.#extend({ word, at, best, begins, pieces });
      if (count % STEPS === 0) yield;
    }
    const path: number[] = [];
    for (let end = word.length; end > 0; end = begins[end] ?? 0) path.push(pieces[end] ?? -1);
    for (const id of path.reverse()) {
      if (id >= 0) ids.push(id);
      else if (this.unknownId !== undefined) ids.push(this.unknownId);
    }
  }

  /** All pieces that begin at `at`; gives where the next character begins. */
  #extend({ word, at, best, begins, pieces }: Lattice): number {
    const first = word.codePointAt(at) ?? 0;
    const next = at + (first > 0xffff ? 2 : 1);
    const reach = (end: number, id: number, score: number) => {
      const sum = (best[at] ?? 0) + score;
      if (sum <= (best[end] ?? 0)) return;
      best[end] = sum;
      begins[end] = at;
      pieces[end] = id;
    };
    let isKnown = false;
    this.#pieces.eachAt(word, at, (end, id) => {
      reach(end, id, this.#scores[id] ?? 0);
      if (end === next) isKnown = true;
    });
    if (!isKnown) reach(next, -1, this.#unknownScore);
    return next;
  }

  #add(piece: string, id: number): void {
    this.#pieces.set(piece, id);
    let left: number | undefined;
    for (const text of piece) {
      const char = text.codePointAt(0) ?? 0;
      if (left !== undefined) this.#joints.add(left, char);
      left = char;
    }
  }
}

interface Lattice {
  readonly word: string;
  readonly at: number;
  readonly best: Float64Array;
  readonly begins: Int32Array;
  readonly pieces: Int32Array;
}
