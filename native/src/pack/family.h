// The families of packed weights, and how each lies in memory. N outputs, K inputs.
//
// Outputs lie in panels of 32: what one call of a kernel multiplies. The last panel is filled up
// with zeros. Within a panel inputs follow each other in the order in which they are summed, and
// neighbouring outputs lie side by side, so that one load of any width gives weights of the same
// inputs. The layout is the same for every instruction set.
//
//   F32, F16   [K][32]
//   BF16       [K / 2][32][2]    pairs of inputs, as the dot product instructions take them
//   W8, W4     [K / 32] groups   32 inputs share a scale; K is filled up with zeros

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checked.h"

namespace dyn {

enum class Family : uint32_t { kF32, kF16, kBf16, kW8, kW4 };
inline constexpr uint32_t kNumFamilies = 5;

inline constexpr uint32_t kPanelWidth = 32;
inline constexpr uint32_t kGroupSize = 32;

// weight(input, output) = scale[output] * (level - 128)
struct W8Group {
  uint16_t scales[kPanelWidth];       // F16
  uint8_t levels[8][kPanelWidth][4];  // Input 4 i + j of output n is at [i][n][j].
};
static_assert(sizeof(W8Group) == 1088, "a multiple of a cache line");

// weight(input, output) = scale[output] * (level - 8)
struct W4Group {
  uint16_t scales[kPanelWidth];       // F16
  uint8_t levels[4][kPanelWidth][4];  // Input 4 i + j of output n is the low half of [i][n][j],
                                      // input 16 + 4 i + j the high one.
};
static_assert(sizeof(W4Group) == 576, "a multiple of a cache line");

inline constexpr uint32_t kW8Offset = 128;
inline constexpr uint32_t kW4Offset = 8;

constexpr uint64_t panel_bytes(Family family, uint32_t num_inputs) {
  const uint64_t num_groups = ceil_div(num_inputs, kGroupSize);
  switch (family) {
    case Family::kF32:
      return uint64_t{num_inputs} * kPanelWidth * 4;
    case Family::kF16:
      return uint64_t{num_inputs} * kPanelWidth * 2;
    case Family::kBf16:
      return uint64_t{ceil_div(num_inputs, 2)} * kPanelWidth * 4;
    case Family::kW8:
      return num_groups * sizeof(W8Group);
    case Family::kW4:
      break;
  }
  return num_groups * sizeof(W4Group);
}

}  // namespace dyn
