// GGUF's other types of 32 elements on their way into a panel: taken over quant by quant.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

// `block` is a Q4_1Block, Q5_0Block, Q5_1Block or IQ4_NLBlock of dtype.h.
void put_block(const std::byte* block, uint32_t output, W4MGroup* to);
void put_block(const std::byte* block, uint32_t output, W5Group* to);
void put_block(const std::byte* block, uint32_t output, W5MGroup* to);
void put_block(const std::byte* block, uint32_t output, W4NGroup* to);

// `block` is an MXFP4Block, which becomes group `index`.
void put_block(const std::byte* block, uint32_t output, uint32_t index, W4EBlock* to);

float weight_of(const W4MGroup& group, uint32_t input, uint32_t output);
float weight_of(const W5Group& group, uint32_t input, uint32_t output);
float weight_of(const W5MGroup& group, uint32_t input, uint32_t output);
float weight_of(const W4NGroup& group, uint32_t input, uint32_t output);
float weight_of(const W4EBlock& block, uint32_t input, uint32_t output);

}  // namespace dyn
