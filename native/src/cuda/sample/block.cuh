// Results that the threads of one block find together: sums, maxima, least ids. Each begins and ends at a
// barrier that all threads pass.

#pragma once

#include <cstdint>

namespace dyn::cuda {

inline constexpr uint32_t kSampleThreads = 256;
inline constexpr uint32_t kSampleWarps = kSampleThreads / 32;

// The values of all threads by `join`, in an order that does not change.
template <typename Value, typename Join>
__device__ Value join_block(Value value, const Join& join) {
  __shared__ Value values[kSampleWarps];
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value = join(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) values[threadIdx.x / 32] = value;
  __syncthreads();
  Value joined = values[0];
#pragma unroll
  for (uint32_t warp = 1; warp < kSampleWarps; ++warp) joined = join(joined, values[warp]);
  return joined;
}

__device__ inline double sum_of_block(double value) {
  return join_block(value, [](double a, double b) { return a + b; });
}

__device__ inline uint32_t least_of_block(uint32_t value) {
  return join_block(value, [](uint32_t a, uint32_t b) { return a < b ? a : b; });
}

// NaN if any is.
__device__ inline float max_of_block(float value) {
  return join_block(value, [](float a, float b) { return a > b || a != a ? a : b; });
}

}  // namespace dyn::cuda
