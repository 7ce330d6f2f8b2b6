#include "pack/group.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pack/dtype.h"
#include "pack/quants.h"

namespace dyn {
namespace {

uint8_t quant_of(float value, int32_t lowest, int32_t highest, uint32_t offset) {
  const int32_t quant = std::clamp(static_cast<int32_t>(std::nearbyint(value)), lowest, highest);
  return static_cast<uint8_t>(quant + static_cast<int32_t>(offset));
}

// NaN is for what 8 bits cannot hold: a NaN or an infinity makes the whole group NaN.
constexpr uint16_t kNanF16 = 0x7e00;

bool is_finite(const float* weights) {
  return std::all_of(weights, weights + kGroupSize, [](float w) { return std::isfinite(w); });
}

// Quants by the scale as it is stored, so that its rounding adds no error of its own.
Group quantize(const float* weights, float scale, int32_t lowest, int32_t highest,
               uint32_t offset) {
  if (!is_finite(weights)) return {.scale = kNanF16, .quants = {}};
  Group group = {.scale = f16_of_f32(scale), .quants = {}};
  const float stored = f32_of_f16(group.scale);
  const float inverse = stored != 0.0f ? 1.0f / stored : 0.0f;
  for (size_t i = 0; i < kGroupSize; ++i) {
    group.quants[i] = quant_of(weights[i] * inverse, lowest, highest, offset);
  }
  return group;
}

template <typename Packed>
float weight_with_offset(const Packed& group, uint32_t input, uint32_t output) {
  const auto quant = static_cast<int32_t>(quant_of(group, input, output));
  return f32_of_f16(group.scales[output]) *
         static_cast<float>(quant - static_cast<int32_t>(Packed::kOffset));
}

}  // namespace

Group w8_of_q8_0(const std::byte* block) {
  Q8_0Block from;
  std::memcpy(&from, block, sizeof(from));
  Group group = {.scale = from.scale, .quants = {}};
  for (size_t i = 0; i < kGroupSize; ++i) {
    group.quants[i] = static_cast<uint8_t>(from.quants[i] + static_cast<int32_t>(W8Group::kOffset));
  }
  return group;
}

Group w4_of_q4_0(const std::byte* block) {
  Q4_0Block from;
  std::memcpy(&from, block, sizeof(from));
  Group group = {.scale = from.scale, .quants = {}};
  for (size_t i = 0; i < kGroupSize / 2; ++i) {
    group.quants[i] = from.quants[i] & 15;
    group.quants[i + kGroupSize / 2] = from.quants[i] >> 4;
  }
  return group;
}

Group quantize_w8(const float* weights) {
  float largest = 0;
  for (size_t i = 0; i < kGroupSize; ++i) largest = std::max(largest, std::abs(weights[i]));
  return quantize(weights, largest / 127.0f, -127, 127, W8Group::kOffset);
}

Group quantize_w4(const float* weights) {
  float largest = 0;
  for (size_t i = 0; i < kGroupSize; ++i) {
    if (std::abs(weights[i]) > std::abs(largest)) largest = weights[i];
  }
  return quantize(weights, largest / -8.0f, -8, 7, W4Group::kOffset);
}

void put_group(const Group& group, uint32_t output, W8Group* to) {
  to->scales[output] = group.scale;
  for (size_t i = 0; i < kGroupSize; i += 4) {
    std::memcpy(to->quants[i / 4][output], &group.quants[i], 4);
  }
}

void put_group(const Group& group, uint32_t output, W4Group* to) {
  to->scales[output] = group.scale;
  put_quants(group.quants, output, to);
}

float weight_of(const W8Group& group, uint32_t input, uint32_t output) {
  return weight_with_offset(group, input, output);
}

float weight_of(const W4Group& group, uint32_t input, uint32_t output) {
  return weight_with_offset(group, input, output);
}

}  // namespace dyn
