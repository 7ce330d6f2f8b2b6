// Structs of C as bytes: layouts made of the types of their fields, and their values in and out.

type FieldType = "u16" | "u32" | "i32" | "u64" | "bits512" | "f32" | "f64" | "pointer" | "text64";

interface Field {
  readonly bytes: number;
  readonly write: (view: DataView, at: number, value: number | bigint) => void;
}

const u64Field: Field = {
  bytes: 8,
  write: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
};

const FIELDS: Readonly<Record<FieldType, Field>> = {
  u16: { bytes: 2, write: (view, at, value) => view.setUint16(at, Number(value), true) },
  u32: { bytes: 4, write: (view, at, value) => view.setUint32(at, Number(value), true) },
  i32: { bytes: 4, write: (view, at, value) => view.setInt32(at, Number(value), true) },
  f32: { bytes: 4, write: (view, at, value) => view.setFloat32(at, Number(value), true) },
  f64: { bytes: 8, write: (view, at, value) => view.setFloat64(at, Number(value), true) },
  u64: u64Field,
  bits512: { bytes: 64, write: writeBits512 },
  pointer: u64Field,
  // Only native writes texts, and `textAt` reads them.
  text64: { bytes: 64, write: () => {} },
};

/** An array of eight u64, the lowest bits first. */
function writeBits512(view: DataView, at: number, value: number | bigint): void {
  for (let word = 0; word < 8; word++) {
    const bits = BigInt.asUintN(64, BigInt(value) >> BigInt(64 * word));
    view.setBigUint64(at + 8 * word, bits, true);
  }
}

export interface Layout<Name extends string = string> {
  readonly size: number;
  readonly types: Readonly<Record<Name, FieldType>>;
  readonly offsets: Readonly<Record<Name, number>>;
}

/** Fields one after the other: the header's structs have no padding. */
export function layout<Name extends string>(
  types: Readonly<Record<Name, FieldType>>,
): Layout<Name> {
  const offsets: Partial<Record<Name, number>> = {};
  let size = 0;
  for (const name of fieldNames(types)) {
    offsets[name] = size;
    size += FIELDS[types[name]].bytes;
  }
  return { size, types, offsets: offsets as Record<Name, number> }; // the loop has set every name
}

function fieldNames<Name extends string>(types: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(types) as Name[]; // `Object.keys` forgets the names' type
}

export function pointersTo<Name extends string>(
  arrays: Readonly<Record<Name, unknown>>,
): Record<Name, "pointer"> {
  const types: Partial<Record<Name, "pointer">> = {};
  for (const name of fieldNames(arrays)) types[name] = "pointer";
  return types as Record<Name, "pointer">; // the loop has set every name
}

export type FieldsOf<L> = L extends Layout<infer Name> ? Record<Name, number | bigint> : never;

/** One struct as native reads it, or several in a row. */
export function encode<Name extends string>(
  type: Layout<Name>,
  ...structs: readonly Readonly<Record<Name, number | bigint>>[]
): Uint8Array {
  const bytes = new Uint8Array(type.size * structs.length);
  const view = new DataView(bytes.buffer);
  for (const [index, struct] of structs.entries()) {
    for (const name of fieldNames(type.types)) {
      const at = index * type.size + type.offsets[name];
      FIELDS[type.types[name]].write(view, at, struct[name]);
    }
  }
  return bytes;
}

/** A text of a struct that native has written, up to the 0 that ends it. */
export function textAt<Name extends string>(
  type: Layout<Name>,
  bytes: Uint8Array,
  name: Name,
): string {
  const from = bytes.subarray(
    type.offsets[name],
    type.offsets[name] + FIELDS[type.types[name]].bytes,
  );
  const end = from.indexOf(0);
  return new TextDecoder().decode(end < 0 ? from : from.subarray(0, end));
}

/** A struct that native has written, of counts and addresses below 2^53. */
export function decode<Name extends string>(
  type: Layout<Name>,
  bytes: Uint8Array,
): Record<Name, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Partial<Record<Name, number>> = {};
  for (const name of fieldNames(type.types)) {
    const at = type.offsets[name];
    const isShort = FIELDS[type.types[name]].bytes === 4;
    values[name] = isShort ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
  }
  return values as Record<Name, number>; // the loop has set every name
}
