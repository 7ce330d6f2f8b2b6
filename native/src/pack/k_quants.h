// GGUF's K types on their way into a panel: 256 inputs of one output, taken over quant by quant and
// scale by scale.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

// `block` is a Q4_KBlock, Q5_KBlock or Q6_KBlock of dtype.h.
void put_block(const std::byte* block, uint32_t output, W4KBlock* to);
void put_block(const std::byte* block, uint32_t output, W5KBlock* to);
void put_block(const std::byte* block, uint32_t output, W6KBlock* to);

float weight_of(const W4KBlock& block, uint32_t input, uint32_t output);
float weight_of(const W5KBlock& block, uint32_t input, uint32_t output);
float weight_of(const W6KBlock& block, uint32_t input, uint32_t output);

}  // namespace dyn
