#include "pack/k_quants.h"

#include <cstring>

#include "pack/dtype.h"
#include "pack/quants.h"

namespace dyn {
namespace {

constexpr uint32_t kNumGroups = 8;

// Scales and minimums of 6 bits lie in 12 bytes: those of groups 0 to 3 in the lower bits of bytes
// 0 to 3 and 4 to 7, of groups 4 to 7 with four bits in bytes 8 to 11 and two above the others.
template <typename Block>
void put_scales(const uint8_t* from /* [12] */, uint32_t output, Block* to) {
  for (uint32_t g = 0; g < 4; ++g) {
    to->groups[g].scales[output] = from[g] & 63;
    to->groups[g].minimums[output] = from[g + 4] & 63;
    const uint32_t low = from[g + 8];
    to->groups[g + 4].scales[output] = static_cast<uint8_t>((low & 15) | (from[g] >> 6) << 4);
    to->groups[g + 4].minimums[output] = static_cast<uint8_t>(low >> 4 | (from[g + 4] >> 6) << 4);
  }
}

// Half `half` of byte `from`.
uint32_t nibble(uint8_t from, uint32_t half) {
  return half == 0 ? from & 15u : from >> 4;
}

template <typename Block>
float weight_with_minimum(const Block& block, uint32_t input, uint32_t output) {
  const auto& group = block.groups[input / kGroupSize];
  const float scale =
      f32_of_f16(block.scale_units[output]) * static_cast<float>(group.scales[output]);
  const float minimum =
      f32_of_f16(block.minimum_units[output]) * static_cast<float>(group.minimums[output]);
  return scale * static_cast<float>(quant_of(group, input % kGroupSize, output)) - minimum;
}

}  // namespace

void put_block(const std::byte* block, uint32_t output, W4KBlock* to) {
  Q4_KBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  to->minimum_units[output] = from.minimum_unit;
  put_scales(from.scales, output, to);
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      quants[i] = static_cast<uint8_t>(nibble(from.quants[g / 2 * 32 + i], g % 2));
    }
    put_quants(quants, output, &to->groups[g]);
  }
}

void put_block(const std::byte* block, uint32_t output, W5KBlock* to) {
  Q5_KBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  to->minimum_units[output] = from.minimum_unit;
  put_scales(from.scales, output, to);
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      const uint32_t high = from.high[i] >> g & 1u;
      quants[i] = static_cast<uint8_t>(nibble(from.quants[g / 2 * 32 + i], g % 2) | high << 4);
    }
    put_quants(quants, output, &to->groups[g]);
  }
}

void put_block(const std::byte* block, uint32_t output, W6KBlock* to) {
  Q6_KBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    const uint32_t part = g / 4;  // 128 elements each,
    const uint32_t quarter = g % 4;
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      const uint32_t low = nibble(from.quants[64 * part + 32 * (quarter % 2) + i], quarter / 2);
      const uint32_t high = from.high[32 * part + i] >> 2 * quarter & 3u;
      quants[i] = static_cast<uint8_t>(low | high << 4);
    }
    put_quants(quants, output, &to->groups[g]);
    to->groups[g].scales[0][output] = from.scales[2 * g];
    to->groups[g].scales[1][output] = from.scales[2 * g + 1];
  }
}

float weight_of(const W4KBlock& block, uint32_t input, uint32_t output) {
  return weight_with_minimum(block, input, output);
}

float weight_of(const W5KBlock& block, uint32_t input, uint32_t output) {
  return weight_with_minimum(block, input, output);
}

float weight_of(const W6KBlock& block, uint32_t input, uint32_t output) {
  const W6KGroup& group = block.groups[input / kGroupSize];
  const auto quant = static_cast<int32_t>(quant_of(group, input % kGroupSize, output));
  const float scale = f32_of_f16(block.scale_units[output]) *
                      static_cast<float>(group.scales[input % kGroupSize / 16][output]);
  return scale * static_cast<float>(quant - static_cast<int32_t>(W6KBlock::kOffset));
}

}  // namespace dyn
