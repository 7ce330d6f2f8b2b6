// StepLimits: what the steps of one engine may be at most.

#pragma once

#include <algorithm>
#include <cstdint>

#include "base/step_size.h"

namespace dyn {

struct StepLimits {
  StepSize max_size;
  uint32_t max_model_len;
  uint32_t max_blocks;  // M, per sequence
  uint32_t num_blocks;  // In the pool.
  uint32_t block_size;
  uint32_t vocab_size;
  uint32_t hidden_size;

  // Most tokens that one row may penalise: distinct ones of its sequence.
  uint32_t max_penalties() const { return std::min(max_model_len, vocab_size); }

  // Words of one mask (W).
  uint32_t mask_words() const { return vocab_size / 32 + (vocab_size % 32 == 0 ? 0 : 1); }
};

}  // namespace dyn
