// C = A B^T for 64 x 64 outputs a block, with all that a product of tiles uses: cp.async in two stages, ldmatrix,
// mma.sync, barriers. The prover's tests break it in many ways.

#include <cuda_bf16.h>

#include <cstdint>

namespace {

constexpr int kTile = 64;   // Rows of A and of B in a block.
constexpr int kDepth = 32;  // Of a stage.
constexpr int kRow = 40;    // Elements between rows in shared memory, so that ldmatrix meets no bank twice.

__device__ uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ void copy16(uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

__device__ void load_fragments(uint32_t (&to)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

__device__ void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Rows [first, first + 64) of a [rows, depth] matrix, columns [begin, begin + 32).
__device__ void copy_tile(__nv_bfloat16* to, const __nv_bfloat16* from, int first, int depth,
                          int begin) {
#pragma unroll
  for (int n = 0; n < kTile * kDepth / 8 / 128; ++n) {
    const int i = threadIdx.x + 128 * n;
    const int row = i / 4;
    const int column = i % 4 * 8;
    copy16(shared_address(to + row * kRow + column),
           from + static_cast<int64_t>(first + row) * depth + begin + column);
  }
}

}  // namespace

// a: [64 gridDim.x, depth], b: [64 gridDim.y, depth], c: [64 gridDim.x, 64 gridDim.y]; depth is a multiple of 32.
extern "C" __global__ void __launch_bounds__(128)
    tile_product(const __nv_bfloat16* a, const __nv_bfloat16* b, float* c, int depth) {
  __shared__ __align__(128) __nv_bfloat16 left[2][kTile * kRow];
  __shared__ __align__(128) __nv_bfloat16 right[2][kTile * kRow];
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int first_row = blockIdx.x * kTile;
  const int first_column = blockIdx.y * kTile;
  float sums[4][2][4] = {};

  const auto copy_stage = [&](int stage, int begin) {
    if (begin < depth) {
      copy_tile(left[stage], a, first_row, depth, begin);
      copy_tile(right[stage], b, first_column, depth, begin);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  copy_stage(0, 0);
  for (int begin = 0; begin < depth; begin += kDepth) {
    const int stage = begin / kDepth % 2;
    copy_stage(stage ^ 1, begin + kDepth);
    asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
    for (int k = 0; k < kDepth; k += 16) {
      const int place = lane % 16 * kRow + k + lane / 16 * 8;
      uint32_t columns[4];
      load_fragments(columns, shared_address(&right[stage][warp * 16 * kRow + place]));
#pragma unroll
      for (int m = 0; m < 4; ++m) {
        uint32_t rows[4];
        load_fragments(rows, shared_address(&left[stage][m * 16 * kRow + place]));
        multiply_add(sums[m][0], rows, columns[0], columns[2]);
        multiply_add(sums[m][1], rows, columns[1], columns[3]);
      }
    }
    __syncthreads();
  }
  for (int m = 0; m < 4; ++m) {
    for (int n = 0; n < 2; ++n) {
      for (int i = 0; i < 4; ++i) {
        const int row = first_row + m * 16 + lane / 4 + i / 2 * 8;
        const int column = first_column + warp * 16 + n * 8 + lane % 4 * 2 + i % 2;
        c[static_cast<int64_t>(row) * kTile * gridDim.y + column] = sums[m][n][i];
      }
    }
  }
}
