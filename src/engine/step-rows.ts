// The rows of a batch: `dyn_row` structs end to end over one stretch of memory, seen field by field.
//
//     rows.temperature.set(row, 0.7)

/** Fields of one row of logits, in the order of `dyn_row` in dynamo_engine.h. */
export const ROW_FIELDS = {
  seed: "u64", // random numbers are f(seed, position) and nothing else
  token: "i32", // index in tokenIds: a decode, the end of a prompt, a draft
  temperature: "f32", // 0 is greedy
  topP: "f32", // 1 is off
  minP: "f32", // 0 is off
  topK: "i32", // 0 is off
  presencePenalty: "f32", // 0 is off
  frequencyPenalty: "f32", // 0 is off
  repetitionPenalty: "f32", // 1 is off
  penaltyStart: "u32", // the row penalises numPenalties of penaltyTokenIds from here on
  numPenalties: "u32",
  bannedStart: "u32", // it may not sample numBanned of bannedTokenIds from here on
  numBanned: "u32",
  biasStart: "u32", // numBiases of biasTokenIds and biases from here on are added, first of all
  numBiases: "u32",
  mask: "u32", // it may sample what mask `mask - 1` has a bit for; 0: whatever it likes
  numLogprobs: "u32", // of the likeliest tokens
  kind: "u32", // RowKind
  target: "i32", // the token that is scored
} as const;

/** Purposes of a row. `SCORE` says how likely `target` was, `POOL` the hidden state of its token; both sample nothing. */
export const RowKind = { SAMPLE: 0, SCORE: 1, POOL: 2 } as const;

/** With words behind the fields that stay 0. */
export const ROW_BYTES = 96;

type View = Float32Array | Int32Array | Uint32Array | BigUint64Array;

/** One field of every row. */
export class RowColumn<Value extends number | bigint> {
  readonly #view: View;
  readonly #stride: number;
  readonly #offset: number;

  constructor(view: View, offsetBytes: number) {
    this.#view = view;
    this.#stride = ROW_BYTES / view.BYTES_PER_ELEMENT;
    this.#offset = offsetBytes / view.BYTES_PER_ELEMENT;
  }

  // per step, 19 fields of 256 rows: < 20 µs
  set(row: number, value: Value): void {
    this.#view[row * this.#stride + this.#offset] = value as never; // the view's elements are of the value's type
  }

  at(row: number): Value {
    return this.#view[row * this.#stride + this.#offset] as Value;
  }
}

type Fields = typeof ROW_FIELDS;

export type StepRows = {
  readonly [Name in keyof Fields]: RowColumn<Fields[Name] extends "u64" ? bigint : number>;
} & { readonly length: number };

const VIEWS = {
  u64: BigUint64Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
} as const;

/** The rows over `memory`, which holds a whole number of them. */
export function stepRows(memory: ArrayBuffer): StepRows {
  let offset = 0;
  const columns = Object.entries(ROW_FIELDS).map(([name, type]) => {
    const view = new VIEWS[type](memory);
    const column = new RowColumn<number | bigint>(view, offset);
    offset += view.BYTES_PER_ELEMENT;
    return [name, column] as const;
  });
  const rows = Object.fromEntries(columns);
  Object.defineProperty(rows, "length", { get: () => memory.byteLength / ROW_BYTES });
  return rows as unknown as StepRows; // `fromEntries` forgets which field has which type
}
