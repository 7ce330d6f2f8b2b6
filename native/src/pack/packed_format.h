// The formats of packed weights, and how each lies in memory. N outputs, K inputs.
//
// Outputs lie in panels of 32: what one call of a kernel multiplies. The last panel is filled up
// with zeros. Within a panel inputs follow each other in the order in which they are summed, and
// neighbouring outputs lie side by side, so that one load of any width gives weights of the same
// inputs. The layout is the same for every instruction set.
//
//   F32, F16        [K][32]
//   BF16            [K / 2][32][2]   pairs of inputs, as the dot product instructions take them
//   W8, W4, W5      [K / 32]         32 inputs share a scale; K is filled up with zeros
//   W4M, W5M        [K / 32]         and a minimum
//   W4N             [K / 32]         IQ4_NL: 4 bits stand for one of 16 weights
//   W4E             [K / 64]         MXFP4: likewise, and 32 inputs share a power of two
//   W2K to W6K      [K / 256]        GGUF's K types, with all of their scales: nothing is rounded
//   W4X             [K / 256]        IQ4_XS
//   W4Z32 to 128    [K / 32], 64     GPTQ and AWQ, by the size of what shares scale and zero point:
//                   or 128           the largest that divides it
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
  kW5,
  kW4M,
  kW5M,
  kW4N,
  kW4E,
  kW2K,
  kW3K,
  kW4X,
};
inline constexpr uint32_t kNumPackedFormats = 19;

inline constexpr uint32_t kPanelWidth = 32;
inline constexpr uint32_t kGroupSize = 32;

// Layout of quants of less than 8 bits: input 4 i + j of output n has its L low bits, two of 2 or 3
// and four of more, in quants[i % L][n][j] from bit L * (i / L) on. The kBits bits above them are in
// high[b / 8][n][j] from bit b % 8 on, b = kBits * i.
constexpr uint32_t low_bits(uint32_t quant_bits) {
  return quant_bits < 4 ? 2 : 4;
}

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

// weight(input, output) = scale[output] * (quant - 16)
struct W5Group {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 5;
  static constexpr uint32_t kOffset = 16;
  const W5Group& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];  // F16
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[1][kPanelWidth][4];
};
static_assert(sizeof(W5Group) == 704, "a multiple of a cache line");

// weight(input, output) = scale[output] * quant - minimum[output]
struct W4MGroup {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 4;
  static constexpr uint32_t kOffset = 0;
  const W4MGroup& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];    // F16
  uint16_t minimums[kPanelWidth];  // F16
  uint8_t quants[4][kPanelWidth][4];
};
static_assert(sizeof(W4MGroup) == 640, "a multiple of a cache line");

struct W5MGroup {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 5;
  static constexpr uint32_t kOffset = 0;
  const W5MGroup& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];    // F16
  uint16_t minimums[kPanelWidth];  // F16
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[1][kPanelWidth][4];
};
static_assert(sizeof(W5MGroup) == 768, "a multiple of a cache line");

// kTable has the values of 4-bit quants, plus 128.
template <typename Group>
concept HasTable = requires { Group::kTable; };

// Bits of a quant as it is multiplied.
template <typename Group>
inline constexpr uint32_t kReadBits = HasTable<Group> ? 8 : Group::kQuantBits;

// -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
struct NonLinear {
  static constexpr uint32_t kQuantBits = 4;
  alignas(16) static constexpr uint8_t kTable[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                     129, 141, 153, 166, 181, 197, 217, 241};
};

// Twice the numbers of 4 bits with an exponent of 2 (E2M1): 0, 1, 2, 3, 4, 6, 8, 12 and minus those.
struct TinyFloats {
  static constexpr uint32_t kQuantBits = 4;
  alignas(16) static constexpr uint8_t kTable[16] = {128, 129, 130, 131, 132, 134, 136, 140,
                                                     128, 127, 126, 125, 124, 122, 120, 116};
};

// weight(input, output) = scale[output] * (table[quant] - 128)
struct W4NGroup : NonLinear {
  static constexpr uint32_t kNumGroups = 1;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kOffset = 128;
  const W4NGroup& group(size_t) const { return *this; }

  uint16_t scales[kPanelWidth];  // F16
  uint8_t quants[4][kPanelWidth][4];
};
static_assert(sizeof(W4NGroup) == 576, "a multiple of a cache line");

struct W4EGroup : TinyFloats {
  uint8_t quants[4][kPanelWidth][4];
};

// weight(input, output) = 2 ^ (exponent[output] - 127) * (table[quant] - 128), an exponent of 0
// standing for a scale of 0.
struct W4EBlock : TinyFloats {
  static constexpr uint32_t kNumGroups = 2;
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kOffset = 128;
  const W4EGroup& group(size_t index) const { return groups[index]; }

  uint8_t exponents[kNumGroups][kPanelWidth];
  W4EGroup groups[kNumGroups];
};
static_assert(sizeof(W4EBlock) == 1088, "a multiple of a cache line");

// Groups of blocks of 256 have a scale for each part: for 32 inputs, or for 16.

struct W2KGroup {
  static constexpr uint32_t kNumParts = 2;
  static constexpr uint32_t kQuantBits = 2;
  uint8_t scales[kNumParts][kPanelWidth];
  uint8_t minimums[kNumParts][kPanelWidth];
  uint8_t quants[2][kPanelWidth][4];
};

struct W3KGroup {
  static constexpr uint32_t kNumParts = 2;
  static constexpr uint32_t kQuantBits = 3;
  static constexpr uint32_t kOffset = 4;
  int8_t scales[kNumParts][kPanelWidth];
  uint8_t quants[2][kPanelWidth][4];
  uint8_t high[1][kPanelWidth][4];
};

struct W4KGroup {
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 4;
  uint8_t scales[kNumParts][kPanelWidth];
  uint8_t minimums[kNumParts][kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
};

struct W5KGroup {
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kQuantBits = 5;
  uint8_t scales[kNumParts][kPanelWidth];
  uint8_t minimums[kNumParts][kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[1][kPanelWidth][4];
};

struct W4XGroup : NonLinear {
  static constexpr uint32_t kNumParts = 1;
  static constexpr uint32_t kOffset = 128;
  int8_t scales[kNumParts][kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
};

struct W6KGroup {
  static constexpr uint32_t kNumParts = 2;
  static constexpr uint32_t kQuantBits = 6;
  static constexpr uint32_t kOffset = 32;
  int8_t scales[kNumParts][kPanelWidth];
  uint8_t quants[4][kPanelWidth][4];
  uint8_t high[2][kPanelWidth][4];
};

// weight(input, output) = scale_unit[output] * scale[output] * quant
//                         - minimum_unit[output] * minimum[output]
template <typename Group>
struct MinimumBlock {
  static constexpr uint32_t kNumGroups = 8;
  static constexpr uint32_t kNumParts = Group::kNumParts;
  static constexpr uint32_t kQuantBits = Group::kQuantBits;
  static constexpr uint32_t kOffset = 0;
  const Group& group(size_t index) const { return groups[index]; }

  uint16_t scale_units[kPanelWidth];    // F16
  uint16_t minimum_units[kPanelWidth];  // F16
  Group groups[kNumGroups];
};
using W2KBlock = MinimumBlock<W2KGroup>;
using W4KBlock = MinimumBlock<W4KGroup>;
using W5KBlock = MinimumBlock<W5KGroup>;
static_assert(sizeof(W2KBlock) == 3200 && sizeof(W4KBlock) == 4736 && sizeof(W5KBlock) == 5760,
              "multiples of a cache line");

// weight(input, output) = scale_unit[output] * scale[part][output] * (quant - offset)
template <typename Group>
struct OffsetBlock {
  static constexpr uint32_t kNumGroups = 8;
  static constexpr uint32_t kNumParts = Group::kNumParts;
  static constexpr uint32_t kQuantBits = kReadBits<Group>;
  static constexpr uint32_t kOffset = Group::kOffset;
  const Group& group(size_t index) const { return groups[index]; }

  uint16_t scale_units[kPanelWidth];  // F16
  Group groups[kNumGroups];
};
using W3KBlock = OffsetBlock<W3KGroup>;
using W4XBlock = OffsetBlock<W4XGroup>;
using W6KBlock = OffsetBlock<W6KGroup>;
static_assert(sizeof(W3KBlock) == 3648 && sizeof(W4XBlock) == 4416 && sizeof(W6KBlock) == 6720,
              "multiples of a cache line");

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
    case PackedFormat::kW5:
      return body(std::type_identity<W5Group>());
    case PackedFormat::kW4M:
      return body(std::type_identity<W4MGroup>());
    case PackedFormat::kW5M:
      return body(std::type_identity<W5MGroup>());
    case PackedFormat::kW4N:
      return body(std::type_identity<W4NGroup>());
    case PackedFormat::kW4E:
      return body(std::type_identity<W4EBlock>());
    case PackedFormat::kW2K:
      return body(std::type_identity<W2KBlock>());
    case PackedFormat::kW3K:
      return body(std::type_identity<W3KBlock>());
    case PackedFormat::kW4X:
      return body(std::type_identity<W4XBlock>());
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
