// Puts levels of 4 to 6 bits where family.h says, and reads them back.

#pragma once

#include <cstdint>

#include "pack/family.h"

namespace dyn {

// Sets the levels of 32 inputs of one output.
template <typename Group>
void put_levels(const uint8_t* levels /* [32] */, uint32_t output, Group* to) {
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t j = 0; j < 4; ++j) {
      const uint32_t low = levels[4 * i + j] & 15u;
      to->levels[i][output][j] = static_cast<uint8_t>(low | levels[16 + 4 * i + j] << 4);
    }
  }
  if constexpr (Group::kLevelBits > 4) {
    constexpr uint32_t kHighBits = Group::kLevelBits - 4;
    uint32_t high[kHighBits][4] = {};
    for (uint32_t input = 0; input < kGroupSize; ++input) {
      const uint32_t bit = kHighBits * (input / 4);
      high[bit / 8][input % 4] |= static_cast<uint32_t>(levels[input] >> 4) << bit % 8;
    }
    for (uint32_t h = 0; h < kHighBits; ++h) {
      for (uint32_t j = 0; j < 4; ++j) to->high[h][output][j] = static_cast<uint8_t>(high[h][j]);
    }
  }
}

template <typename Group>
uint32_t level_of(const Group& group, uint32_t input, uint32_t output) {
  const uint32_t j = input % 4;
  if constexpr (Group::kLevelBits == 8) {
    return group.levels[input / 4][output][j];
  } else {
    const uint32_t pair = group.levels[input % 16 / 4][output][j];
    uint32_t level = input < 16 ? pair & 15u : pair >> 4;
    if constexpr (Group::kLevelBits > 4) {
      constexpr uint32_t kHighBits = Group::kLevelBits - 4;
      const uint32_t bit = kHighBits * (input / 4);
      const uint32_t high = static_cast<uint32_t>(group.high[bit / 8][output][j]) >> bit % 8;
      level |= (high & ((1u << kHighBits) - 1)) << 4;
    }
    return level;
  }
}

}  // namespace dyn
