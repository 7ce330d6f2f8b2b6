import { expect, test } from "bun:test";

import { dequantiseGrouped } from "./dequantise-grouped.ts";

// 8 outputs and 16 inputs in two groups of 8; the scales of group g and output o are (g + 1) * 10^-o.
const SHAPE = { numOutputs: 8, numInputs: 16, groupSize: 8 };
const SCALES = Float64Array.from({ length: 16 }, (_, index) =>
  index < 8 ? 10 ** -index : 2 * 10 ** -(index - 8),
);

test("GPTQ packs eight inputs of an output into a word, the first in its lowest bits", () => {
  const qweight = new Uint32Array(16);
  qweight[3] = 0x00000f21; // output 3, inputs 0 to 7: 1, 2, 15, 0 ...
  qweight[8 + 3] = 0xa0000000; // output 3, input 15: 10
  const qzeros = Uint32Array.of(0x00004000, 0x00000000); // group 0, output 3: 4
  const weight = dequantiseGrouped({
    type: "gptq",
    ...SHAPE,
    zeroOffset: 1,
    qweight,
    qzeros,
    scales: SCALES,
  });
  const row = weight.slice(3 * 16, 4 * 16);
  expect([row[0], row[1], row[2], row[3]]).toEqual([
    1e-3 * (1 - 5),
    1e-3 * (2 - 5),
    1e-3 * (15 - 5),
    1e-3 * (0 - 5),
  ]);
  expect([row[8], row[15]]).toEqual([2e-3 * (0 - 1), 2e-3 * (10 - 1)]);
});

test("AWQ packs eight outputs of an input into a word, in the order 0, 2, 4, 6, 1, 3, 5, 7", () => {
  const qweight = new Uint32Array(16);
  qweight[9] = 0x76543210; // input 9: what stands in place k is k
  const qzeros = Uint32Array.of(0, 0x11111111);
  const weight = dequantiseGrouped({
    type: "awq",
    ...SHAPE,
    zeroOffset: 0,
    qweight,
    qzeros,
    scales: new Float64Array(16).fill(1),
  });
  const ofInput9 = Array.from({ length: 8 }, (_, output) => weight[output * 16 + 9]);
  expect(ofInput9).toEqual([0 - 1, 4 - 1, 1 - 1, 5 - 1, 2 - 1, 6 - 1, 3 - 1, 7 - 1]);
  expect(weight[0]).toBe(0);
});

test("both give what they were packed from", () => {
  const { numOutputs, numInputs, groupSize } = SHAPE;
  const q = (output: number, input: number) => (7 * output + 3 * input) % 16;
  const z = (group: number, output: number) => (5 * group + output + 1) % 16;
  const expected = Float64Array.from({ length: numOutputs * numInputs }, (_, index) => {
    const [output, input] = [Math.floor(index / numInputs), index % numInputs];
    const group = Math.floor(input / groupSize);
    return (SCALES[8 * group + output] ?? 0) * (q(output, input) - z(group, output));
  });
  const order = [0, 2, 4, 6, 1, 3, 5, 7];
  const pack = (at: (index: number) => number) =>
    order.reduce((word, _, index) => (word | (at(index) << (4 * index))) >>> 0, 0);
  const gptq = dequantiseGrouped({
    type: "gptq",
    ...SHAPE,
    zeroOffset: 0,
    qweight: Uint32Array.from({ length: 16 }, (_, word) =>
      pack((index) => q(word % 8, 8 * Math.floor(word / 8) + index)),
    ),
    qzeros: Uint32Array.from({ length: 2 }, (_, group) => pack((output) => z(group, output))),
    scales: SCALES,
  });
  const awq = dequantiseGrouped({
    type: "awq",
    ...SHAPE,
    zeroOffset: 0,
    qweight: Uint32Array.from({ length: 16 }, (_, input) =>
      pack((index) => q(order[index] ?? 0, input)),
    ),
    qzeros: Uint32Array.from({ length: 2 }, (_, group) =>
      pack((index) => z(group, order[index] ?? 0)),
    ),
    scales: SCALES,
  });
  expect(gptq).toEqual(expected);
  expect(awq).toEqual(expected);
});
