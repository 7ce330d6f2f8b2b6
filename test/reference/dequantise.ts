// Values of the stored types of weights, in double precision: slow, plain, and sharing no code with the kernels
// that are checked against it. Formulas: dequantize_row_* in ggml/src/ggml-quants.c and the blocks of
// ggml/src/ggml-common.h of llama.cpp. `d` and `m` are a block's scale and minimum.
//
// All of it is exact but for the roundings of double precision: a product of an F16, a 6-bit and a 5-bit number
// has at most 22 bits.

/** Elements of `type` as doubles. The bytes must be whole blocks. */
export function dequantise(type: string, bytes: Uint8Array): Float64Array {
  const format = FORMATS[type];
  if (format === undefined) throw new Error(`no reference for the type ${type}`);
  const { blockBytes, blockSize, decode } = format;
  const numBlocks = bytes.length / blockBytes;
  if (!Number.isInteger(numBlocks))
    throw new Error(`${bytes.length} bytes are no blocks of ${type}`);
  const out = new Float64Array(numBlocks * blockSize);
  for (let block = 0; block < numBlocks; block++) {
    const start = bytes.byteOffset + block * blockBytes;
    const values = decode(new DataView(bytes.buffer, start, blockBytes));
    out.set(values, block * blockSize);
  }
  return out;
}

interface Format {
  readonly blockBytes: number;
  readonly blockSize: number;
  readonly decode: (block: DataView) => readonly number[];
}

const FORMATS: Readonly<Record<string, Format>> = {
  F32: { blockBytes: 4, blockSize: 1, decode: (block) => [block.getFloat32(0, true)] },
  F16: { blockBytes: 2, blockSize: 1, decode: (block) => [f16(block, 0)] },
  BF16: { blockBytes: 2, blockSize: 1, decode: (block) => [bf16(block, 0)] },
  Q8_0: { blockBytes: 34, blockSize: 32, decode: decodeQ8_0 },
  Q4_0: { blockBytes: 18, blockSize: 32, decode: decodeQ4_0 },
  Q4_1: { blockBytes: 20, blockSize: 32, decode: decodeQ4_1 },
  Q5_0: { blockBytes: 22, blockSize: 32, decode: decodeQ5_0 },
  Q5_1: { blockBytes: 24, blockSize: 32, decode: decodeQ5_1 },
  IQ4_NL: { blockBytes: 18, blockSize: 32, decode: decodeIQ4_NL },
  MXFP4: { blockBytes: 17, blockSize: 32, decode: decodeMXFP4 },
  Q2_K: { blockBytes: 84, blockSize: 256, decode: decodeQ2_K },
  Q3_K: { blockBytes: 110, blockSize: 256, decode: decodeQ3_K },
  IQ4_XS: { blockBytes: 136, blockSize: 256, decode: decodeIQ4_XS },
  Q4_K: { blockBytes: 144, blockSize: 256, decode: decodeQ4_K },
  Q5_K: { blockBytes: 176, blockSize: 256, decode: decodeQ5_K },
  Q6_K: { blockBytes: 210, blockSize: 256, decode: decodeQ6_K },
};

/** { d: f16; q: i8[32] }: d q */
function decodeQ8_0(block: DataView): readonly number[] {
  const d = f16(block, 0);
  return range(32).map((i) => d * block.getInt8(2 + i));
}

/** { d: f16; q: u4[32] }: d (q - 8). Byte i has element i in its lower half and i + 16 in its upper. */
function decodeQ4_0(block: DataView): readonly number[] {
  const d = f16(block, 0);
  return range(32).map((i) => d * (nibble(block.getUint8(2 + (i % 16)), i < 16 ? 0 : 1) - 8));
}

/** { d, m: f16; q: u4[32] }: d q + m, in Q4_0's order. */
function decodeQ4_1(block: DataView): readonly number[] {
  return range(32).map((i) => f16(block, 0) * nibbleOf(block, 4, i) + f16(block, 2));
}

/** { d: f16; high: u1[32]; q: u4[32] }: d (q - 16), bit i of `high` being the fifth of element i. */
function decodeQ5_0(block: DataView): readonly number[] {
  const high = block.getUint32(2, true);
  return range(32).map(
    (i) => f16(block, 0) * (nibbleOf(block, 6, i) + 16 * ((high >>> i) & 1) - 16),
  );
}

/** { d, m: f16; high: u1[32]; q: u4[32] }: d q + m */
function decodeQ5_1(block: DataView): readonly number[] {
  const high = block.getUint32(4, true);
  return range(32).map(
    (i) => f16(block, 0) * (nibbleOf(block, 8, i) + 16 * ((high >>> i) & 1)) + f16(block, 2),
  );
}

const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** { d: f16; q: u4[32] }: d level[q] */
function decodeIQ4_NL(block: DataView): readonly number[] {
  return range(32).map((i) => f16(block, 0) * (NON_LINEAR[nibbleOf(block, 2, i)] as number));
}

/** Minus zero is zero. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** { e: u8; q: u4[32] }: 2^(e - 127) and a float of a sign, two bits of exponent and one of mantissa. */
function decodeMXFP4(block: DataView): readonly number[] {
  const scale = 2 ** (block.getUint8(0) - 127);
  return range(32).map((i) => scale * (E2M1[nibbleOf(block, 1, i)] as number));
}

/**
 * { scales: u8[16]; q: u2[256]; d, m: f16 }: d scale q - m minimum, with scale and minimum of element i the halves
 * of byte i / 16. Byte 32 c + j of q has elements 128 c + j, and those 32, 64 and 96 further on, from its lowest bits.
 */
function decodeQ2_K(block: DataView): readonly number[] {
  return range(256).map((i) => {
    const scales = block.getUint8(Math.floor(i / 16));
    return (
      f16(block, 80) * nibble(scales, 0) * twoBits(block, 16, i) -
      f16(block, 82) * nibble(scales, 1)
    );
  });
}

/**
 * { high: u1[256]; q: u2[256]; scales: u6[16]; d: f16 }: d (scale - 32) (q - 4). Bit g of byte j of `high` is the
 * third bit of element 32 g + j. The lower four bits of scale g are a half of byte g % 8, the first eight in the
 * lower; the upper two are bits 2 (g / 4) and 2 (g / 4) + 1 of byte 8 + g % 4.
 */
function decodeQ3_K(block: DataView): readonly number[] {
  return range(256).map((i) => {
    const g = Math.floor(i / 16);
    const low = nibble(block.getUint8(96 + (g % 8)), g < 8 ? 0 : 1);
    const scale = low + 16 * ((block.getUint8(104 + (g % 4)) >> (2 * Math.floor(g / 4))) & 3);
    const high = (block.getUint8(i % 32) >> Math.floor(i / 32)) & 1;
    return f16(block, 108) * (scale - 32) * (twoBits(block, 32, i) + 4 * high - 4);
  });
}

/**
 * { d: f16; high: u16; low: u4[8]; q: u4[256] }: d (scale - 32) level[q], with scale g made of nibble g of `low` and
 * bits 2 g and 2 g + 1 of `high`; each 32 elements of q in Q4_0's order.
 */
function decodeIQ4_XS(block: DataView): readonly number[] {
  return range(256).map((i) => {
    const g = Math.floor(i / 32);
    const low = nibble(block.getUint8(4 + Math.floor(g / 2)), g % 2 === 0 ? 0 : 1);
    const scale = low + 16 * ((block.getUint16(2, true) >> (2 * g)) & 3);
    const level = NON_LINEAR[nibbleOf(block, 8 + 16 * g, i % 32)] as number;
    return f16(block, 0) * (scale - 32) * level;
  });
}

/** Nibble i of 32 in the 16 bytes from `start` on, in Q4_0's order. */
function nibbleOf(block: DataView, start: number, i: number): number {
  return nibble(block.getUint8(start + (i % 16)), i < 16 ? 0 : 1);
}

/** The two bits of element i, of the 64 bytes from `start` on. */
function twoBits(block: DataView, start: number, i: number): number {
  const byte = block.getUint8(start + 32 * Math.floor(i / 128) + (i % 32));
  return (byte >> (2 * (Math.floor(i / 32) % 4))) & 3;
}

/**
 * { d, m: f16; scales: u8[12]; q: u4[256] }: d scale q - m minimum, with scale and minimum of element i
 * those of group i / 32. Byte 32 c + j of q has element 64 c + j in its lower half and 64 c + 32 + j in its upper.
 */
function decodeQ4_K(block: DataView): readonly number[] {
  return range(256).map((i) => scaled(block, i, nibble(block.getUint8(16 + pairByte(i)), half(i))));
}

/** As Q4_K, with { high: u8[32] } before q: bit g of byte j is the fifth bit of element 32 g + j. */
function decodeQ5_K(block: DataView): readonly number[] {
  return range(256).map((i) => {
    const high = (block.getUint8(16 + (i % 32)) >> Math.floor(i / 32)) & 1;
    return scaled(block, i, nibble(block.getUint8(48 + pairByte(i)), half(i)) + 16 * high);
  });
}

/**
 * { low: u4[256]; high: u2[256]; scales: i8[16]; d: f16 }: d scale (q - 32), with the scale of element i that of
 * group i / 16. In each half of the block, of 128 elements in four quarters of 32: byte j of `low` has element j
 * of the first quarter and of the third, byte 32 + j that of the second and of the fourth; byte j of `high` has
 * two bits for each of the four.
 */
function decodeQ6_K(block: DataView): readonly number[] {
  const d = f16(block, 208);
  return range(256).map((i) => {
    const part = Math.floor(i / 128);
    const quarter = Math.floor((i % 128) / 32);
    const j = i % 32;
    const low = nibble(block.getUint8(64 * part + 32 * (quarter % 2) + j), quarter < 2 ? 0 : 1);
    const high = (block.getUint8(128 + 32 * part + j) >> (2 * quarter)) & 3;
    return d * block.getInt8(192 + Math.floor(i / 16)) * (low + 16 * high - 32);
  });
}

/** Element i of a block of Q4_K or Q5_K, whose scales are in bytes 4 to 15. */
function scaled(block: DataView, i: number, q: number): number {
  const { scale, minimum } = scaleOfGroup(block, Math.floor(i / 32));
  return f16(block, 0) * scale * q - f16(block, 2) * minimum;
}

/**
 * Eight scales and eight minimums of 6 bits in 12 bytes: the first four of either in the lower six bits of bytes
 * 0 to 3 and 4 to 7; of the last four, bytes 8 to 11 have the lower four bits (scales in the lower half), and the
 * two left over in bytes 0 to 7 the upper two.
 */
function scaleOfGroup(block: DataView, group: number): { scale: number; minimum: number } {
  const at = (index: number) => block.getUint8(4 + index);
  if (group < 4) return { scale: at(group) & 63, minimum: at(group + 4) & 63 };
  return {
    scale: nibble(at(group + 4), 0) + 16 * (at(group - 4) >> 6),
    minimum: nibble(at(group + 4), 1) + 16 * (at(group) >> 6),
  };
}

/** Byte of element i's nibble, in Q4_K's order. */
function pairByte(i: number): number {
  return 32 * Math.floor(i / 64) + (i % 32);
}

function half(i: number): 0 | 1 {
  return i % 64 < 32 ? 0 : 1;
}

function nibble(byte: number, which: 0 | 1): number {
  return which === 0 ? byte & 15 : byte >> 4;
}

/** IEEE 754 binary16. */
function f16(view: DataView, at: number): number {
  const bits = view.getUint16(at, true);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The upper half of an F32. */
function bf16(view: DataView, at: number): number {
  const f32 = new DataView(new ArrayBuffer(4));
  f32.setUint32(0, view.getUint16(at, true) * 2 ** 16);
  return f32.getFloat32(0);
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
