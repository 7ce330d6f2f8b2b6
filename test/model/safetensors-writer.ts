// Writes safetensors files, right ones and wrong ones. Formats: see src/model/safetensors-header.ts.

export interface TensorSource {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface HeaderEntry {
  readonly dtype: unknown;
  readonly shape: unknown;
  readonly data_offsets: unknown;
}

/** A whole file with these tensors, laid out in the order given. */
export function safetensorsFile(tensors: Readonly<Record<string, TensorSource>>): Uint8Array {
  const header: Record<string, HeaderEntry> = {};
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const data = Object.values(tensors).map(({ bytes }) => bytes);
  return fileOf(JSON.stringify(header), Buffer.concat(data));
}

/** A file with any header text and data, and the length that it really has. */
export function fileOf(header: string, data: Uint8Array): Uint8Array {
  const text = Buffer.from(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([length, text, data]);
}

/** A tensor of zeros. */
export function zeros(dtype: "F32" | "F16" | "BF16", shape: readonly number[]): TensorSource {
  const numElements = shape.reduce((product, size) => product * size, 1);
  return { dtype, shape, bytes: new Uint8Array(numElements * (dtype === "F32" ? 4 : 2)) };
}
