// mma and ldmatrix alone: each lane's registers come from global memory and go there.

#include <cstdint>

namespace {

template <int kCount>
__device__ void read(uint32_t (&to)[kCount], const uint32_t* from) {
  for (int i = 0; i < kCount; ++i) to[i] = from[threadIdx.x * kCount + i];
}

template <int kCount>
__device__ void write(uint32_t* to, const uint32_t (&from)[kCount]) {
  for (int i = 0; i < kCount; ++i) to[threadIdx.x * kCount + i] = from[i];
}

}  // namespace

// d, a, b, c: [32 lanes, registers of each].
#define PRODUCT_OF_FOUR(name, opcode)                                                       \
  extern "C" __global__ void name(uint32_t* to, const uint32_t* left, const uint32_t* right, \
                                  const uint32_t* sum) {                                     \
    uint32_t a[4], b[2], c[4], d[4];                                                         \
    read(a, left);                                                                           \
    read(b, right);                                                                          \
    read(c, sum);                                                                            \
    asm volatile("mma.sync.aligned." opcode                                                  \
                 " {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%10,%11,%12,%13};"                   \
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]),         \
                   "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));                              \
    write(to, d);                                                                            \
  }

extern "C" __global__ void product_bf16(float* to, const uint32_t* left, const uint32_t* right,
                                        const float* sum) {
  uint32_t a[4], b[2];
  float d[4];
  read(a, left);
  read(b, right);
  for (int i = 0; i < 4; ++i) d[i] = sum[threadIdx.x * 4 + i];
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},"
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  for (int i = 0; i < 4; ++i) to[threadIdx.x * 4 + i] = d[i];
}

PRODUCT_OF_FOUR(product_s8, "m16n8k32.row.col.s32.s8.s8.s32")
PRODUCT_OF_FOUR(product_u8_s8, "m16n8k32.row.col.s32.u8.s8.s32")

// from: [32 rows, 8 halves]; to: [32 lanes, 4].
template <bool kIsTransposed>
__device__ void load_four(uint32_t* to, const uint4* from) {
  __shared__ uint4 rows[32];
  rows[threadIdx.x] = from[threadIdx.x];
  __syncthreads();
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(&rows[threadIdx.x]));
  uint32_t d[4];
  if (kIsTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(address)
                 : "memory");
  }
  write(to, d);
}

extern "C" __global__ void load_matrices(uint32_t* to, const uint4* from) {
  load_four<false>(to, from);
}

extern "C" __global__ void load_transposed(uint32_t* to, const uint4* from) {
  load_four<true>(to, from);
}
