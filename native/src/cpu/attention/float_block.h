// The products of attention in F32: rows of floats times groups of 16 outputs, whose factors are
// widened as they are loaded. A template of a vector of floats (cpu/floats.h), for
// float_attention.h.

#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/attention/attention.h"

namespace dyn {

// Elements of a right factor. Pairs follow each other in the order of the sum.
enum class FactorType { kF32, kBf16Pairs, kInt8Pairs };

constexpr size_t elements_of(FactorType type) {
  return type == FactorType::kF32 ? 1 : 2;
}

constexpr size_t word_bytes_of(FactorType type) {
  return type == FactorType::kInt8Pairs ? 2 : 4;
}

// Elements of neighbouring words, of pairs those in place `i`.
template <typename V, FactorType kType>
[[gnu::always_inline]] inline typename V::Vector load_factors(const std::byte* from, size_t i) {
  if constexpr (kType == FactorType::kF32) {
    return V::load(reinterpret_cast<const float*>(from));
  } else if constexpr (kType == FactorType::kBf16Pairs) {
    return V::load_of_bf16_pairs(from, i);
  } else {
    return V::load_of_int8_pairs(from, i);
  }
}

inline constexpr uint32_t kTileStrips = kAttentionTile / kStrip;
inline constexpr uint32_t kMostGroups = 4;

// A block of a matrix product: rows of `a` times groups of 16 outputs. The terms of a sum come in
// segments (strips of V); each has its own base for each group.
struct FloatBlock {
  const float* a;  // [rows, a_stride]
  size_t a_stride;
  const std::byte* b[kTileStrips][kMostGroups];  // [num_segments, groups]
  uint32_t num_segments;
  size_t num_words;    // Per segment: F32s or pairs.
  size_t word_stride;  // From one word of a group to its next, in bytes.
  float* y;            // [rows, y_stride], 16 of each group
  size_t y_stride;
};

template <typename V, FactorType kType, uint32_t kRows, uint32_t kGroups>
void multiply_float_block(const FloatBlock& block) {
  using Vector = typename V::Vector;
  constexpr size_t kVectors = kGroups * 16 / V::kLanes;
  constexpr size_t kPerGroup = 16 / V::kLanes;
  constexpr size_t kElements = elements_of(kType);
  constexpr size_t kWordBytes = word_bytes_of(kType);
  Vector sums[kRows][kVectors];
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 16
    for (size_t n = 0; n < kVectors; ++n) {
      sums[m][n] = V::load(block.y + m * block.y_stride + n * V::kLanes);
    }
  }
  const float* a = block.a;
  for (uint32_t segment = 0; segment < block.num_segments; ++segment) {
    const std::byte* b[kGroups];
    for (size_t g = 0; g < kGroups; ++g) b[g] = block.b[segment][g];
    for (size_t word = 0; word < block.num_words; ++word, a += kElements) {
#pragma GCC unroll 4
      for (size_t g = 0; g < kGroups; ++g) {
#pragma GCC unroll 2
        for (size_t i = 0; i < kElements; ++i) {
          Vector factors[kPerGroup];
#pragma GCC unroll 4
          for (size_t n = 0; n < kPerGroup; ++n) {
            factors[n] = load_factors<V, kType>(b[g] + n * V::kLanes * kWordBytes, i);
          }
#pragma GCC unroll 6
          for (size_t m = 0; m < kRows; ++m) {
            const Vector row = V::broadcast(a[m * block.a_stride + i]);
#pragma GCC unroll 4
            for (size_t n = 0; n < kPerGroup; ++n) {
              Vector& sum = sums[m][g * kPerGroup + n];
              sum = V::multiply_add(row, factors[n], sum);
            }
          }
        }
        b[g] += block.word_stride;
      }
    }
  }
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 16
    for (size_t n = 0; n < kVectors; ++n) {
      V::store(block.y + m * block.y_stride + n * V::kLanes, sums[m][n]);
    }
  }
}

// Rows whose sums for one group fill the registers.
template <typename V>
inline constexpr uint32_t kMostRows = V::kNumSums * V::kLanes / 16;

// Groups at a time of so many rows.
template <typename V>
constexpr uint32_t groups_of(uint32_t num_rows) {
  const uint32_t count = kMostRows<V> / num_rows;
  return count >= 4 ? 4 : count >= 2 ? 2 : 1;
}

// y += a b for up to groups_of(num_rows) groups.
template <typename V, FactorType kType, uint32_t kRows = kMostRows<V>>
void multiply_groups(const FloatBlock& block, uint32_t num_rows, uint32_t num_groups) {
  if constexpr (kRows > 1) {
    if (num_rows < kRows) return multiply_groups<V, kType, kRows - 1>(block, num_rows, num_groups);
  }
  constexpr uint32_t kGroups = groups_of<V>(kRows);
  if (num_groups == kGroups) return multiply_float_block<V, kType, kRows, kGroups>(block);
  FloatBlock one = block;
  for (uint32_t g = 0; g < num_groups; ++g, one.y += 16) {
    for (uint32_t s = 0; s < block.num_segments; ++s) one.b[s][0] = block.b[s][g];
    multiply_float_block<V, kType, kRows, 1>(one);
  }
}

// y += a b for any number of rows and one group, whose factors then stay in the cache.
template <typename V>
void multiply_rows(FloatBlock block, uint32_t num_rows) {
  while (num_rows > 0) {
    const uint32_t count = num_rows < kMostRows<V> ? num_rows : kMostRows<V>;
    multiply_groups<V, FactorType::kF32>(block, count, 1);
    block.a += count * block.a_stride;
    block.y += count * block.y_stride;
    num_rows -= count;
  }
}

}  // namespace dyn
