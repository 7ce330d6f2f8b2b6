#include "cpu/sample/sampler.h"

#include <cmath>

#include "base/exp.h"
#include "base/random.h"
#include "cpu/sample/logit_changes.h"
#include "cpu/sample/logits.h"

namespace dyn {
namespace {

// No token this far (in units of the temperature) below the likeliest has a weight above zero.
constexpr float kMaxDrop = 87.0f;

int32_t draw_from(std::span<const Candidate> candidates, double random) {
  double mass = 0;
  for (const Candidate& candidate : candidates) mass += candidate.weight;
  double rest = random * mass;
  int32_t last = candidates.front().id;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight == 0.0f) continue;
    rest -= candidate.weight;
    last = candidate.id;
    if (rest < 0) break;
  }
  return last;
}

// The logit below which min-p, or the limit of F32, leaves nothing.
float floor_of(float max, const SampleParams& params) {
  const float drop = params.row.min_p > 0 ? -std::log(params.row.min_p) : kMaxDrop;
  return max - (drop < kMaxDrop ? drop : kMaxDrop) * params.row.temperature;
}

}  // namespace

void Sampler::place(uint32_t vocab_size, uint64_t max_changes, Arena* arena) {
  arena->place(vocab_size, &candidates_);
  arena->place(max_changes, &saved_);
}

Sample Sampler::sample(std::span<float> logits, const SampleParams& params) {
  float max = max_logit(*kernels_, logits);
  if (!std::isfinite(max)) return {.id = DYN_NO_SAMPLE, .logprob = max};
  const double normaliser = log_sum_exp(*kernels_, logits, max);

  LogitChanges changes(saved_);
  if (changes.apply(params.row, params.lists, logits)) max = max_logit(*kernels_, logits);
  const int32_t id = choose(logits, max, params);
  changes.undo(params.lists, logits);

  const double logit = logits[static_cast<size_t>(id)];
  return {.id = id, .logprob = static_cast<float>(logit - normaliser)};
}

int32_t Sampler::choose(std::span<const float> logits, float max, const SampleParams& params) {
  // Without a finite maximum there is no distribution left: all is banned.
  if (params.row.temperature == 0.0f || !std::isfinite(max)) return first_id_of(logits, max);

  const double random = uniform(params.row.seed, params.position);
  const size_t k = static_cast<size_t>(params.row.top_k);
  const bool is_top_k = k > 0 && k < logits.size();
  if (!is_top_k && params.row.top_p >= 1.0f && params.row.min_p <= 0.0f) {
    const double mass = sum_of_weights(*kernels_, logits, max, params.row.temperature);
    return id_at_mass(*kernels_, logits, max, params.row.temperature, random * mass);
  }

  size_t count = collect_candidates(logits, floor_of(max, params), is_top_k ? k : 0, candidates_);
  double mass = 0;
  for (size_t i = 0; i < count; ++i) {
    candidates_[i].weight = exp_f32((candidates_[i].logit - max) / params.row.temperature);
    mass += candidates_[i].weight;
  }
  if (params.row.top_p < 1.0f) count = keep_mass({candidates_, count}, params.row.top_p * mass);
  return draw_from({candidates_, count}, random);
}

}  // namespace dyn
