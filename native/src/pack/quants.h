// Puts quants of 2 to 6 bits where packed_format.h says, and reads them back.

#pragma once

#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

// Sets the quants of 32 inputs of one output.
template <typename Group>
void put_quants(const uint8_t* quants /* [32] */, uint32_t output, Group* to) {
  constexpr uint32_t kLow = low_bits(Group::kQuantBits);
  constexpr uint32_t kHigh = Group::kQuantBits - kLow;
  uint32_t low[kLow][4] = {};
  uint32_t high[kHigh + 1][4] = {};
  for (uint32_t input = 0; input < kGroupSize; ++input) {
    const uint32_t quad = input / 4;
    const uint32_t bit = kHigh * quad;
    const uint32_t quant = quants[input];
    low[quad % kLow][input % 4] |= (quant & ((1u << kLow) - 1)) << kLow * (quad / kLow);
    high[bit / 8][input % 4] |= quant >> kLow << bit % 8;
  }
  for (uint32_t j = 0; j < 4; ++j) {
    for (uint32_t i = 0; i < kLow; ++i) to->quants[i][output][j] = static_cast<uint8_t>(low[i][j]);
    if constexpr (kHigh > 0) {
      for (uint32_t h = 0; h < kHigh; ++h) {
        to->high[h][output][j] = static_cast<uint8_t>(high[h][j]);
      }
    }
  }
}

// As it is multiplied: by the table where there is one.
template <typename Group>
uint32_t quant_of(const Group& group, uint32_t input, uint32_t output) {
  const uint32_t quad = input / 4;
  const uint32_t j = input % 4;
  if constexpr (Group::kQuantBits == 8) {
    return group.quants[quad][output][j];
  } else {
    constexpr uint32_t kLow = low_bits(Group::kQuantBits);
    constexpr uint32_t kHigh = Group::kQuantBits - kLow;
    const uint32_t bytes = group.quants[quad % kLow][output][j];
    uint32_t quant = bytes >> kLow * (quad / kLow) & ((1u << kLow) - 1);
    if constexpr (kHigh > 0) {
      const uint32_t bit = kHigh * quad;
      const uint32_t high = static_cast<uint32_t>(group.high[bit / 8][output][j]) >> bit % 8;
      quant |= (high & ((1u << kHigh) - 1)) << kLow;
    }
    if constexpr (HasTable<Group>) quant = Group::kTable[quant];
    return quant;
  }
}

}  // namespace dyn
