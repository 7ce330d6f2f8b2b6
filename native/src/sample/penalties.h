// Penalties and bans: sparse changes to one row of logits, taken back afterwards, so that the row
// is never copied.

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

// The row's logits as they were. Reserved once for the longest lists.
class LogitChanges {
 public:
  // `saved` has room for every token id of any `penalties` that will come.
  explicit LogitChanges(float* saved) : saved_(saved) {}

  // Returns whether any logit may have changed.
  bool apply(const Penalties& penalties, std::span<float> logits);

  // Puts back what apply() changed, bit by bit.
  void undo(const Penalties& penalties, std::span<float> logits) const;

 private:
  float* saved_;  // [p + banned]
};

}  // namespace dyn
