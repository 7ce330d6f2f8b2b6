#include "cpu/sample/logit_changes.h"

#include <cstddef>
#include <limits>

namespace dyn {

bool LogitChanges::apply(const dyn_row& row, const TokenLists& lists, std::span<float> logits) {
  float* saved = saved_;
  for (size_t i = 0; i < lists.biased_ids.size(); ++i) {
    float& logit = logits[static_cast<size_t>(lists.biased_ids[i])];
    *saved++ = logit;
    logit += lists.biases[i];
  }
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

// Backwards, so that an id in several lists ends at its first value.
void LogitChanges::undo(const TokenLists& lists, std::span<float> logits) const {
  const float* end =
      saved_ + lists.biased_ids.size() + lists.penalised_ids.size() + lists.banned_ids.size();
  for (const auto& ids : {lists.banned_ids, lists.penalised_ids, lists.biased_ids}) {
    for (size_t i = ids.size(); i-- > 0;) logits[static_cast<size_t>(ids[i])] = *--end;
  }
}

}  // namespace dyn
