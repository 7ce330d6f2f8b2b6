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

struct Q4_1Block {
  uint16_t scale;      // F16
  uint16_t minimum;    // F16
  uint8_t quants[16];  // weight = scale * quant + minimum; halves as in Q4_0.
};
static_assert(sizeof(Q4_1Block) == 20);

struct Q5_0Block {
  uint16_t scale;      // F16
  uint8_t high[4];     // Bit i % 8 of byte i / 8 is the fifth bit of element i.
  uint8_t quants[16];  // weight = scale * (quant - 16); halves as in Q4_0.
};
static_assert(sizeof(Q5_0Block) == 22);

struct Q5_1Block {
  uint16_t scale;      // F16
  uint16_t minimum;    // F16
  uint8_t high[4];     // As in Q5_0.
  uint8_t quants[16];  // weight = scale * quant + minimum
};
static_assert(sizeof(Q5_1Block) == 24);

struct IQ4_NLBlock {
  uint16_t scale;      // F16
  uint8_t quants[16];  // weight = scale * table[quant] (NonLinear); halves as in Q4_0.
};
static_assert(sizeof(IQ4_NLBlock) == 18);

struct MXFP4Block {
  uint8_t exponent;
  uint8_t quants[16];  // weight = 2 ^ (exponent - 128) * table[quant] (TinyFloats); as in Q4_0.
};
static_assert(sizeof(MXFP4Block) == 17);

// The K types: 256 elements in 8 groups of 32, or 16 of 16.

struct Q2_KBlock {
  uint8_t scales[16];   // For 16 elements each: the scale in the low half, the minimum in the high.
  uint8_t quants[64];   // weight = scale_unit * scale * quant - minimum_unit * minimum; of each
                        // 128 elements, bits 2 q and 2 q + 1 of byte i are those of 32 q + i.
  uint16_t scale_unit;  // F16
  uint16_t minimum_unit;  // F16
};
static_assert(sizeof(Q2_KBlock) == 84);

struct Q3_KBlock {
  uint8_t high[32];     // Bit g of byte i is the third bit of element 32 g + i.
  uint8_t quants[64];   // weight = scale_unit * (scale - 32) * (quant - 4); as in Q2_K.
  uint8_t scales[12];   // 16 scales of 6 bits.
  uint16_t scale_unit;  // F16
};
static_assert(sizeof(Q3_KBlock) == 110);

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

struct IQ4_XSBlock {
  uint16_t scale_unit;    // F16
  uint16_t scales_high;   // Two bits for each group of 32.
  uint8_t scales_low[4];  // Four for each, the first in the low half.
  uint8_t quants[128];    // weight = scale_unit * (scale - 32) * table[quant] (NonLinear); element
                          // 32 g + i is the low half of byte 16 g + i, 32 g + 16 + i the high one.
};
static_assert(sizeof(IQ4_XSBlock) == 136);

constexpr bool is_float(uint32_t dtype) {
  return dtype == DYN_F32 || dtype == DYN_F16 || dtype == DYN_BF16;
}

constexpr bool is_dtype(uint32_t dtype) {
  return dtype <= DYN_E8M0;
}

// True if a matrix is three tensors (dyn_part).
constexpr bool is_in_parts(uint32_t dtype) {
  return dtype == DYN_GPTQ || dtype == DYN_GPTQ_V2 || dtype == DYN_AWQ;
}

// Elements per block.
constexpr uint32_t block_size_of(dyn_dtype dtype) {
  if (is_float(dtype) || dtype == DYN_E8M0) return 1;
  if (is_in_parts(dtype)) return 8;
  switch (dtype) {
    case DYN_Q2_K:
    case DYN_Q3_K:
    case DYN_Q4_K:
    case DYN_Q5_K:
    case DYN_Q6_K:
    case DYN_IQ4_XS:
      return 256;
    default:
      return 32;
  }
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
    case DYN_Q4_1:
      return sizeof(Q4_1Block);
    case DYN_Q5_0:
      return sizeof(Q5_0Block);
    case DYN_Q5_1:
      return sizeof(Q5_1Block);
    case DYN_IQ4_NL:
      return sizeof(IQ4_NLBlock);
    case DYN_MXFP4:
      return sizeof(MXFP4Block);
    case DYN_MXFP4_PLANES:
      return sizeof(MXFP4Block) - 1;
    case DYN_E8M0:
      return 1;
    case DYN_Q2_K:
      return sizeof(Q2_KBlock);
    case DYN_Q3_K:
      return sizeof(Q3_KBlock);
    case DYN_IQ4_XS:
      return sizeof(IQ4_XSBlock);
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
