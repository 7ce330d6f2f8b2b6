// The element types of weights as files have them, and what they are in F32.
//
// Types of single elements are read by read_f32. Those of blocks are GGUF's: a row is a number of
// blocks, each of which holds its elements' scale beside them (ggml-common.h of llama.cpp).

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dynamo_engine.h"

namespace dyn {

struct Q8_0Block {
  uint16_t scale;     // F16
  int8_t quants[32];  // weight = scale * quant
};
static_assert(sizeof(Q8_0Block) == 34);

struct Q4_0Block {
  uint16_t scale;      // F16
  uint8_t quants[16];  // weight = scale * (quant - 8); element i low, element 16 + i high
};
static_assert(sizeof(Q4_0Block) == 18);

// The K types: 256 elements in 8 groups of 32, or 16 of 16.

struct Q4_KBlock {
  uint16_t scale_unit;    // F16
  uint16_t minimum_unit;  // F16
  uint8_t scales[12];     // 8 scales and 8 minimums of 6 bits.
  uint8_t quants[128];    // weight = scale_unit * scale * quant - minimum_unit * minimum; element
                          // 64 c + i is the low half of byte 32 c + i, 64 c + 32 + i the high one.
};
static_assert(sizeof(Q4_KBlock) == 144);

struct Q5_KBlock {
  uint16_t scale_unit;    // F16
  uint16_t minimum_unit;  // F16
  uint8_t scales[12];
  uint8_t high[32];     // Bit g of byte i is the fifth bit of element 32 g + i.
  uint8_t quants[128];  // As in Q4_K.
};
static_assert(sizeof(Q5_KBlock) == 176);

struct Q6_KBlock {
  uint8_t quants[128];  // weight = scale_unit * scale * (quant - 32); of each 128 elements, i and
                        // 64 + i are the halves of byte i,
  uint8_t high[64];     // and bits 2 q and 2 q + 1 of byte i are those above of 32 q + i.
  int8_t scales[16];    // For 16 elements each.
  uint16_t scale_unit;  // F16
};
static_assert(sizeof(Q6_KBlock) == 210);

constexpr bool is_float(uint32_t dtype) {
  return dtype == DYN_F32 || dtype == DYN_F16 || dtype == DYN_BF16;
}

constexpr bool is_dtype(uint32_t dtype) {
  return dtype <= DYN_AWQ;
}

// True if a matrix is three tensors (dyn_part).
constexpr bool is_in_parts(uint32_t dtype) {
  return dtype == DYN_GPTQ || dtype == DYN_GPTQ_V2 || dtype == DYN_AWQ;
}

// Elements per block.
constexpr uint32_t block_size_of(dyn_dtype dtype) {
  if (is_float(dtype)) return 1;
  if (is_in_parts(dtype)) return 8;
  return dtype == DYN_Q8_0 || dtype == DYN_Q4_0 ? 32 : 256;
}

// Bytes per block; of an element, for types of single elements.
constexpr uint32_t bytes_of(dyn_dtype dtype) {
  switch (dtype) {
    case DYN_F32:
      return 4;
    case DYN_F16:
    case DYN_BF16:
      return 2;
    case DYN_Q8_0:
      return sizeof(Q8_0Block);
    case DYN_Q4_0:
      return sizeof(Q4_0Block);
    case DYN_Q4_K:
      return sizeof(Q4_KBlock);
    case DYN_Q5_K:
      return sizeof(Q5_KBlock);
    case DYN_Q6_K:
      return sizeof(Q6_KBlock);
    case DYN_GPTQ:
    case DYN_GPTQ_V2:
    case DYN_AWQ:
      break;
  }
  return sizeof(uint32_t);
}

// Bytes of a row of `count` elements, a multiple of the block's.
constexpr uint64_t row_bytes_of(dyn_dtype dtype, uint64_t count) {
  return count / block_size_of(dtype) * bytes_of(dtype);
}

inline float f32_of_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// To nearest, ties to even. NaN stays NaN only by luck: no activation of a working model is one.
inline uint16_t bf16_of_f32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Exact, subnormals, infinities and NaN included, and without a branch, so that loops vectorise.
inline float f32_of_f16(uint16_t bits) {
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fffu) << 13;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  const uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0;  // For infinities and NaN.
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | special | sign);
}

// To nearest, ties to even, subnormals included. The value must be below 65520.
inline uint16_t f16_of_f32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const float magnitude = std::bit_cast<float>(bits & 0x7fffffffu);
  if (magnitude < 0x1p-14f) {  // The sum's last bit is worth 2^-24, as a subnormal's.
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(magnitude + 0.5f) & 0xffffu));
  }
  const uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + ((bits >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

// The element of a float type at `bytes`, which need not be aligned.
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
