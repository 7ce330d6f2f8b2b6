#include "encode_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "encode.h"

namespace dyn::test {
namespace {

constexpr int kNonLinear[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                              1,    13,   25,  38,  53,  69,  89,  113};
constexpr int kTwiceE2M1[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Writes an F16 and gives what it is.
float put_f16(float value, std::byte* to) {
  const uint16_t bits = f16_bits(value);
  std::memcpy(to, &bits, sizeof(bits));
  const float magnitude =
      std::ldexp(1024.0f + static_cast<float>(bits & 1023), (bits >> 10 & 31) - 25);
  return (bits >> 10 & 31) == 0 ? 0.0f : bits >> 15 != 0 ? -magnitude : magnitude;
}

void set_bits(std::byte* to, uint32_t bits, size_t shift) {
  *to |= static_cast<std::byte>(bits << shift);
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

uint32_t nearest(float value, float scale, int lowest, int highest) {
  const float quant = scale == 0 ? 0 : std::round(value / scale);
  const int clamped =
      static_cast<int>(std::clamp(quant, static_cast<float>(lowest), static_cast<float>(highest)));
  return static_cast<uint32_t>(clamped - lowest);
}

uint32_t nearest(float value, float scale, std::span<const int> table) {
  const auto distance = [&](int entry) {
    return std::abs(value - scale * static_cast<float>(entry));
  };
  const auto best =
      std::ranges::min_element(table, [&](int a, int b) { return distance(a) < distance(b); });
  return static_cast<uint32_t>(best - table.begin());
}

// Element i is the low half of byte i, 16 + i the high one.
void put_half(std::byte* quants, size_t i, uint32_t quant) {
  set_bits(quants + i % 16, quant & 15, i / 16 * 4);
}

// Q4_1, Q5_1: { d, m: f16; high: u1[32] of Q5_1; q: u4[32] }
void encode_with_minimum(std::span<const float> values, bool has_fifth_bit, std::byte* block) {
  const auto [low, high] = std::ranges::minmax(values);
  const int max_quant = has_fifth_bit ? 31 : 15;
  const float scale = put_f16((high - low) / static_cast<float>(max_quant), block);
  const float minimum = put_f16(low, block + 2);
  for (size_t i = 0; i < 32; ++i) {
    const uint32_t quant = nearest(values[i] - minimum, scale, 0, max_quant);
    put_half(block + (has_fifth_bit ? 8 : 4), i, quant);
    if (has_fifth_bit) set_bits(block + 4 + i / 8, quant >> 4, i % 8);
  }
}

// { d: f16; high: u1[32]; q: u4[32] }
void encode_q5_0(std::span<const float> values, std::byte* block) {
  const float scale = put_f16(largest_of(values) / 15, block);
  for (size_t i = 0; i < 32; ++i) {
    const uint32_t quant = nearest(values[i], scale, -16, 15);
    put_half(block + 6, i, quant);
    set_bits(block + 2 + i / 8, quant >> 4, i % 8);
  }
}

// { d: f16; q: u4[32] }
void encode_iq4_nl(std::span<const float> values, std::byte* block) {
  const float scale = put_f16(largest_of(values) / 113, block);
  for (size_t i = 0; i < 32; ++i) put_half(block + 2, i, nearest(values[i], scale, kNonLinear));
}

// { e: u8; q: u4[32] }
void encode_mxfp4(std::span<const float> values, std::byte* block) {
  const int exponent = static_cast<int>(std::ceil(std::log2(largest_of(values) / 6)));
  block[0] = static_cast<std::byte>(127 + exponent);
  const float scale = std::ldexp(0.5f, exponent);
  for (size_t i = 0; i < 32; ++i) put_half(block + 1, i, nearest(values[i], scale, kTwiceE2M1));
}

// { scales, minimums: u4[16]; q: u2[256]; d, m: f16 }
void encode_q2_k(std::span<const float> values, std::byte* block) {
  float scales[16];
  float minimums[16];
  for (size_t g = 0; g < 16; ++g) {
    const auto [low, high] = std::ranges::minmax(values.subspan(16 * g, 16));
    minimums[g] = std::max(0.0f, -low);
    scales[g] = (std::max(high, 0.0f) + minimums[g]) / 3;
  }
  const float unit = put_f16(*std::max_element(scales, scales + 16) / 15, block + 80);
  const float minimum_unit = put_f16(*std::max_element(minimums, minimums + 16) / 15, block + 82);
  for (size_t i = 0; i < 256; ++i) {
    const size_t g = i / 16;
    const uint32_t scale = nearest(scales[g], unit, 0, 15);
    const uint32_t minimum = nearest(minimums[g], minimum_unit, 0, 15);
    if (i % 16 == 0) block[g] = static_cast<std::byte>(scale | minimum << 4);
    const float value = values[i] + static_cast<float>(minimum) * minimum_unit;
    const uint32_t quant = nearest(value, static_cast<float>(scale) * unit, 0, 3);
    set_bits(block + 16 + i / 128 * 32 + i % 32, quant, i / 32 % 4 * 2);
  }
}

// { high: u1[256]; q: u2[256]; scales: u6[16]; d: f16 }, with scales of both signs
void encode_q3_k(std::span<const float> values, std::byte* block) {
  const float unit = put_f16(largest_of(values) / (3 * 31), block + 108);
  for (size_t g = 0; g < 16; ++g) {
    const float step = largest_of(values.subspan(16 * g, 16)) / 3 * (g % 2 == 0 ? 1.0f : -1.0f);
    const uint32_t scale = nearest(step, unit, -32, 31);
    set_bits(block + 96 + g % 8, scale & 15, g / 8 * 4);
    set_bits(block + 104 + g % 4, scale >> 4, g / 4 * 2);
    for (size_t i = 16 * g; i < 16 * g + 16; ++i) {
      const float own = (static_cast<float>(scale) - 32) * unit;
      const uint32_t quant = nearest(values[i], own, -4, 3);
      set_bits(block + 32 + i / 128 * 32 + i % 32, quant & 3, i / 32 % 4 * 2);
      set_bits(block + i % 32, quant >> 2, i / 32);
    }
  }
}

// { d: f16; high: u2[8], low: u4[8] of the scales; q: u4[256] }
void encode_iq4_xs(std::span<const float> values, std::byte* block) {
  const float unit = put_f16(largest_of(values) / (113 * 31), block);
  for (size_t g = 0; g < 8; ++g) {
    const float step = largest_of(values.subspan(32 * g, 32)) / 113 * (g % 2 == 0 ? 1.0f : -1.0f);
    const uint32_t scale = nearest(step, unit, -32, 31);
    set_bits(block + 2 + g / 4, scale >> 4, g % 4 * 2);
    set_bits(block + 4 + g / 2, scale & 15, g % 2 * 4);
    for (size_t i = 0; i < 32; ++i) {
      const float own = (static_cast<float>(scale) - 32) * unit;
      put_half(block + 8 + 16 * g, i, nearest(values[32 * g + i], own, kNonLinear));
    }
  }
}

struct Form {
  dyn_dtype dtype;
  size_t block_size;
  size_t block_bytes;
  void (*encode)(std::span<const float> values, std::byte* block);
};

constexpr Form kForms[] = {
    {DYN_Q4_1, 32, 20, [](auto values, auto block) { encode_with_minimum(values, false, block); }},
    {DYN_Q5_1, 32, 24, [](auto values, auto block) { encode_with_minimum(values, true, block); }},
    {DYN_Q5_0, 32, 22, encode_q5_0},
    {DYN_IQ4_NL, 32, 18, encode_iq4_nl},
    {DYN_MXFP4, 32, 17, encode_mxfp4},
    {DYN_Q2_K, 256, 84, encode_q2_k},
    {DYN_Q3_K, 256, 110, encode_q3_k},
    {DYN_IQ4_XS, 256, 136, encode_iq4_xs},
};

}  // namespace

bool is_other_block(dyn_dtype dtype) {
  return std::ranges::any_of(kForms, [&](const Form& form) { return form.dtype == dtype; });
}

std::vector<std::byte> encode_other_blocks(std::span<const float> values, dyn_dtype dtype) {
  const Form& form = *std::ranges::find(kForms, dtype, &Form::dtype);
  std::vector<std::byte> bytes(values.size() / form.block_size * form.block_bytes);
  for (size_t block = 0; block < values.size() / form.block_size; ++block) {
    form.encode(values.subspan(block * form.block_size, form.block_size),
                &bytes[block * form.block_bytes]);
  }
  return bytes;
}

}  // namespace dyn::test
