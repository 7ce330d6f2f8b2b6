// Penalties: what repeated tokens cost, and in which order it is taken from a logit. The order is the
// same on every device.

#pragma once

#include <cstdint>
#include <span>

namespace dyn {

// vLLM's meaning and order (v1/sample/ops/penalties.py): repetition divides positive and multiplies
// negative logits of every token in prompt or output; frequency is subtracted for each time the
// output has the token; presence once if it has it.
struct Penalties {
  float presence;
  float frequency;
  float repetition;
  std::span<const int32_t> token_ids;  // [p]
  std::span<const int32_t> counts;     // [p] Times in the output.
  std::span<const int32_t> banned_ids;
};

// A penalised token's logit; `count` as in Penalties.
inline float penalised(float logit, const Penalties& penalties, int32_t count) {
  float result = logit > 0 ? logit / penalties.repetition : logit * penalties.repetition;
  result -= penalties.frequency * static_cast<float>(count);
  return count > 0 ? result - penalties.presence : result;
}

}  // namespace dyn
