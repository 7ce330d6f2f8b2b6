// BF16 on the GPU: halves of 32-bit words.

#pragma once

#include <cstdint>

namespace dyn::cuda {

__device__ inline float low_of(uint32_t both) {
  return __uint_as_float(both << 16);
}

__device__ inline float high_of(uint32_t both) {
  return __uint_as_float(both & 0xffff0000u);
}

// Rounds to the nearest, ties to even; `low` comes first in memory.
__device__ inline uint32_t pair_of(float low, float high) {
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ inline uint16_t bf16_of(float value) {
  return static_cast<uint16_t>(pair_of(value, 0.0f));
}

}  // namespace dyn::cuda
