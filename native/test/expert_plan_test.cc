// Which experts a token goes to, and the order in which their rows lie.

#include "cpu/step/expert_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "check.h"
#include "cpu/gemm/gemm.h"
#include "test_model.h"

namespace {

using namespace dyn;
using test::random_floats;

class Plan {
 public:
  Plan(const ExpertPlan::Shape& shape, uint32_t max_tokens) : plan_(shape) {
    plan_.place(max_tokens, &arena_);
    CHECK(arena_.map("plan").ok());
    plan_.place(max_tokens, &arena_);
  }

  // Chooses for each row of `logits`, the last one first: their order must not matter.
  const ExpertPlan& make(const std::vector<std::vector<float>>& logits) {
    for (size_t token = logits.size(); token-- > 0;) {
      plan_.choose(static_cast<uint32_t>(token), logits[token].data());
    }
    plan_.make(static_cast<uint32_t>(logits.size()));
    return plan_;
  }

 private:
  Arena arena_;
  ExpertPlan plan_;
};

// Weight of each expert in a token; 0 where it was not chosen.
std::vector<double> weights_in(const ExpertPlan& plan, uint32_t token, uint32_t num_experts) {
  std::vector<double> weights(num_experts);
  for (const ExpertPlan::Block& block : plan.blocks()) {
    for (uint32_t row = 0; row < block.num_rows; ++row) {
      if (plan.tokens(block)[row] == token) weights[block.expert] = plan.weights(block)[row];
    }
  }
  return weights;
}

// Softmax over all, of which the k likeliest stay; in double precision.
std::vector<double> expected_weights(const std::vector<float>& logits, uint32_t k, bool is_normed) {
  const double max = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weights;
  for (const double logit : logits) weights.push_back(std::exp(logit - max));
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  double chosen = 0;
  for (size_t i = 0; i < k; ++i) chosen += weights[order[i]];
  for (size_t i = k; i < order.size(); ++i) weights[order[i]] = 0;
  for (double& weight : weights) weight /= is_normed ? chosen : all;
  return weights;
}

void weights_agree() {
  std::mt19937 generator(3);
  for (const uint32_t num_experts : {1u, 2u, 7u, 128u}) {
    for (const uint32_t k : {1u, 2u, 8u, 64u}) {
      if (k > num_experts) continue;
      for (const bool is_normed : {false, true}) {
        Plan plan({.num_experts = num_experts, .num_per_token = k, .norm_top_k = is_normed}, 5);
        std::vector<std::vector<float>> logits;
        for (int i = 0; i < 5; ++i) logits.push_back(random_floats(num_experts, 4, &generator));
        const ExpertPlan& made = plan.make(logits);
        for (uint32_t token = 0; token < 5; ++token) {
          const auto expected = expected_weights(logits[token], k, is_normed);
          const auto weights = weights_in(made, token, num_experts);
          for (size_t i = 0; i < num_experts; ++i) {
            CHECK(std::abs(weights[i] - expected[i]) <= 1e-6 * expected[i]);
          }
        }
      }
    }
  }
}

void equal_logits_go_to_the_first() {
  Plan plan({.num_experts = 6, .num_per_token = 3, .norm_top_k = true}, 1);
  const auto weights = weights_in(plan.make({{1, 2, 1, 2, 1, 1}}), 0, 6);
  for (const size_t chosen : {0u, 1u, 3u}) CHECK(weights[chosen] > 0);
  for (const size_t other : {2u, 4u, 5u}) CHECK(weights[other] == 0);
}

void nan_is_told() {
  for (const bool is_normed : {false, true}) {
    Plan plan({.num_experts = 4, .num_per_token = 2, .norm_top_k = is_normed}, 2);
    for (size_t at = 0; at < 4; ++at) {
      std::vector<std::vector<float>> logits = {{4, 3, 2, 1}, {4, 3, 2, 1}};
      logits[0][at] = NAN;
      const ExpertPlan& made = plan.make(logits);
      uint32_t num_nan = 0;
      for (const double weight : weights_in(made, 0, 4)) num_nan += std::isnan(weight) ? 1 : 0;
      CHECK(num_nan == 2);
      for (const double weight : weights_in(made, 1, 4)) CHECK(!std::isnan(weight));
    }
  }
}

void rows_lie_by_expert_and_token() {
  std::mt19937 generator(4);
  for (const uint32_t num_tokens : {1u, 2u, 100u, 1000u}) {
    Plan plan({.num_experts = 5, .num_per_token = 2, .norm_top_k = true}, num_tokens);
    std::vector<std::vector<float>> logits;
    for (uint32_t i = 0; i < num_tokens; ++i) logits.push_back(random_floats(5, 1, &generator));
    const ExpertPlan& made = plan.make(logits);
    uint32_t next_pair = 0;
    uint32_t expert = 0;
    uint32_t last_token = 0;
    for (const ExpertPlan::Block& block : made.blocks()) {
      CHECK(block.first_pair == next_pair);
      CHECK(block.num_rows >= 1 && block.num_rows <= kMaxGemmRows);
      CHECK(block.expert >= expert);
      for (uint32_t row = 0; row < block.num_rows; ++row) {
        const uint32_t token = made.tokens(block)[row];
        CHECK(token < num_tokens);
        if (block.expert == expert && next_pair + row > 0) CHECK(row == 0 || token > last_token);
        last_token = token;
      }
      expert = block.expert;
      next_pair += block.num_rows;
    }
    CHECK(next_pair == 2 * num_tokens);
  }
}

}  // namespace

int main() {
  check_claim("weights are those of the softmax, of the largest logits", weights_agree);
  check_claim("of equal logits the lower expert's counts as larger", equal_logits_go_to_the_first);
  check_claim("a NaN among a token's logits makes its weights NaN, and no other's", nan_is_told);
  check_claim("rows lie by expert, and those of an expert by token", rows_lie_by_expert_and_token);
  return check_finish();
}
