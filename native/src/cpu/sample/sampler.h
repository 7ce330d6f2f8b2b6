// Sampler: from one row of logits to one token id and its log-probability.
//
//     logits -> biases, penalties, bans -> mask -> (greedy: the largest)
//            -> temperature -> min-p -> top-k -> top-p -> draw
//
// vLLM's order (v1/cpu/sample/sampler.py). Log-probabilities are by the logits as they came.

#pragma once

#include <cstdint>
#include <span>

#include "base/arena.h"
#include "base/penalties.h"
#include "cpu/rowwise/rowwise.h"
#include "cpu/sample/candidates.h"

namespace dyn {

struct SampleParams {
  dyn_row row;        // Its `token` does not matter.
  uint64_t position;  // The sampled token's.
  TokenLists lists;
  // The likeliest ids and their log-probabilities, the likeliest first. Out.
  std::span<int32_t> top_ids = {};
  std::span<float> top_logprobs = {};
};

struct Sample {
  int32_t id;  // DYN_NO_SAMPLE where a logit is NaN or the largest infinite: no distribution.
  float logprob;
  int32_t rank;  // Among all ids, from 1 on; 0 where it was not asked for.
};

// Scratch for one thread.
class Sampler {
 public:
  explicit Sampler(const RowwiseKernels& kernels) : kernels_(&kernels) {}

  // Lays the scratch out for rows of `vocab_size` logits and at most `max_changes` biased,
  // penalised and banned ids.
  void place(uint32_t vocab_size, uint64_t max_changes, Arena* arena);

  // Changes `logits` on the way, and puts them back.
  Sample sample(std::span<float> logits, const SampleParams& params);

 private:
  int32_t sample_changed(std::span<float> logits, float max, const SampleParams& params);
  int32_t choose(std::span<const float> logits, float max, const SampleParams& params);
  std::span<const float> masked(std::span<const float> logits, std::span<const uint32_t> mask);
  void name_likeliest(std::span<const float> logits, double normaliser, const SampleParams& params);

  const RowwiseKernels* kernels_;
  Candidate* candidates_ = nullptr;  // [vocab]
  float* saved_ = nullptr;           // [max_changes]
  float* masked_ = nullptr;          // [vocab]
};

}  // namespace dyn
