// GGUF's K types and IQ4_XS on their way into a panel: 256 inputs of one output, taken over quant by quant and
// scale by scale.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pack/packed_format.h"

namespace dyn {

// `block` is a Q2_KBlock, Q3_KBlock, Q4_KBlock, Q5_KBlock, Q6_KBlock or IQ4_XSBlock of dtype.h.
void put_block(const std::byte* block, uint32_t output, W2KBlock* to);
void put_block(const std::byte* block, uint32_t output, W3KBlock* to);
void put_block(const std::byte* block, uint32_t output, W4KBlock* to);
void put_block(const std::byte* block, uint32_t output, W5KBlock* to);
void put_block(const std::byte* block, uint32_t output, W6KBlock* to);
void put_block(const std::byte* block, uint32_t output, W4XBlock* to);

template <typename Group>
float weight_of(const MinimumBlock<Group>& block, uint32_t input, uint32_t output);
template <typename Group>
float weight_of(const OffsetBlock<Group>& block, uint32_t input, uint32_t output);

}  // namespace dyn
