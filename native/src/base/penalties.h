// Penalties: what repeated tokens cost, and in which order it is taken from a logit. The order is
// the same on every device.

#pragma once

#include <cstdint>
#include <span>

#include "base/on_device.h"
#include "dynamo_engine.h"

namespace dyn {

// The tokens that a row of logits treats apart from others.
struct TokenLists {
  std::span<const int32_t> penalised_ids = {};  // [p]
  std::span<const int32_t> counts = {};         // [p] Times in the output.
  std::span<const int32_t> banned_ids = {};
  std::span<const int32_t> biased_ids = {};  // [b]
  std::span<const float> biases = {};        // [b]
  std::span<const uint32_t> mask = {};       // A bit a token; empty: all are allowed.
};

// A penalised token's logit. vLLM's meaning and order (v1/sample/ops/penalties.py): repetition
// divides positive and multiplies negative logits of every token in prompt or output; frequency is
// subtracted for each time the output has the token; presence once if it has it.
DYN_ON_DEVICE inline float penalised(float logit, const dyn_row& row, int32_t count) {
  float result = logit > 0 ? logit / row.repetition_penalty : logit * row.repetition_penalty;
  result -= row.frequency_penalty * static_cast<float>(count);
  return count > 0 ? result - row.presence_penalty : result;
}

}  // namespace dyn
