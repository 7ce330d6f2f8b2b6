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
    to->groups[g].scales[0][output] = from[g] & 63;
    to->groups[g].minimums[0][output] = from[g + 4] & 63;
    const uint32_t low = from[g + 8];
    to->groups[g + 4].scales[0][output] = static_cast<uint8_t>((low & 15) | (from[g] >> 6) << 4);
    to->groups[g + 4].minimums[0][output] =
        static_cast<uint8_t>(low >> 4 | (from[g + 4] >> 6) << 4);
  }
}

// Half `half` of byte `from`.
uint32_t nibble(uint8_t from, uint32_t half) {
  return half == 0 ? from & 15u : from >> 4;
}

// Bits 2 q and 2 q + 1 of the bytes of element 32 g + i, in Q2_K's order.
uint32_t two_bits(const uint8_t* from /* [64] */, uint32_t g, uint32_t i) {
  return from[g / 4 * 32 + i] >> g % 4 * 2 & 3u;
}

// Scale g of 16, of 6 bits each in 12 bytes: four bits in the halves of the first 8, two in the
// other 4.
uint32_t q3_k_scale(const uint8_t* from /* [12] */, uint32_t g) {
  return nibble(from[g % 8], g / 8) | (from[8 + g % 4] >> g / 4 * 2 & 3u) << 4;
}

// The value of a 6-bit scale in Q3_K and IQ4_XS.
int8_t centred(uint32_t scale) {
  return static_cast<int8_t>(static_cast<int32_t>(scale) - 32);
}

}  // namespace

void put_block(const std::byte* block, uint32_t output, W2KBlock* to) {
  Q2_KBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  to->minimum_units[output] = from.minimum_unit;
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    W2KGroup& group = to->groups[g];
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      quants[i] = static_cast<uint8_t>(two_bits(from.quants, g, i));
    }
    put_quants(quants, output, &group);
    for (uint32_t part = 0; part < 2; ++part) {
      group.scales[part][output] = from.scales[2 * g + part] & 15;
      group.minimums[part][output] = from.scales[2 * g + part] >> 4;
    }
  }
}

void put_block(const std::byte* block, uint32_t output, W3KBlock* to) {
  Q3_KBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    W3KGroup& group = to->groups[g];
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      const uint32_t high = from.high[i] >> g & 1u;
      quants[i] = static_cast<uint8_t>(two_bits(from.quants, g, i) | high << 2);
    }
    put_quants(quants, output, &group);
    for (uint32_t part = 0; part < 2; ++part) {
      group.scales[part][output] = centred(q3_k_scale(from.scales, 2 * g + part));
    }
  }
}

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

void put_block(const std::byte* block, uint32_t output, W4XBlock* to) {
  IQ4_XSBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scale_units[output] = from.scale_unit;
  for (uint32_t g = 0; g < kNumGroups; ++g) {
    uint8_t quants[kGroupSize];
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      quants[i] = static_cast<uint8_t>(nibble(from.quants[16 * g + i % 16], i / 16));
    }
    put_quants(quants, output, &to->groups[g]);
    const uint32_t high = from.scales_high >> 2 * g & 3u;
    to->groups[g].scales[0][output] = centred(nibble(from.scales_low[g / 2], g % 2) | high << 4);
  }
}

template <typename Group>
float weight_of(const MinimumBlock<Group>& block, uint32_t input, uint32_t output) {
  const Group& group = block.groups[input / kGroupSize];
  const uint32_t part = input % kGroupSize * Group::kNumParts / kGroupSize;
  const float scale =
      f32_of_f16(block.scale_units[output]) * static_cast<float>(group.scales[part][output]);
  const float minimum =
      f32_of_f16(block.minimum_units[output]) * static_cast<float>(group.minimums[part][output]);
  return scale * static_cast<float>(quant_of(group, input % kGroupSize, output)) - minimum;
}

template <typename Group>
float weight_of(const OffsetBlock<Group>& block, uint32_t input, uint32_t output) {
  const Group& group = block.groups[input / kGroupSize];
  const uint32_t part = input % kGroupSize * Group::kNumParts / kGroupSize;
  const auto quant = static_cast<int32_t>(quant_of(group, input % kGroupSize, output));
  const float scale =
      f32_of_f16(block.scale_units[output]) * static_cast<float>(group.scales[part][output]);
  return scale * static_cast<float>(quant - static_cast<int32_t>(Group::kOffset));
}

template float weight_of(const W2KBlock&, uint32_t, uint32_t);
template float weight_of(const W3KBlock&, uint32_t, uint32_t);
template float weight_of(const W4KBlock&, uint32_t, uint32_t);
template float weight_of(const W5KBlock&, uint32_t, uint32_t);
template float weight_of(const W6KBlock&, uint32_t, uint32_t);
template float weight_of(const W4XBlock&, uint32_t, uint32_t);

}  // namespace dyn
