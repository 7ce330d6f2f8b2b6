// Sampling: from one row of logits to one token id and its log-probability, a block a row.
//
//     logits -> biases, penalties, bans -> mask -> (greedy: the largest)
//            -> temperature -> min-p -> top-k -> top-p -> draw
//
// In the CPU's order, and to the same ids on the same logits but for draws that fall within the
// rounding of a sum. Log-probabilities are by the logits as they came.

#include <cmath>
#include <cstdint>

#include "base/exp.h"
#include "base/penalties.h"
#include "base/random.h"
#include "cuda/sample/block.cuh"
#include "cuda/sample/candidates.cuh"
#include "cuda/sample/sample_args.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kBlock = 1024;      // Weights summed in F32 before they join a double.
constexpr uint32_t kMaxBlocks = 1024;  // Blocks of the largest vocabulary.
constexpr float kMaxDrop = 87.0f;      // No token this far below the likeliest has a weight.
constexpr float kNothing = -__builtin_inff();

__device__ float max_logit(const float* logits, uint32_t size) {
  float max = kNothing;
  for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) {
    const float logit = logits[i];
    max = logit > max || logit != logit ? logit : max;
  }
  return max_of_block(max);
}

// The lowest id whose logit is `value`; 0 where none is.
__device__ int32_t first_id_of(const float* logits, uint32_t size, float value) {
  uint32_t first = size;
  for (uint32_t i = threadIdx.x; i < size && first == size; i += kSampleThreads) {
    if (logits[i] == value) first = i;
  }
  first = least_of_block(first);
  return first == size ? 0 : static_cast<int32_t>(first);
}

__device__ double log_sum_exp(const float* logits, uint32_t size, float max) {
  double sum = 0.0;
  for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) sum += exp_f32(logits[i] - max);
  return max + log(sum_of_block(sum));
}

// 1 for the likeliest; equal logits rank by id.
__device__ int32_t rank_of(const float* logits, uint32_t size, int32_t id) {
  const auto at = static_cast<uint32_t>(id);
  const float logit = logits[at];
  uint32_t before = 0;
  for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) {
    if (logits[i] > logit || (logits[i] == logit && i < at)) ++before;
  }
  return 1 + static_cast<int32_t>(join_block(before, [](uint32_t a, uint32_t b) { return a + b; }));
}

// The thread's likeliest id after `last`, or one of minus infinity and no id.
__device__ Candidate next_of_thread(const float* logits, uint32_t size, const Candidate& last) {
  const IsLikelier is_likelier;
  Candidate best = {kNothing, 0.0f, INT32_MAX};
  for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) {
    const Candidate candidate = {logits[i], 0.0f, static_cast<int32_t>(i)};
    if (is_likelier(last, candidate) && is_likelier(candidate, best)) best = candidate;
  }
  return best;
}

// Likeliest ids in order, each thread keeping the next of its own.
__device__ void name_likeliest(const SampleArgs& args, const float* logits, uint32_t row,
                               uint32_t count, double normaliser) {
  int32_t* top_ids = args.top_ids + size_t{row} * DYN_MAX_LOGPROBS;
  float* top_logprobs = args.top_logprobs + size_t{row} * DYN_MAX_LOGPROBS;
  Candidate last = {__builtin_inff(), 0.0f, -1};
  Candidate best = {};
  bool is_found = false;
  for (uint32_t n = 0; n < count; ++n) {
    if (!is_found) best = next_of_thread(logits, args.vocab_size, last);
    is_found = true;
    const float max = max_of_block(best.logit);
    const uint32_t id = least_of_block(best.logit == max ? static_cast<uint32_t>(best.id)
                                                         : static_cast<uint32_t>(INT32_MAX));
    if (id == static_cast<uint32_t>(INT32_MAX)) return;
    last = {max, 0.0f, static_cast<int32_t>(id)};
    if (best.id == last.id) is_found = false;
    if (threadIdx.x != 0) continue;
    top_ids[n] = last.id;
    top_logprobs[n] = static_cast<float>(max - normaliser);
  }
}

// A copy of the row with biases, penalties, bans and the mask, where it has any.
__device__ const float* change(const SampleArgs& args, const dyn_row& row, const float* logits,
                               float* changed) {
  const uint32_t size = args.vocab_size;
  if (row.num_biases + row.num_penalties + row.num_banned == 0 && row.mask == 0) return logits;
  for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) changed[i] = logits[i];
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < row.num_biases; i += kSampleThreads) {
    changed[args.bias_token_ids[row.bias_start + i]] += args.biases[row.bias_start + i];
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < row.num_penalties; i += kSampleThreads) {
    float& logit = changed[args.penalty_token_ids[row.penalty_start + i]];
    logit = penalised(logit, row, args.penalty_counts[row.penalty_start + i]);
  }
  __syncthreads();
  if (threadIdx.x == 0) {  // The one list that may name a token twice.
    for (uint32_t i = 0; i < row.num_banned; ++i) {
      changed[args.banned_token_ids[row.banned_start + i]] = kNothing;
    }
  }
  __syncthreads();
  if (row.mask > 0) {
    const uint32_t* mask = args.masks + size_t{row.mask - 1} * args.mask_words;
    for (uint32_t i = threadIdx.x; i < size; i += kSampleThreads) {
      if ((mask[i / 32] >> (i % 32) & 1) == 0) changed[i] = kNothing;
    }
  }
  __syncthreads();
  return changed;
}

// The sum of a block of weights by one warp.
__device__ float sum_of_weights(const float* logits, uint32_t begin, uint32_t end, float max,
                                float temperature) {
  float sum = 0.0f;
  for (uint32_t i = begin + threadIdx.x % 32; i < end; i += 32) {
    sum += exp_f32((logits[i] - max) / temperature);
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  }
  return sum;
}

// The id at which the running sum of all weights, in the order of ids, passes `random` of it.
__device__ int32_t draw_from_all(const float* logits, uint32_t size, float max, float temperature,
                                 double random) {
  __shared__ float sums[kMaxBlocks];
  __shared__ float weights[kBlock];
  __shared__ double mass;
  __shared__ uint32_t block;
  __shared__ int32_t drawn;
  const uint32_t num_blocks = (size + kBlock - 1) / kBlock;
  for (uint32_t i = threadIdx.x / 32; i < num_blocks; i += kSampleWarps) {
    const uint32_t end = min((i + 1) * kBlock, size);
    const float sum = sum_of_weights(logits, i * kBlock, end, max, temperature);
    if (threadIdx.x % 32 == 0) sums[i] = sum;
  }
  const int32_t first = first_id_of(logits, size, max);
  if (threadIdx.x == 0) {
    double rest = 0.0;
    for (uint32_t i = 0; i < num_blocks; ++i) rest += sums[i];
    rest *= random;
    uint32_t i = 0;
    for (; i + 1 < num_blocks && !(rest < sums[i]); ++i) rest -= sums[i];
    mass = rest;
    block = i;
    drawn = first;
  }
  __syncthreads();
  const uint32_t begin = block * kBlock;
  const uint32_t count = min(kBlock, size - begin);
  for (uint32_t i = threadIdx.x; i < count; i += kSampleThreads) {
    weights[i] = exp_f32((logits[begin + i] - max) / temperature);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    double rest = mass;
    for (uint32_t i = 0; i < count; ++i) {
      if (weights[i] == 0.0f) continue;
      rest -= weights[i];
      drawn = static_cast<int32_t>(begin + i);
      if (rest < 0) break;
    }
  }
  __syncthreads();
  return drawn;
}

__device__ int32_t choose(const SampleArgs& args, const dyn_row& row, const float* logits,
                          float max, float drop, uint64_t position, Candidate* candidates) {
  const uint32_t size = args.vocab_size;
  // Without a finite maximum there is no distribution left: all is banned.
  if (row.temperature == 0.0f || !isfinite(max)) return first_id_of(logits, size, max);
  const double random = uniform(row.seed, position);
  const auto k = static_cast<uint32_t>(row.top_k);
  const bool is_top_k = k > 0 && k < size;
  if (!is_top_k && row.top_p >= 1.0f && row.min_p <= 0.0f) {
    return draw_from_all(logits, size, max, row.temperature, random);
  }
  const float floor = max - (drop < kMaxDrop ? drop : kMaxDrop) * row.temperature;
  uint32_t count = collect_candidates(logits, size, floor, is_top_k ? k : 0, candidates);
  for (uint32_t i = threadIdx.x; i < count; i += kSampleThreads) {
    candidates[i].weight = exp_f32((candidates[i].logit - max) / row.temperature);
  }
  __syncthreads();
  if (row.top_p < 1.0f) {
    count = keep_mass(candidates, count, row.top_p * mass_of(candidates, 0, count));
  }
  return draw_from(candidates, count, random);
}

__device__ void sample(const SampleArgs& args, uint32_t index) {
  const uint32_t size = args.vocab_size;
  const dyn_row row = args.rows[index];
  const float* logits = args.logits + size_t{index} * size;
  for (uint32_t i = threadIdx.x; i < DYN_MAX_LOGPROBS; i += kSampleThreads) {
    args.top_ids[size_t{index} * DYN_MAX_LOGPROBS + i] = DYN_NO_SAMPLE;
    args.top_logprobs[size_t{index} * DYN_MAX_LOGPROBS + i] = 0.0f;
  }
  __syncthreads();
  const float max = max_logit(logits, size);
  int32_t id = DYN_NO_SAMPLE;
  float logprob = max;
  int32_t rank = 0;
  if (isfinite(max)) {
    const double normaliser = log_sum_exp(logits, size, max);
    name_likeliest(args, logits, index, row.num_logprobs, normaliser);
    const bool is_scored = row.kind == DYN_ROW_SCORE;
    if (is_scored) {
      id = row.target;
    } else {
      float* scratch = args.changed + size_t{blockIdx.x} * size;
      const float* changed = change(args, row, logits, scratch);
      const float largest = changed == logits ? max : max_logit(changed, size);
      const auto position = static_cast<uint64_t>(args.positions[row.token]) + 1;
      if (row.mask == 0 || isfinite(largest)) {
        id = choose(args, row, changed, largest, args.drops[index], position,
                    args.candidates + size_t{blockIdx.x} * size);
      }
    }
    if (id != DYN_NO_SAMPLE) {
      logprob = static_cast<float>(double{logits[id]} - normaliser);
      if (is_scored || row.num_logprobs > 0) rank = rank_of(logits, size, id);
    }
  }
  if (threadIdx.x != 0) return;
  args.sampled_ids[index] = id;
  args.logprobs[index] = logprob;
  args.ranks[index] = rank;
}

}  // namespace

// Grid: as many blocks as there is scratch for; each takes every so manieth row.
extern "C" __global__ void __launch_bounds__(256, 2) dyn_sample(const SampleArgs args) {
  const uint32_t num_rows = *args.num_rows;
  for (uint32_t index = blockIdx.x; index < num_rows; index += gridDim.x) {
    __syncthreads();
    sample(args, index);
  }
}

}  // namespace dyn::cuda
