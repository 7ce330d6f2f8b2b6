#include "cpu/sample/candidates.h"

#include <algorithm>

namespace dyn {
namespace {

constexpr size_t kSortable = 64;  // So few are sorted, not halved.

double sum_of(std::span<const Candidate> candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

}  // namespace

size_t collect_candidates(std::span<const float> logits, float floor, size_t k,
                          Candidate* candidates) {
  // A buffer of 2k is cut to the best k whenever it is full, which raises the floor; for most of a
  // large vocabulary one comparison is all.
  const bool is_cut = k > 0 && k < logits.size() / 2;
  const size_t capacity = is_cut ? 2 * k : logits.size();
  size_t count = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (!(logits[id] >= floor)) continue;
    candidates[count++] = {.logit = logits[id], .weight = 0, .id = static_cast<int32_t>(id)};
    if (is_cut && count == capacity) {
      std::nth_element(candidates, candidates + (k - 1), candidates + count, is_likelier);
      floor = candidates[k - 1].logit;
      count = k;
    }
  }
  if (k > 0 && count > k) {
    std::nth_element(candidates, candidates + (k - 1), candidates + count, is_likelier);
    count = k;
  }
  return count;
}

size_t keep_mass(std::span<Candidate> candidates, double mass) {
  size_t low = 0;  // Candidates before it are kept, those from `high` on are not.
  size_t high = candidates.size();
  while (high - low > kSortable) {
    const size_t middle = low + (high - low) / 2;
    std::nth_element(candidates.begin() + static_cast<ptrdiff_t>(low),
                     candidates.begin() + static_cast<ptrdiff_t>(middle),
                     candidates.begin() + static_cast<ptrdiff_t>(high), is_likelier);
    const double upper = sum_of(candidates.subspan(low, middle - low));
    if (upper >= mass) {
      high = middle;
    } else {
      mass -= upper;
      low = middle;
    }
  }
  std::sort(candidates.begin() + static_cast<ptrdiff_t>(low),
            candidates.begin() + static_cast<ptrdiff_t>(high), is_likelier);
  while (low < high) {
    mass -= candidates[low++].weight;
    if (mass <= 0) break;
  }
  return low;
}

}  // namespace dyn
