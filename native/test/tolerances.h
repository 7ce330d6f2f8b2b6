// How far a kernel may be from its double-precision twin, in one table. Errors are relative to the
// magnitude that went into the result (the sum of the absolute terms), so they hold for any shape.
// Weights are taken as they are packed, and activations as the kernel's input form has them, hence
// one row for all formats; what these forms and the packing round off has rows of its own.

#pragma once

#include "dynamo_engine.h"

namespace dyn::tolerance {

inline constexpr double kExp = 2e-7;
inline constexpr double kGemm = 4e-6;  // K up to 2,000: one sum in F32.

// Input forms, relative to the largest magnitude of a group of 32 (of itself, for BF16).
inline constexpr double kBf16Input = 1.0 / 256;   // 8 bits, to nearest.
inline constexpr double kS8Input = 0.5001 / 127;  // Half a step.

// Online quantisation, relative to the largest magnitude of a group of 32. The opposite sign of a
// W4 group's largest has one quant less, so it may be a whole step off.
inline constexpr double kW8Weight = 0.51 / 127;
inline constexpr double kW4Weight = 1.01 / 8;

// Root mean square of what a type with so few bits may be off, for weights evenly between -1 and 1.
constexpr double encoded(dyn_dtype dtype) {
  switch (dtype) {
    case DYN_Q8_0:
      return 0.003;
    case DYN_Q2_K:
      return 0.25;
    case DYN_Q3_K:
      return 0.12;
    case DYN_MXFP4:
      return 0.12;
    default:
      return 0.06;
  }
}

inline constexpr double kRmsNorm = 1e-6;
inline constexpr double kRope = 5e-7;
inline constexpr double kSwiglu = 1e-6;
inline constexpr double kSoftCap = 6e-7;
// By the pool's type, context up to 1,100: F32, BF16, int8.
inline constexpr double kAttention[] = {2e-6, 1e-2, 1e-2};
inline constexpr double kLogprob = 1e-5;

}  // namespace dyn::tolerance
