// The batch's arrays, and the one linear pass that keeps a wrong batch out of the engine.

#pragma once

#include <cstdint>

#include "base/arena.h"
#include "base/status.h"
#include "base/step_size.h"

namespace dyn {

struct BatchLimits {
  StepSize max_size;
  uint32_t max_model_len;
  uint32_t max_blocks;  // M, per sequence
  uint32_t num_blocks;  // In the pool.
  uint32_t block_size;
  uint32_t vocab_size;
};

// Lays the arrays out for `limits`.
void place_batch(const BatchLimits& limits, Arena* arena, dyn_batch* batch);

// Checks everything that a step will use as an index or a length.
// per step, 256 sequences: < 20 us
Status check_batch(const dyn_batch& batch, const StepSize& size, const BatchLimits& limits);

}  // namespace dyn
