// StepSize: how much a step computes, in the letters of dynamo_engine.h.

#pragma once

#include <cstdint>

namespace dyn {

struct StepSize {
  uint32_t num_seqs;    // S
  uint32_t num_tokens;  // T
  uint32_t num_rows;    // R
};

}  // namespace dyn
