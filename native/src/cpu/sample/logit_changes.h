// LogitChanges: biases, penalties and bans are sparse changes to one row of logits, taken back afterwards,
// so that the row is never copied.

#pragma once

#include <span>

#include "base/penalties.h"

namespace dyn {

// The row's logits as they were. Reserved once for the longest lists.
class LogitChanges {
 public:
  // `saved` has room for every token id of any lists that will come.
  explicit LogitChanges(float* saved) : saved_(saved) {}

  // Returns whether any logit may have changed.
  bool apply(const dyn_row& row, const TokenLists& lists, std::span<float> logits);

  // Puts back what apply() changed, bit by bit.
  void undo(const TokenLists& lists, std::span<float> logits) const;

 private:
  float* saved_;  // [biased + p + banned]
};

}  // namespace dyn
