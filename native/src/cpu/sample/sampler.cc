#include "cpu/sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

// 1 for the likeliest; equal logits rank by id.
int32_t rank_of(std::span<const float> logits, int32_t id) {
  const auto at = static_cast<size_t>(id);
  int32_t rank = 1;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > logits[at] || (logits[i] == logits[at] && i < at)) ++rank;
  }
  return rank;
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
  arena->place(vocab_size, &masked_);
}

Sample Sampler::sample(std::span<float> logits, const SampleParams& params) {
  std::ranges::fill(params.top_ids, DYN_NO_SAMPLE);
  const float max = max_logit(*kernels_, logits);
  if (!std::isfinite(max)) return {.id = DYN_NO_SAMPLE, .logprob = max, .rank = 0};
  const double normaliser = log_sum_exp(*kernels_, logits, max);
  name_likeliest(logits, normaliser, params);
  const bool is_scored = params.row.kind == DYN_ROW_SCORE;
  const int32_t id = is_scored ? params.row.target : sample_changed(logits, max, params);
  if (id == DYN_NO_SAMPLE) return {.id = id, .logprob = max, .rank = 0};
  const double logit = logits[static_cast<size_t>(id)];
  const bool is_ranked = is_scored || !params.top_ids.empty();
  return {.id = id,
          .logprob = static_cast<float>(logit - normaliser),
          .rank = is_ranked ? rank_of(logits, id) : 0};
}

int32_t Sampler::sample_changed(std::span<float> logits, float max, const SampleParams& params) {
  LogitChanges changes(saved_);
  if (changes.apply(params.row, params.lists, logits)) max = max_logit(*kernels_, logits);
  int32_t id = DYN_NO_SAMPLE;
  if (params.lists.mask.empty()) {
    id = choose(logits, max, params);
  } else {
    const std::span<const float> allowed = masked(logits, params.lists.mask);
    max = max_logit(*kernels_, allowed);
    if (std::isfinite(max)) id = choose(allowed, max, params);
  }
  changes.undo(params.lists, logits);
  return id;
}

std::span<const float> Sampler::masked(std::span<const float> logits,
                                       std::span<const uint32_t> mask) {
  for (size_t id = 0; id < logits.size(); ++id) {
    const bool is_allowed = ((mask[id / 32] >> (id % 32)) & 1) != 0;
    masked_[id] = is_allowed ? logits[id] : -std::numeric_limits<float>::infinity();
  }
  return {masked_, logits.size()};
}

void Sampler::name_likeliest(std::span<const float> logits, double normaliser,
                             const SampleParams& params) {
  if (params.top_ids.empty()) return;
  const size_t count = collect_candidates(logits, -std::numeric_limits<float>::infinity(),
                                          params.top_ids.size(), candidates_);
  std::sort(candidates_, candidates_ + count, is_likelier);
  for (size_t i = 0; i < count; ++i) {
    params.top_ids[i] = candidates_[i].id;
    params.top_logprobs[i] = static_cast<float>(candidates_[i].logit - normaliser);
  }
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
