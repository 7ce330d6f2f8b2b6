// Averages the weights of several checkpoints: what single steps of a high learning rate throw about, evens out.
//
//   bun models/built-in/train/average.ts OUT IN...      model.safetensors, all of one shape

import { readFileSync, writeFileSync } from "node:fs";

const [, , out = "", ...files] = process.argv;
const all = files.map((file) => new Uint8Array(readFileSync(file)));
const [first] = all;
if (!first) throw new Error("which files?");
const start = 8 + Number(new DataView(first.buffer).getBigUint64(0, true));
const values = all.map((bytes) => new Uint16Array(bytes.slice(start).buffer));

const result = new Uint16Array((first.length - start) / 2);
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
for (let i = 0; i < result.length; i++) {
  let sum = 0;
  for (const each of values) {
    bits[0] = (each[i] ?? 0) << 16;
    sum += float[0] ?? 0;
  }
  float[0] = sum / values.length;
  const word = bits[0] ?? 0;
  result[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16; // BF16, to the nearest
}
writeFileSync(out, Buffer.concat([first.subarray(0, start), new Uint8Array(result.buffer)]));
