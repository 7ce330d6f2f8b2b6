#include "pack/small_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "pack/dtype.h"
#include "pack/quants.h"

namespace dyn {
namespace {

constexpr uint16_t kSignBit = 0x8000;

// Element i is the low half of byte i, 16 + i the high one.
void read_halves(const uint8_t* from /* [16] */, uint8_t* quants /* [32] */) {
  for (size_t i = 0; i < kGroupSize / 2; ++i) {
    quants[i] = from[i] & 15;
    quants[i + kGroupSize / 2] = from[i] >> 4;
  }
}

// Adds the fifth bit of each.
void add_high(const uint8_t* high /* [4] */, uint8_t* quants /* [32] */) {
  for (size_t i = 0; i < kGroupSize; ++i) {
    quants[i] = static_cast<uint8_t>(quants[i] | (high[i / 8] >> i % 8 & 1u) << 4);
  }
}

template <typename Group>
float weight_with_minimum(const Group& group, uint32_t input, uint32_t output) {
  return f32_of_f16(group.scales[output]) * static_cast<float>(quant_of(group, input, output)) -
         f32_of_f16(group.minimums[output]);
}

template <typename Group>
float weight_with_offset(const Group& group, uint32_t input, uint32_t output) {
  const auto quant = static_cast<int32_t>(quant_of(group, input, output));
  return f32_of_f16(group.scales[output]) *
         static_cast<float>(quant - static_cast<int32_t>(Group::kOffset));
}

}  // namespace

// A minimum changes its sign: files add it, and a W4M or W5M group subtracts it.
void put_block(const std::byte* block, uint32_t output, W4MGroup* to) {
  Q4_1Block from;
  std::memcpy(&from, block, sizeof(from));
  to->scales[output] = from.scale;
  to->minimums[output] = from.minimum ^ kSignBit;
  uint8_t quants[kGroupSize];
  read_halves(from.quants, quants);
  put_quants(quants, output, to);
}

void put_block(const std::byte* block, uint32_t output, W5Group* to) {
  Q5_0Block from;
  std::memcpy(&from, block, sizeof(from));
  to->scales[output] = from.scale;
  uint8_t quants[kGroupSize];
  read_halves(from.quants, quants);
  add_high(from.high, quants);
  put_quants(quants, output, to);
}

void put_block(const std::byte* block, uint32_t output, W5MGroup* to) {
  Q5_1Block from;
  std::memcpy(&from, block, sizeof(from));
  to->scales[output] = from.scale;
  to->minimums[output] = from.minimum ^ kSignBit;
  uint8_t quants[kGroupSize];
  read_halves(from.quants, quants);
  add_high(from.high, quants);
  put_quants(quants, output, to);
}

void put_block(const std::byte* block, uint32_t output, W4NGroup* to) {
  IQ4_NLBlock from;
  std::memcpy(&from, block, sizeof(from));
  to->scales[output] = from.scale;
  uint8_t quants[kGroupSize];
  read_halves(from.quants, quants);
  put_quants(quants, output, to);
}

// The table has twice the weights, so the exponent is one less. That of 2^-128 and 2^-127, which
// have no F32 but a subnormal one, becomes 0.
void put_block(const std::byte* block, uint32_t output, uint32_t index, W4EBlock* to) {
  MXFP4Block from;
  std::memcpy(&from, block, sizeof(from));
  to->exponents[index][output] = static_cast<uint8_t>(std::max<int32_t>(from.exponent, 1) - 1);
  uint8_t quants[kGroupSize];
  read_halves(from.quants, quants);
  put_quants(quants, output, &to->groups[index]);
}

float weight_of(const W4MGroup& group, uint32_t input, uint32_t output) {
  return weight_with_minimum(group, input, output);
}

float weight_of(const W5Group& group, uint32_t input, uint32_t output) {
  return weight_with_offset(group, input, output);
}

float weight_of(const W5MGroup& group, uint32_t input, uint32_t output) {
  return weight_with_minimum(group, input, output);
}

float weight_of(const W4NGroup& group, uint32_t input, uint32_t output) {
  return weight_with_offset(group, input, output);
}

float weight_of(const W4EBlock& block, uint32_t input, uint32_t output) {
  const uint32_t index = input / kGroupSize;
  const auto quant =
      static_cast<int32_t>(quant_of(block.groups[index], input % kGroupSize, output));
  const uint32_t exponent = block.exponents[index][output];
  return std::bit_cast<float>(exponent << 23) *
         static_cast<float>(quant - static_cast<int32_t>(W4EBlock::kOffset));
}

}  // namespace dyn
