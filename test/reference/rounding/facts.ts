// Rounding of each instruction set, and where: docs/numerics.md as data.

/** An instruction set, by its name in `Isa`. */
export type IsaName = "PORTABLE" | "AVX2" | "AVX512" | "NEON" | "NEON_BF16" | "NEON_V8";

export interface RoundingFacts {
  /** A product is added with one rounding (FMA), not two. */
  readonly isFused: boolean;
  /** Floats of a vector: sums of squares lie in four of them. */
  readonly lanes: 4 | 8 | 16;
  /** How the lanes of one vector are added: halves upon halves, or neighbours. */
  readonly tree: "halves" | "neighbours";
  /** Type of activations that meet BF16 weights. */
  readonly bf16Input: "f32" | "bf16";
  /** The type of the scale of 32 activations in levels. llama.cpp's is F16. */
  readonly scale: "f32" | "f16";
  /** The turn of a head's pairs adds its products with one rounding. */
  readonly isRopeFused: boolean;
  /**
   * `f32`: K and V are widened. `pool`: queries and weights of the softmax are rounded to BF16 beside a pool of
   * BF16, to 16 bits beside one of int8.
   */
  readonly attention: "f32" | "pool";
  /** The softmax adds its weights in 64 / lanes vectors, or one by one. */
  readonly softmaxSum: "vectors" | "sequence";
}

const AVX2: RoundingFacts = {
  isFused: true,
  lanes: 8,
  tree: "halves",
  bf16Input: "f32",
  scale: "f32",
  isRopeFused: false,
  attention: "f32",
  softmaxSum: "vectors",
};

const NEON: RoundingFacts = { ...AVX2, lanes: 4, tree: "neighbours" };

export const FACTS: Readonly<Record<IsaName, RoundingFacts>> = {
  PORTABLE: {
    ...AVX2,
    isFused: false,
    lanes: 4,
    tree: "neighbours",
    softmaxSum: "sequence",
  },
  AVX2,
  AVX512: { ...AVX2, lanes: 16, bf16Input: "bf16", isRopeFused: true, attention: "pool" },
  NEON,
  NEON_V8: NEON,
  NEON_BF16: { ...NEON, bf16Input: "bf16" },
};

/** llama.cpp's activations beside Q8_0 and Q4_0, in our order of sums. Its K types meet groups of 256 (Q8_K). */
export const LLAMA_CPP: RoundingFacts = { ...AVX2, scale: "f16" };
