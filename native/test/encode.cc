#include "encode.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "encode_blocks.h"

namespace dyn::test {
namespace {

// Blocks of 32 as GGUF has them: a scale in F16, then quants of 8 or of 4 bits.
std::vector<std::byte> encode_blocks(std::span<const float> values, dyn_dtype dtype) {
  std::vector<std::byte> bytes;
  for (size_t first = 0; first < values.size(); first += 32) {
    const std::span<const float> block = values.subspan(first, 32);
    float largest = 0;
    for (const float value : block) largest = std::max(largest, std::abs(value));
    const float scale = largest / (dtype == DYN_Q8_0 ? 127.0f : 7.0f);
    const uint16_t scale_bits = f16_bits(scale);
    bytes.push_back(static_cast<std::byte>(scale_bits & 255));
    bytes.push_back(static_cast<std::byte>(scale_bits >> 8));
    const auto quant = [&](size_t i) { return static_cast<int>(std::lround(block[i] / scale)); };
    for (size_t i = 0; i < (dtype == DYN_Q8_0 ? 32u : 16u); ++i) {
      const int byte =
          dtype == DYN_Q8_0 ? quant(i) & 255 : (quant(i) + 8) | (quant(i + 16) + 8) << 4;
      bytes.push_back(static_cast<std::byte>(byte));
    }
  }
  return bytes;
}

// The quant of `value` among steps of `scale`, within 0 and `max`.
uint32_t quant_of(float value, float scale, uint32_t max) {
  const float quant = scale == 0 ? 0 : std::round(value / scale);
  return static_cast<uint32_t>(std::clamp(quant, 0.0f, static_cast<float>(max)));
}

void put_f16(float value, std::byte* to) {
  const uint16_t bits = f16_bits(value);
  std::memcpy(to, &bits, sizeof(bits));
}

void set_bits(std::byte* to, uint32_t bits, size_t shift) {
  *to |= static_cast<std::byte>(bits << shift);
}

// 256 values as Q4_K or Q5_K: scales and minimums by the range of each 32.
void encode_with_minimums(std::span<const float> values, bool has_fifth_bit, std::byte* block) {
  const uint32_t max_quant = has_fifth_bit ? 31 : 15;
  float scales[8];
  float minimums[8];
  for (size_t g = 0; g < 8; ++g) {
    const auto [low, high] = std::ranges::minmax(values.subspan(32 * g, 32));
    minimums[g] = std::max(0.0f, -low);
    scales[g] = (std::max(high, 0.0f) + minimums[g]) / static_cast<float>(max_quant);
  }
  const float scale_unit = *std::max_element(scales, scales + 8) / 63;
  const float minimum_unit = *std::max_element(minimums, minimums + 8) / 63;
  put_f16(scale_unit, block);
  put_f16(minimum_unit, block + 2);
  for (size_t g = 0; g < 8; ++g) {
    const uint32_t scale = quant_of(scales[g], scale_unit, 63);
    const uint32_t minimum = quant_of(minimums[g], minimum_unit, 63);
    if (g < 4) {
      set_bits(block + 4 + g, scale, 0);
      set_bits(block + 8 + g, minimum, 0);
    } else {
      set_bits(block + 8 + g, scale & 15, 0);
      set_bits(block + 8 + g, minimum & 15, 4);
      set_bits(block + g, scale >> 4, 6);
      set_bits(block + 4 + g, minimum >> 4, 6);
    }
    for (size_t i = 0; i < 32; ++i) {
      const float value = values[32 * g + i] + static_cast<float>(minimum) * minimum_unit;
      const uint32_t quant = quant_of(value, static_cast<float>(scale) * scale_unit, max_quant);
      std::byte* quants = block + (has_fifth_bit ? 48 : 16);
      set_bits(quants + g / 2 * 32 + i, quant & 15, g % 2 * 4);
      if (has_fifth_bit) set_bits(block + 16 + i, quant >> 4, g);
    }
  }
}

// 256 values as Q6_K: scales by the largest magnitude of each 16, of both signs.
void encode_q6_k(std::span<const float> values, std::byte* block) {
  float largest[16];
  for (size_t g = 0; g < 16; ++g) {
    largest[g] = 0;
    for (const float value : values.subspan(16 * g, 16)) {
      largest[g] = std::max(largest[g], std::abs(value));
    }
  }
  const float unit = *std::max_element(largest, largest + 16) / (31 * 127);
  put_f16(unit, block + 208);
  for (size_t i = 0; i < 256; ++i) {
    const uint32_t magnitude = quant_of(largest[i / 16] / 31, unit, 127);
    const int32_t scale = static_cast<int32_t>(magnitude) * (i / 16 % 2 == 0 ? 1 : -1);
    block[192 + i / 16] = static_cast<std::byte>(scale & 255);
    const float step = static_cast<float>(scale) * unit;
    const uint32_t quant = quant_of(values[i] + 32 * step, step, 63);
    const size_t part = i / 128;
    const size_t quarter = i / 32 % 4;
    set_bits(block + 64 * part + quarter % 2 * 32 + i % 32, quant & 15, quarter / 2 * 4);
    set_bits(block + 128 + 32 * part + i % 32, quant >> 4, 2 * quarter);
  }
}

std::vector<std::byte> encode_k_blocks(std::span<const float> values, dyn_dtype dtype) {
  const size_t block_bytes = dtype == DYN_Q4_K ? 144 : dtype == DYN_Q5_K ? 176 : 210;
  std::vector<std::byte> bytes(values.size() / 256 * block_bytes);
  for (size_t block = 0; block < values.size() / 256; ++block) {
    const std::span<const float> of_block = values.subspan(256 * block, 256);
    if (dtype == DYN_Q6_K) {
      encode_q6_k(of_block, &bytes[block * block_bytes]);
    } else {
      encode_with_minimums(of_block, dtype == DYN_Q5_K, &bytes[block * block_bytes]);
    }
  }
  return bytes;
}

}  // namespace

uint16_t f16_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const int32_t exponent = static_cast<int32_t>((bits >> 23) & 0xffu) - 112;
  if (exponent <= 0) return static_cast<uint16_t>(sign);
  return static_cast<uint16_t>(sign | (static_cast<uint32_t>(exponent) << 10) |
                               ((bits >> 13) & 0x3ffu));
}

bool is_in_parts(dyn_dtype dtype) {
  return dtype == DYN_GPTQ || dtype == DYN_GPTQ_V2 || dtype == DYN_AWQ;
}

bool is_float_type(dyn_dtype dtype) {
  return dtype == DYN_F32 || dtype == DYN_F16 || dtype == DYN_BF16;
}

std::vector<std::byte> encode(std::span<const float> values, dyn_dtype dtype) {
  if (dtype == DYN_Q8_0 || dtype == DYN_Q4_0) return encode_blocks(values, dtype);
  if (is_other_block(dtype)) return encode_other_blocks(values, dtype);
  if (!is_float_type(dtype)) return encode_k_blocks(values, dtype);
  const size_t size = dtype == DYN_F32 ? 4 : 2;
  std::vector<std::byte> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DYN_F32) {
      std::memcpy(&bytes[i * 4], &values[i], 4);
    } else {
      const uint32_t bits = std::bit_cast<uint32_t>(values[i]);
      const uint16_t half =
          dtype == DYN_F16 ? f16_bits(values[i]) : static_cast<uint16_t>(bits >> 16);
      std::memcpy(&bytes[i * 2], &half, 2);
    }
  }
  return bytes;
}

EncodedParts encode_parts(std::span<const float> values, dyn_dtype dtype, const PartsShape& shape) {
  const size_t num_outputs = shape.num_outputs;
  const size_t num_inputs = shape.num_inputs;
  const size_t num_groups = num_inputs / shape.group_size;
  std::vector<uint32_t> quants(num_outputs * num_inputs / 8);
  std::vector<uint32_t> zeros(num_groups * num_outputs / 8);
  std::vector<uint16_t> scales(num_groups * num_outputs);
  constexpr uint32_t kAwqPlaces[] = {0, 4, 1, 5, 2, 6, 3, 7};
  const bool is_awq = dtype == DYN_AWQ;
  for (size_t n = 0; n < num_outputs; ++n) {
    const uint32_t place = is_awq ? kAwqPlaces[n % 8] : static_cast<uint32_t>(n % 8);
    for (size_t g = 0; g < num_groups; ++g) {
      const auto group = values.subspan(n * num_inputs + g * shape.group_size, shape.group_size);
      const auto [low, high] = std::ranges::minmax(group);
      const float largest = std::max(std::abs(low), std::abs(high));
      const float scale = shape.is_symmetric ? largest / 7 : (high - low) / 15;
      const uint32_t zero =
          shape.is_symmetric ? 8 : std::max(quant_of(-low, scale, 15), uint32_t{1});
      scales[g * num_outputs + n] = f16_bits(scale);
      const uint32_t stored = dtype == DYN_GPTQ ? zero - 1 : zero;
      zeros[(g * num_outputs + n) / 8] |= stored << 4 * place;
      for (size_t i = 0; i < group.size(); ++i) {
        const size_t k = g * shape.group_size + i;
        const uint32_t quant = quant_of(group[i] + static_cast<float>(zero) * scale, scale, 15);
        if (is_awq) {
          quants[(k * num_outputs + n) / 8] |= quant << 4 * place;
        } else {
          quants[k / 8 * num_outputs + n] |= quant << 4 * (k % 8);
        }
      }
    }
  }
  const auto bytes = [](const auto& elements) {
    const std::span<const std::byte> all = std::as_bytes(std::span(elements));
    return std::vector<std::byte>(all.begin(), all.end());
  };
  return {bytes(quants), bytes(zeros), bytes(scales)};
}

}  // namespace dyn::test
