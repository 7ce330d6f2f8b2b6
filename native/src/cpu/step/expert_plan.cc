#include "cpu/step/expert_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/exp.h"
#include "cpu/gemm/gemm.h"

namespace dyn {
namespace {

// Sets ids [k] to the largest logits, in descending order.
void find_largest(const float* logits, uint32_t num_logits, uint32_t k, uint32_t* ids) {
  uint32_t count = 0;
  for (uint32_t id = 0; id < num_logits; ++id) {
    if (count == k && !(logits[id] > logits[ids[k - 1]])) continue;
    uint32_t at = count < k ? count++ : k - 1;
    for (; at > 0 && logits[id] > logits[ids[at - 1]]; --at) ids[at] = ids[at - 1];
    ids[at] = id;
  }
}

}  // namespace

void ExpertPlan::place(uint64_t max_tokens, Arena* arena) {
  const uint64_t max_pairs = max_tokens * shape_.num_per_token;
  arena->place(max_pairs, &chosen_);
  arena->place(max_pairs, &chosen_weights_);
  arena->place(shape_.num_experts, &ends_);
  arena->place(max_pairs, &tokens_);
  arena->place(max_pairs, &weights_);
  arena->place(shape_.num_experts + max_pairs / kMaxGemmRows, &blocks_);
}

void ExpertPlan::choose(uint32_t token, const float* logits) {
  const uint32_t k = shape_.num_per_token;
  uint32_t* ids = chosen_ + size_t{token} * k;
  float* weights = chosen_weights_ + size_t{token} * k;
  find_largest(logits, shape_.num_experts, k, ids);
  const float max = logits[ids[0]];
  float sum = 0;
  if (shape_.norm_top_k) {
    for (uint32_t i = 0; i < k; ++i) sum += exp_f32(logits[ids[i]] - max);
  } else {
    for (uint32_t id = 0; id < shape_.num_experts; ++id) sum += exp_f32(logits[id] - max);
  }
  // A NaN is no number to choose by: it makes all of the token's weights NaN, and so its logits.
  const bool has_nan = std::any_of(logits, logits + shape_.num_experts,
                                   [](float logit) { return std::isnan(logit); });
  if (has_nan) sum = std::numeric_limits<float>::quiet_NaN();
  for (uint32_t i = 0; i < k; ++i) weights[i] = exp_f32(logits[ids[i]] - max) / sum;
}

void ExpertPlan::make(uint32_t num_tokens) {
  const size_t num_pairs = size_t{num_tokens} * shape_.num_per_token;
  std::fill_n(ends_, shape_.num_experts, 0);
  for (size_t i = 0; i < num_pairs; ++i) ++ends_[chosen_[i]];
  num_blocks_ = 0;
  uint32_t first_pair = 0;
  for (uint32_t expert = 0; expert < shape_.num_experts; ++expert) {
    const uint32_t count = ends_[expert];
    cut(expert, first_pair, count);
    ends_[expert] = first_pair;  // Moves to the end of the expert's pairs as they are filled in.
    first_pair += count;
  }
  for (size_t i = 0; i < num_pairs; ++i) {
    const uint32_t pair = ends_[chosen_[i]]++;
    tokens_[pair] = static_cast<uint32_t>(i / shape_.num_per_token);
    weights_[pair] = chosen_weights_[i];
  }
}

// Into the fewest blocks, as equal as can be.
void ExpertPlan::cut(uint32_t expert, uint32_t first_pair, uint32_t num_pairs) {
  const uint32_t end = first_pair + num_pairs;
  for (uint32_t left = ceil_div(num_pairs, kMaxGemmRows); left > 0; --left) {
    const uint32_t num_rows = ceil_div(end - first_pair, left);
    blocks_[num_blocks_++] = {.expert = expert, .first_pair = first_pair, .num_rows = num_rows};
    first_pair += num_rows;
  }
}

}  // namespace dyn
