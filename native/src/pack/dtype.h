// The element types of weights, and what they are in F32.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dynamo_engine.h"

namespace dyn {

constexpr bool is_dtype(uint32_t dtype) {
  return dtype == DYN_F32 || dtype == DYN_F16 || dtype == DYN_BF16;
}

constexpr uint32_t bytes_of(dyn_dtype dtype) {
  return dtype == DYN_F32 ? 4 : 2;
}

inline float f32_of_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Exact for every finite value, subnormals included; infinities and NaN become 65536 * (1 + m), so
// the loop vectorises without a branch. A model with such weights is broken in any case.
inline float f32_of_f16(uint16_t bits) {
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fffu) << 13;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

// The element at `bytes`, which need not be aligned.
inline float read_f32(dyn_dtype dtype, const std::byte* bytes) {
  if (dtype == DYN_F32) {
    float value;
    std::memcpy(&value, bytes, sizeof(value));
    return value;
  }
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return dtype == DYN_F16 ? f32_of_f16(half) : f32_of_bf16(half);
}

}  // namespace dyn
