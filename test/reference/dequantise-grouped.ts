// Values of weights in GPTQ's and AWQ's layout, in double precision: slow, plain, and sharing no code with the kernels
// that are checked against it. GPTQ: QuantLinear.dequantize_weight of AutoGPTQ (auto_gptq/nn_modules/qlinear); AWQ:
// unpack_awq and reverse_awq_order of AutoAWQ (awq/utils/packing_utils.py). The formula stands with `GroupedWeight`
// in src/model/model-files.ts.

export interface GroupedSource {
  readonly type: "gptq" | "awq";
  readonly numOutputs: number;
  readonly numInputs: number;
  readonly groupSize: number;
  readonly zeroOffset: number;
  readonly qweight: Uint32Array;
  readonly qzeros: Uint32Array;
  /** [groups, outputs] */
  readonly scales: Float64Array;
}

/** The weight [outputs, inputs], row-major. */
export function dequantiseGrouped(source: GroupedSource): Float64Array {
  const { numOutputs, numInputs, groupSize, zeroOffset, scales } = source;
  const weight = new Float64Array(numOutputs * numInputs);
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      const group = Math.floor(input / groupSize);
      const zero = zeroAt(source, group, output) + zeroOffset;
      const scale = scales[group * numOutputs + output] ?? Number.NaN;
      weight[output * numInputs + input] = scale * (numberAt(source, output, input) - zero);
    }
  }
  return weight;
}

function numberAt({ type, qweight, numOutputs }: GroupedSource, output: number, input: number) {
  return type === "gptq"
    ? fourBits(qweight[Math.floor(input / 8) * numOutputs + output], input % 8)
    : fourBits(qweight[(input * numOutputs + output - (output % 8)) / 8], awqPlace(output % 8));
}

function zeroAt({ type, qzeros, numOutputs }: GroupedSource, group: number, output: number) {
  const word = qzeros[(group * numOutputs + output - (output % 8)) / 8];
  return fourBits(word, type === "gptq" ? output % 8 : awqPlace(output % 8));
}

/** AWQ packs eight columns in the order 0, 2, 4, 6, 1, 3, 5, 7. */
function awqPlace(column: number): number {
  return [0, 2, 4, 6, 1, 3, 5, 7].indexOf(column);
}

function fourBits(word: number | undefined, index: number): number {
  return ((word ?? Number.NaN) >>> (4 * index)) & 15;
}
