// Work of lanes, warps and blocks together: shuffles, votes, atomics, barriers of some warps.

#include <cstdint>

// to: [7, 32]
extern "C" __global__ void shuffles(int* to, int by, int width) {
  const int lane = threadIdx.x;
  const int value = 100 + lane;
  to[lane] = __shfl_xor_sync(0xffffffff, value, by, width);
  to[32 + lane] = __shfl_up_sync(0xffffffff, value, by, width);
  to[64 + lane] = __shfl_down_sync(0xffffffff, value, by, width);
  to[96 + lane] = __shfl_sync(0xffffffff, value, by, width);
}

// Lanes whose bit of `chosen` is set go another way; to: [8, 32]
extern "C" __global__ void votes(uint32_t* to, uint32_t chosen) {
  const int lane = threadIdx.x;
  const bool is_chosen = (chosen >> lane & 1) != 0;
  to[lane] = __ballot_sync(0xffffffff, is_chosen);
  to[32 + lane] = __any_sync(0xffffffff, is_chosen);
  to[64 + lane] = __all_sync(0xffffffff, is_chosen);
  to[96 + lane] = __match_any_sync(0xffffffff, lane % 5);
  to[128 + lane] = __reduce_add_sync(0xffffffff, static_cast<unsigned>(lane * lane));
  to[160 + lane] = __reduce_max_sync(0xffffffff, static_cast<unsigned>(lane * 7 % 32));
  if (is_chosen) {
    to[192 + lane] = __reduce_add_sync(chosen, 1u);
  } else {
    to[192 + lane] = __reduce_add_sync(~chosen, 2u);
  }
  // Loops of different lengths, after which lanes meet again.
  uint32_t sum = 0;
  for (int i = 0; i < lane; ++i) sum += static_cast<uint32_t>(i);
  to[224 + lane] = __reduce_add_sync(0xffffffff, sum);
}

// counts: [6], in global memory; all blocks add to them.
extern "C" __global__ void atomics(uint32_t* counts, unsigned long long* wide) {
  __shared__ uint32_t shared[2];
  if (threadIdx.x < 2) shared[threadIdx.x] = 0;
  __syncthreads();
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&shared[0], 1u);
  atomicMax(&shared[1], thread);
  atomicAdd(&counts[0], thread);
  atomicMax(&counts[1], thread);
  atomicMin(&counts[2], thread);
  atomicOr(&counts[3], 1u << thread % 32);
  atomicInc(&counts[4], 6u);
  atomicAdd(wide, static_cast<unsigned long long>(thread) << 32);
  uint32_t old = 0;
  for (;;) {
    const uint32_t seen = atomicCAS(&counts[5], old, old + 3);
    if (seen == old) break;
    old = seen;
  }
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(&counts[6], shared[0] + shared[1]);
}

// Warps 0 and 1 fill, warps 2 and 3 read: two barriers of 128 threads, at which the fillers do not wait for the readers.
extern "C" __global__ void producers_and_consumers(int* to, int num_rounds) {
  __shared__ int values[64];
  const int thread = threadIdx.x;
  for (int round = 0; round < num_rounds; ++round) {
    if (thread < 64) {
      if (round > 0) asm volatile("bar.sync 2, 128;" ::: "memory");
      values[thread] = 1000 * round + thread;
      asm volatile("bar.arrive 1, 128;" ::: "memory");
    } else {
      asm volatile("bar.sync 1, 128;" ::: "memory");
      to[round * 64 + thread - 64] = values[127 - thread];
      if (round + 1 < num_rounds) asm volatile("bar.arrive 2, 128;" ::: "memory");
    }
  }
}

// to: [3, threads]
extern "C" __global__ void counting_barriers(int* to, int limit) {
  const bool holds = static_cast<int>(threadIdx.x) < limit;
  to[threadIdx.x] = __syncthreads_count(holds);
  to[blockDim.x + threadIdx.x] = __syncthreads_and(holds);
  to[2 * blockDim.x + threadIdx.x] = __syncthreads_or(holds);
}

// Sums of a warp through shared memory, with __syncwarp; a block of any size.
extern "C" __global__ void sums_in_warps(int* to) {
  __shared__ int values[256];
  const int lane = threadIdx.x % 32;
  values[threadIdx.x] = threadIdx.x;
  __syncwarp();
  for (int by = 16; by > 0; by /= 2) {
    const int other = lane + by < 32 && threadIdx.x + by < blockDim.x ? values[threadIdx.x + by] : 0;
    __syncwarp();
    values[threadIdx.x] += other;
    __syncwarp();
  }
  if (lane == 1) to[threadIdx.x / 32] = values[threadIdx.x - 1];
}

// Local memory and constants by index: an array that no register holds.
__constant__ int kTable[8] = {3, 1, 4, 1, 5, 9, 2, 6};
extern "C" __global__ void indexed(int* to, int shift) {
  int values[8];
  for (int i = 0; i < 8; ++i) values[(i + shift) % 8] = kTable[i] * 10 + threadIdx.x;
  to[threadIdx.x] = values[(threadIdx.x * 3 + shift) % 8];
}
