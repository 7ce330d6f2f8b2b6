// The formats of packed weights, and how each lies in memory. N outputs, K inputs.
//
// Outputs lie in panels of 32: what one call of a kernel multiplies. The last panel is filled up
// with zeros. Within a panel inputs follow each other in the order in which they are summed, and
// neighbouring outputs lie side by side, so that one load of any width gives weights of the same
// inputs. The layout is the same for every instruction set.
//
//   F32, F16        [K][32]
//   BF16            [K / 2][32][2]   pairs of inputs, as the dot product instructions take them
//   W8, W4          [K / 32]         32 inputs share a scale; K is filled up with zeros
//   W4K, W5K, W6K   [K / 256]        GGUF's K types, with all of their scales: nothing is rounded
//   W4Z32 to 128    [K / 32], 64     GPTQ and AWQ, by the size of what shares scale and zero point
//                   or 128
//
// The others are blocks of groups of 32 inputs: a quant for each weight, unsigned. An offset
// is the same for all weights of a format, or a minimum goes with each scale. A group's parts have
// a scale of their own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/checked.h"

namespace dyn {

enum class PackedFormat : uint32_t {
  kF32,
  kF16,
  kBf16,
  kW8,
  kW4,
  kW4K,
  kW5K,
  kW6K,
  kW4Z32,
  kW4Z64,
  kW4Z128,
};
inline constexpr uint32_t kNumPackedFormats = 11;

inline constexpr uint32_t kPanelWidth = 32;
inline constexpr uint32_t kGroupSize = 32;

// Where quants of less than 8 bits lie: input 4 i + j of output n is the low half of
// quants[i][n][j], input 16 + 4 i + j the high one. What is above its four bits, kBits of them, is
// in high[b / 8][n][j] from bit b % 8 on, b = kBits * (input / 4).

// weight(input, output) = scale[output] * (quant - 128)
struct W8Group {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 8;
  static constexpr uint32_t kOffset = 128;
  const W8Group& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];       // F16
  uint8_t quants[8][kPanelWidth][4];  // Input 4 i + j of output n is at [i][n][j].
};
static_assert(sizeof(W8Group) == 1088, "a multiple of a cache line");

// weight(input, output) = scale[output] * (quant - 8)
struct W4Group {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 4;
  static constexpr uint32_t kOffset = 8;
  const W4Group& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];  // F16
  uint8_t quants[4][kPanelWidth][4];
};
static_assert(sizeof(W4Group) == 576, "a multiple of a cache line");

struct W4KGroup {
  static constexpr uint32_t kQuantBits = 4;
  uint8_t scales[kPanelWidth];
  uint8_t minimums[kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
};

struct W5KGroup {
  static constexpr uint32_t kQuantBits = 5;
  uint8_t scales[kPanelWidth];
  uint8_t minimums[kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[1][kPanelWidth][4];
};

struct W6KGroup {
  static constexpr uint32_t kQuantBits = 6;
  int8_t scales[2][kPanelWidth];  // For 16 inputs each.
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[2][kPanelWidth][4];
};

// weight(input, output) = scale_unit[output] * scale[output] * quant
//                         - minimum_unit[output] * minimum[output]
template <typename Group>
struct MinimumBlock {
  static constexpr uint32_t kNumGroups = 8;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = Group::kQuantBits;
  static constexpr uint32_t kOffset = 0;
  const Group& group(size_t index) const { return groups[index]; }

  uint16_t scale_units[kPanelWidth];    // F16
  uint16_t minimum_units[kPanelWidth];  // F16
  Group groups[kNumGroups];
};
using W4KBlock = MinimumBlock<W4KGroup>;
using W5KBlock = MinimumBlock<W5KGroup>;
static_assert(sizeof(W4KBlock) == 4736 && sizeof(W5KBlock) == 5760, "multiples of a cache line");

// weight(input, output) = scale_unit[output] * scale[input / 16][output] * (quant - 32)
struct W6KBlock {
  static constexpr uint32_t kNumGroups = 8;
  static constexpr uint32_t kNumParts = 2;
  static constexpr uint32_t kQuantBits = 6;
  static constexpr uint32_t kOffset = 32;
  const W6KGroup& group(size_t index) const { return groups[index]; }

  uint16_t scale_units[kPanelWidth];  // F16
  W6KGroup groups[kNumGroups];
};
static_assert(sizeof(W6KBlock) == 6720, "a multiple of a cache line");

struct W4ZGroup {
  static constexpr uint32_t kQuantBits = 4;
  uint8_t quants[4][kPanelWidth][4];
};

// weight(input, output) = scale[output] * (quant - zero[output])
template <uint32_t kSize>
struct ZeroPointBlock {
  static constexpr uint32_t kNumGroups = kSize;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 4;
  static constexpr uint32_t kOffset = 0;
  const W4ZGroup& group(size_t index) const { return groups[index]; }

  uint16_t scales[kPanelWidth];  // F16
  uint16_t zeros[kPanelWidth];   // F16, which has 0 to 16 exactly.
  W4ZGroup groups[kNumGroups];
};
static_assert(sizeof(ZeroPointBlock<4>) == 2176, "a multiple of a cache line");

template <typename Block>
inline constexpr uint32_t kBlockInputs = Block::kNumGroups * kGroupSize;

constexpr bool is_quants(PackedFormat format) {
  return format >= PackedFormat::kW8;
}

// Calls body with a std::type_identity of the format's block. `format` must have quants.
template <typename Body>
constexpr decltype(auto) with_block(PackedFormat format, const Body& body) {
  switch (format) {
    case PackedFormat::kW8:
      return body(std::type_identity<W8Group>());
    case PackedFormat::kW4:
      return body(std::type_identity<W4Group>());
    case PackedFormat::kW4K:
      return body(std::type_identity<W4KBlock>());
    case PackedFormat::kW5K:
      return body(std::type_identity<W5KBlock>());
    case PackedFormat::kW6K:
      return body(std::type_identity<W6KBlock>());
    case PackedFormat::kW4Z32:
      return body(std::type_identity<ZeroPointBlock<1>>());
    case PackedFormat::kW4Z64:
      return body(std::type_identity<ZeroPointBlock<2>>());
    default:
      return body(std::type_identity<ZeroPointBlock<4>>());
  }
}

constexpr uint64_t panel_bytes(PackedFormat format, uint32_t num_inputs) {
  switch (format) {
    case PackedFormat::kF32:
      return uint64_t{num_inputs} * kPanelWidth * 4;
    case PackedFormat::kF16:
      return uint64_t{num_inputs} * kPanelWidth * 2;
    case PackedFormat::kBf16:
      return uint64_t{ceil_div(num_inputs, 2)} * kPanelWidth * 4;
    default:
      break;
  }
  return with_block(format, [&]<typename Block>(std::type_identity<Block>) -> uint64_t {
    return uint64_t{ceil_div(num_inputs, kBlockInputs<Block>)} * sizeof(Block);
  });
}

}  // namespace dyn
