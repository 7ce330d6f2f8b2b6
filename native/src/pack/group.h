// Group: 32 inputs of one output on their way into a panel, and the ways in which they come there:
// taken over from a block of the same form, quant by quant, or quantised from floats.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

struct Group {
  uint16_t scale;              // F16
  uint8_t quants[kGroupSize];  // With the offset of the format.
};

Group w8_of_q8_0(const std::byte* block);
Group w4_of_q4_0(const std::byte* block);

// Symmetric, the largest magnitude at quant 127.
Group quantize_w8(const float* weights /* [32] */);

// As llama.cpp makes Q4_0: the weight of the largest magnitude at quant -8, which has no twin.
Group quantize_w4(const float* weights /* [32] */);

void put_group(const Group& group, uint32_t output, W8Group* to);
void put_group(const Group& group, uint32_t output, W4Group* to);

float weight_of(const W8Group& group, uint32_t input, uint32_t output);
float weight_of(const W4Group& group, uint32_t input, uint32_t output);

}  // namespace dyn
