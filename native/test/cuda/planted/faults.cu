// One kernel a fault. Each is wrong in one way that a GPU may or may not notice; the runner must, and must name it.

#include <cstdint>

extern "C" __global__ void reads_past_the_end(const float* from, float* to, int count) {
  to[threadIdx.x] = from[threadIdx.x + count - blockDim.x + 1];
}

extern "C" __global__ void writes_past_the_end(float* to, int count) {
  to[threadIdx.x + count - blockDim.x + 1] = 1;
}

extern "C" __global__ void misaligned(const char* from, int* to) {
  to[threadIdx.x] = *reinterpret_cast<const int*>(from + 2);
}

extern "C" __global__ void shared_past_the_end(float* to, int shift) {
  __shared__ float values[64];
  values[threadIdx.x + shift] = 1;
  __syncthreads();
  to[threadIdx.x] = values[threadIdx.x];
}

extern "C" __global__ void unwritten_shared(float* to) {
  __shared__ float values[128];
  values[threadIdx.x] = 1;
  __syncthreads();
  to[threadIdx.x] = values[threadIdx.x + 64];
}

// A warp reads what the next one wrote, with no barrier.
extern "C" __global__ void shared_race(float* to) {
  __shared__ float values[64];
  values[threadIdx.x] = 0;
  __syncthreads();
  values[threadIdx.x] = 1;
  to[threadIdx.x] = values[(threadIdx.x + 32) % 64];
}

// The barrier is there, but not before the second round overwrites.
extern "C" __global__ void shared_race_of_rounds(float* to) {
  __shared__ float values[64];
  for (int round = 0; round < 2; ++round) {
    values[threadIdx.x] = round;
    __syncthreads();
    to[threadIdx.x] = values[63 - threadIdx.x];
  }
}

// Lanes of a warp, without __syncwarp.
extern "C" __global__ void shared_race_in_a_warp(volatile float* to) {
  __shared__ float values[32];
  values[threadIdx.x] = 1;
  to[threadIdx.x] = values[31 - threadIdx.x];
}

extern "C" __global__ void global_race_of_blocks(float* to) {
  if (threadIdx.x == 0) to[0] = blockIdx.x;
}

extern "C" __global__ void global_read_of_another_block(float* to) {
  to[blockIdx.x * blockDim.x + threadIdx.x] = 1;
  const int other = (blockIdx.x + 1) % gridDim.x;
  if (to[other * blockDim.x + threadIdx.x] == 2) to[gridDim.x * blockDim.x] = 1;
}

extern "C" __global__ void global_race_of_warps(float* to) {
  to[threadIdx.x] = 1;
  if (to[(threadIdx.x + 32) % 64] == 2) to[64] = 1;
}

__device__ void copy16(void* to, const void* from) {
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from) : "memory");
}

extern "C" __global__ void copy_not_waited_for(const float4* from, float4* to) {
  __shared__ float4 values[32];
  copy16(&values[threadIdx.x], from + threadIdx.x);
  asm volatile("cp.async.commit_group;" ::: "memory");
  __syncthreads();
  to[threadIdx.x] = values[threadIdx.x];
}

extern "C" __global__ void copy_waited_for_too_late(const float4* from, float4* to) {
  __shared__ float4 values[2][32];
  for (int stage = 0; stage < 2; ++stage) {
    copy16(&values[stage][threadIdx.x], from + threadIdx.x);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  asm volatile("cp.async.wait_group 1;" ::: "memory");
  __syncthreads();
  to[threadIdx.x] = values[1][threadIdx.x];
}

// Waited for by each thread, but read by another.
extern "C" __global__ void copy_without_barrier(const float4* from, float4* to) {
  __shared__ float4 values[64];
  copy16(&values[threadIdx.x], from + threadIdx.x);
  asm volatile("cp.async.wait_all;" ::: "memory");
  to[threadIdx.x] = values[(threadIdx.x + 32) % 64];
}

extern "C" __global__ void copy_over_what_is_read(const float4* from, float4* to) {
  __shared__ float4 values[64];
  values[threadIdx.x] = from[threadIdx.x];
  __syncthreads();
  to[threadIdx.x] = values[63 - threadIdx.x];
  copy16(&values[threadIdx.x], from + threadIdx.x);
  asm volatile("cp.async.wait_all;" ::: "memory");
}

// Warps come to two different barriers.
extern "C" __global__ void divergent_barrier(float* to) {
  if (threadIdx.x < 32) {
    asm volatile("bar.sync 0;" ::: "memory");
    to[threadIdx.x] = 1;
  } else {
    to[threadIdx.x] = 2;
    asm volatile("bar.sync 0;" ::: "memory");
  }
}

// Lanes of one warp come to two different barriers.
extern "C" __global__ void barrier_in_half_a_warp(float* to) {
  if (threadIdx.x % 2 == 0) {
    asm volatile("bar.sync 0;" ::: "memory");
    to[threadIdx.x] = 1;
  } else {
    to[threadIdx.x] = 2;
    asm volatile("bar.sync 0;" ::: "memory");
  }
}

extern "C" __global__ void ends_before_the_barrier(float* to, int count) {
  if (threadIdx.x >= count) return;
  __syncthreads();
  to[threadIdx.x] = 1;
}

extern "C" __global__ void deadlock(float* to) {
  if (threadIdx.x < 32) {
    asm volatile("bar.sync 1, 64;" ::: "memory");
  } else {
    asm volatile("bar.sync 2, 64;" ::: "memory");
  }
  to[threadIdx.x] = 1;
}

extern "C" __global__ void shuffle_without_its_lanes(int* to) {
  int value = threadIdx.x;
  if (threadIdx.x < 16) {
    value = __shfl_xor_sync(0xffffffff, value, 1);
    to[threadIdx.x] = value;
  } else {
    asm volatile("bar.sync 0;" ::: "memory");
    to[threadIdx.x] = 1;
  }
}

extern "C" __global__ void shuffle_outside_the_mask(int* to) {
  int value = threadIdx.x;
  asm volatile("shfl.sync.bfly.b32 %0, %0, 1, 31, 0xffff;" : "+r"(value));
  to[threadIdx.x] = value;
}

extern "C" __global__ void never_ends(volatile int* flag) {
  while (*flag == 0) {
  }
}

extern "C" __global__ void traps(int* to) {
  if (threadIdx.x == 7) asm volatile("trap;");
  to[threadIdx.x] = 1;
}
