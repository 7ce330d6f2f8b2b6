// Launches attention, by the padded head size.

#pragma once

#include "cuda/attention/attention_args.h"
#include "cuda/module/kernels.h"

namespace dyn::cuda {

inline constexpr uint32_t kLargestHeadSize = 128;

// The head size as the kernels have it: with zeros behind it.
uint32_t padded_head_size(uint32_t head_size);

// Computes at most so many items, and merges at most so many split tiles.
Status attend(const Kernels& kernels, const Stream& stream, uint32_t max_items, uint32_t max_splits,
              const AttentionArgs& args);

}  // namespace dyn::cuda
