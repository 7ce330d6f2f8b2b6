// The tokens that top-k, top-p and min-p leave over, in the order in which the CPU's sampler has
// them: the same steps by the same std::nth_element, so that a draw finds the same token. One
// thread moves candidates, all others look, weigh and sum.

#pragma once

#include <algorithm>
#include <cstdint>

#include "base/exp.h"
#include "cuda/sample/block.cuh"
#include "cuda/sample/sample_args.h"

namespace dyn::cuda {

inline constexpr uint32_t kSortable = 64;  // So few are sorted, not halved.

struct IsLikelier {
  __host__ __device__ constexpr bool operator()(const Candidate& a, const Candidate& b) const {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }
};

// By insertion: all are different, so any order of steps gives the same.
__device__ inline void sort_few(Candidate* first, uint32_t count) {
  for (uint32_t i = 1; i < count; ++i) {
    const Candidate moved = first[i];
    uint32_t at = i;
    for (; at > 0 && IsLikelier()(moved, first[at - 1]); --at) first[at] = first[at - 1];
    first[at] = moved;
  }
}

__device__ inline void swap_candidates(Candidate* a, Candidate* b) {
  const Candidate kept = *a;
  *a = *b;
  *b = kept;
}

// Parts [first, last) by the median of three of them, as the host's library does.
__device__ inline Candidate* part_by_median(Candidate* first, Candidate* last) {
  const IsLikelier less;
  Candidate* a = first + 1;
  Candidate* b = first + (last - first) / 2;
  Candidate* c = last - 1;
  if (less(*a, *b)) {
    swap_candidates(first, less(*b, *c) ? b : less(*a, *c) ? c : a);
  } else {
    swap_candidates(first, less(*a, *c) ? a : less(*b, *c) ? c : b);
  }
  Candidate* low = first + 1;
  Candidate* high = last;
  for (;;) {
    while (less(*low, *first)) ++low;
    --high;
    while (less(*first, *high)) --high;
    if (!(low < high)) return low;
    swap_candidates(low, high);
    ++low;
  }
}

// The steps of libstdc++'s std::nth_element, to the same order of all. (The function itself cannot be
// called: nvcc drops builtins in it without a word.) One thread.
__device__ inline void nth_element(Candidate* first, Candidate* nth, Candidate* last) {
  int depth = 2 * (63 - __clzll(last - first));
  while (last - first > 3) {
    if (depth-- == 0) {
      std::__heap_select(first, nth + 1, last,
                         __gnu_cxx::__ops::__iter_comp_iter(IsLikelier()));
      swap_candidates(first, nth);
      return;
    }
    Candidate* cut = part_by_median(first, last);
    if (cut <= nth) {
      first = cut;
    } else {
      last = cut;
    }
  }
  sort_few(first, static_cast<uint32_t>(last - first));
}

// Moves the likeliest `count` of [first, last) before the others. One thread.
__device__ inline void part_likeliest(Candidate* first, uint32_t count, Candidate* last) {
  nth_element(first, first + (count - 1), last);
}

// Collects ids with logit >= floor, of these the k likeliest (all where k is 0).
__device__ inline uint32_t collect_candidates(const float* logits, uint32_t vocab_size, float floor,
                                              uint32_t k, Candidate* candidates) {
  __shared__ uint32_t collected;
  const bool is_cut = k > 0 && k < vocab_size / 2;
  const uint32_t capacity = is_cut ? 2 * k : vocab_size;
  const uint32_t lane = threadIdx.x % 32;
  __syncthreads();
  if (threadIdx.x < 32) {
    uint32_t count = 0;
    for (uint32_t first = 0; first < vocab_size; first += 32) {
      const uint32_t id = first + lane;
      const float logit = id < vocab_size ? logits[id] : 0.0f;
      bool is_left = id < vocab_size;
      uint32_t above = __ballot_sync(0xffffffffu, is_left && logit >= floor);
      while (above != 0) {
        const uint32_t before = __popc(above & ((1u << lane) - 1));
        const uint32_t room = capacity - count;
        const bool is_taken = (above >> lane & 1) != 0 && before < room;
        if (is_taken) candidates[count + before] = {logit, 0.0f, static_cast<int32_t>(id)};
        // Those up to the last one that is taken have been seen.
        const uint32_t taken = __ballot_sync(0xffffffffu, is_taken);
        is_left = is_left && lane > 31u - __clz(taken);
        count += __popc(taken);
        if (is_cut && count == capacity) {
          __syncwarp();
          if (lane == 0) part_likeliest(candidates, k, candidates + count);
          __syncwarp();
          floor = candidates[k - 1].logit;
          count = k;
        }
        above = __ballot_sync(0xffffffffu, is_left && logit >= floor);
      }
    }
    __syncwarp();
    if (k > 0 && count > k) {
      if (lane == 0) part_likeliest(candidates, k, candidates + count);
      count = k;
    }
    if (lane == 0) collected = count;
  }
  __syncthreads();
  return collected;
}

__device__ inline double mass_of(const Candidate* candidates, uint32_t begin, uint32_t end) {
  double mass = 0.0;
  for (uint32_t i = begin + threadIdx.x; i < end; i += kSampleThreads) {
    mass += candidates[i].weight;
  }
  return sum_of_block(mass);
}

// Moves the likeliest candidates whose weights reach `mass` together to the front and returns their
// number, at least 1.
__device__ inline uint32_t keep_mass(Candidate* candidates, uint32_t count, double mass) {
  __shared__ uint32_t kept;
  uint32_t low = 0;  // Candidates before it are kept, those from `high` on are not.
  uint32_t high = count;
  while (high - low > kSortable) {
    const uint32_t middle = low + (high - low) / 2;
    __syncthreads();
    if (threadIdx.x == 0) {
      nth_element(candidates + low, candidates + middle, candidates + high);
    }
    __syncthreads();
    const double upper = mass_of(candidates, low, middle);
    if (upper >= mass) {
      high = middle;
    } else {
      mass -= upper;
      low = middle;
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    sort_few(candidates + low, high - low);
    while (low < high) {
      mass -= candidates[low++].weight;
      if (mass <= 0) break;
    }
    kept = low;
  }
  __syncthreads();
  return kept;
}

// The candidate at which the running sum passes `random` of all. The same for all threads.
__device__ inline int32_t draw_from(const Candidate* candidates, uint32_t count, double random) {
  __shared__ int32_t drawn;
  const double mass = mass_of(candidates, 0, count);
  if (threadIdx.x == 0) {
    double rest = random * mass;
    int32_t last = candidates[0].id;
    for (uint32_t i = 0; i < count; ++i) {
      if (candidates[i].weight == 0.0f) continue;
      rest -= candidates[i].weight;
      last = candidates[i].id;
      if (rest < 0) break;
    }
    drawn = last;
  }
  __syncthreads();
  return drawn;
}

}  // namespace dyn::cuda
