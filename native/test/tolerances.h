// How far a kernel may be from its double-precision twin, in one table. Errors are relative to the
// magnitude that went into the result (the sum of the absolute terms), so they hold for any shape.
// F16 and BF16 weights are exact in F32, hence one column for all types of weights.

#pragma once

namespace dyn::tolerance {

inline constexpr double kExp = 2e-7;
inline constexpr double kGemm = 4e-6;  // K up to 2,000: one sum in F32.
inline constexpr double kRmsNorm = 1e-6;
inline constexpr double kRope = 5e-7;
inline constexpr double kSwiglu = 1e-6;
// By the pool's type, context up to 1,100: F32, BF16, int8.
inline constexpr double kAttention[] = {2e-6, 1e-2, 1e-2};
inline constexpr double kLogprob = 1e-5;

}  // namespace dyn::tolerance
