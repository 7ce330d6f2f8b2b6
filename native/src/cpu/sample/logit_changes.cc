#include "cpu/sample/logit_changes.h"

#include <cstddef>
#include <limits>

namespace dyn {

bool LogitChanges::apply(const dyn_row& row, const TokenLists& lists, std::span<float> logits) {
  float* saved = saved_;
  for (size_t i = 0; i < lists.penalised_ids.size(); ++i) {
    float& logit = logits[static_cast<size_t>(lists.penalised_ids[i])];
    *saved++ = logit;
    logit = penalised(logit, row, lists.counts[i]);
  }
  for (const int32_t id : lists.banned_ids) {
    float& logit = logits[static_cast<size_t>(id)];
    *saved++ = logit;
    logit = -std::numeric_limits<float>::infinity();
  }
  return saved != saved_;
}

// Backwards, so that an id in both lists ends at its first value.
void LogitChanges::undo(const TokenLists& lists, std::span<float> logits) const {
  const size_t num_penalised = lists.penalised_ids.size();
  for (size_t i = lists.banned_ids.size(); i-- > 0;) {
    logits[static_cast<size_t>(lists.banned_ids[i])] = saved_[num_penalised + i];
  }
  for (size_t i = num_penalised; i-- > 0;) {
    logits[static_cast<size_t>(lists.penalised_ids[i])] = saved_[i];
  }
}

}  // namespace dyn
