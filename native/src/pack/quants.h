// Puts quants of 4 to 6 bits where packed_format.h says, and reads them back.

#pragma once

#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

// Sets the quants of 32 inputs of one output.
template <typename Group>
void put_quants(const uint8_t* quants /* [32] */, uint32_t output, Group* to) {
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t low = quants[4 * i + j] & 15u;
      to->quants[i][output][j] = static_cast<uint8_t>(low | quants[16 + 4 * i + j] << 4);
    }
  }
  if constexpr (Group::kQuantBits > 4) {
    constexpr uint32_t kHighBits = Group::kQuantBits - 4;
    uint32_t high[kHighBits][4] = {};
    for (uint32_t input = 0; input < kGroupSize; ++input) {
      const uint32_t bit = kHighBits * (input / 4);
      high[bit / 8][input % 4] |= static_cast<uint32_t>(quants[input] >> 4) << bit % 8;
    }
    for (uint32_t h = 0; h < kHighBits; ++h) {
      for (uint32_t j = 0; j < 4; ++j) to->high[h][output][j] = static_cast<uint8_t>(high[h][j]);
    }
  }
}

template <typename Group>
uint32_t quant_of(const Group& group, uint32_t input, uint32_t output) {
  const uint32_t j = input % 4;
  if constexpr (Group::kQuantBits == 8) {
    return group.quants[input / 4][output][j];
  } else {
    const uint32_t pair = group.quants[input % 16 / 4][output][j];
    uint32_t quant = input < 16 ? pair & 15u : pair >> 4;
    if constexpr (Group::kQuantBits > 4) {
      constexpr uint32_t kHighBits = Group::kQuantBits - 4;
      const uint32_t bit = kHighBits * (input / 4);
      const uint32_t high = static_cast<uint32_t>(group.high[bit / 8][output][j]) >> bit % 8;
      quant |= (high & ((1u << kHighBits) - 1)) << 4;
    }
    return quant;
  }
}

}  // namespace dyn
