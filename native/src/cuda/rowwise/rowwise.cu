// The row-wise parts of a decoder layer, between the matrix products. A block is one row, or one
// head of one token; sums are in an order that follows from the row's size alone.

#include "base/exp.h"
#include "cuda/bf16.cuh"
#include "cuda/kv_layer.h"
#include "cuda/rowwise/rowwise_args.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kWarpSize = 32;
constexpr uint32_t kRowThreads = 256;
constexpr uint32_t kRowWarps = kRowThreads / kWarpSize;
constexpr uint32_t kLargestHead = 128;

__device__ float sum_of_warp(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  }
  return value;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(256) dyn_embed(const EmbedArgs args) {
  const uint32_t token = blockIdx.x;
  if (token >= *args.num_tokens) return;
  const auto id = static_cast<uint32_t>(args.token_ids[token]);
  const uint32_t* pairs = args.panels + size_t{id / 32} * args.num_pairs * 32 + id % 32;
  float* x = args.x + size_t{token} * args.hidden_size;
  for (uint32_t pair = threadIdx.x; pair < args.num_pairs; pair += kRowThreads) {
    const uint32_t both = pairs[size_t{pair} * 32];
    x[2 * pair] = low_of(both);
    if (2 * pair + 1 < args.hidden_size) x[2 * pair + 1] = high_of(both);
  }
}

// y = x / sqrt(mean(x^2) + eps) * weight
extern "C" __global__ void __launch_bounds__(256) dyn_rms_norm(const NormArgs args) {
  __shared__ float sums[kRowWarps];
  const uint32_t row = blockIdx.x;
  if (row == 0 && threadIdx.x == 0) *args.progress += 1;
  if (row >= *args.num_rows) return;
  const auto token = args.tokens == nullptr ? row : static_cast<uint32_t>(args.tokens[row]);
  const float* x = args.x + size_t{token} * args.hidden_size;
  float sum = 0.0f;
  for (uint32_t i = threadIdx.x; i < args.hidden_size; i += kRowThreads) sum += x[i] * x[i];
  sum = sum_of_warp(sum);
  if (threadIdx.x % kWarpSize == 0) sums[threadIdx.x / kWarpSize] = sum;
  __syncthreads();
  float total = 0.0f;
#pragma unroll
  for (uint32_t warp = 0; warp < kRowWarps; ++warp) total += sums[warp];
  const float scale = 1.0f / sqrtf(total / static_cast<float>(args.hidden_size) + args.eps);
  uint16_t* y = args.y + size_t{row} * args.stride;
  for (uint32_t i = threadIdx.x; i < args.stride; i += kRowThreads) {
    y[i] = i < args.hidden_size ? bf16_of(x[i] * scale * args.weight[i]) : uint16_t{0};
  }
}

// One head of one token: + bias, into the order of halves, RMSNorm, RoPE; q as BF16, k and v into
// the pool. Grid: tokens, heads of q then k then v. Block: a warp.
extern "C" __global__ void __launch_bounds__(32) dyn_heads(const HeadsArgs args) {
  __shared__ float head[kLargestHead];
  const uint32_t token = blockIdx.x;
  if (token >= *args.num_tokens) return;
  const uint32_t size = args.head_size;
  const uint32_t num_pairs = size / 2;
  const bool is_q = blockIdx.y < args.num_heads;
  const bool is_v = blockIdx.y >= args.num_heads + args.num_kv_heads;
  const uint32_t index = is_q   ? blockIdx.y
                         : is_v ? blockIdx.y - args.num_heads - args.num_kv_heads
                                : blockIdx.y - args.num_heads;
  const uint32_t num_heads = is_q ? args.num_heads : args.num_kv_heads;
  const float* from = is_q ? args.q : is_v ? args.v : args.k;
  const float* bias = is_q ? args.q_bias : is_v ? args.v_bias : args.k_bias;
  const float* norm = is_q ? args.q_norm : is_v ? nullptr : args.k_norm;
  from += (size_t{token} * num_heads + index) * size;
  const bool is_split = args.is_interleaved && !is_v;
  float sum = 0.0f;
  for (uint32_t i = threadIdx.x; i < size; i += kWarpSize) {
    float value = from[i];
    if (bias != nullptr) value += bias[index * size + i];
    head[is_split ? i / 2 + i % 2 * num_pairs : i] = value;
  }
  __syncthreads();
  float scale = 1.0f;
  if (norm != nullptr) {
    for (uint32_t i = threadIdx.x; i < size; i += kWarpSize) sum += head[i] * head[i];
    scale = 1.0f / sqrtf(sum_of_warp(sum) / static_cast<float>(size) + args.eps);
  }
  const auto slot = static_cast<uint32_t>(args.slots[token]);
  const KvPlace place = {.num_kv_heads = args.num_kv_heads,
                         .padded_head_size = args.padded_head_size,
                         .block_size = args.block_size};
  uint16_t* q_to = args.q_to + (size_t{token} * args.num_heads + index) * args.padded_head_size;
  if (is_v) {
    for (uint32_t i = threadIdx.x; i < args.padded_head_size; i += kWarpSize) {
      args.blocks[place.v_at(slot, index, i)] = i < size ? bf16_of(head[i]) : uint16_t{0};
    }
    return;
  }
  const float* angles =
      args.angles + size_t{static_cast<uint32_t>(args.positions[token])} * num_pairs * 2;
  for (uint32_t i = threadIdx.x; i < num_pairs; i += kWarpSize) {
    float a = head[i];
    float b = head[i + num_pairs];
    if (norm != nullptr) {
      a = a * scale * norm[i];
      b = b * scale * norm[i + num_pairs];
    }
    const float cosine = angles[2 * i];
    const float sine = angles[2 * i + 1];
    const uint16_t low = bf16_of(a * cosine - b * sine);
    const uint16_t high = bf16_of(b * cosine + a * sine);
    if (is_q) {
      q_to[i] = low;
      q_to[i + num_pairs] = high;
    } else {
      args.blocks[place.k_at(slot, index, i)] = low;
      args.blocks[place.k_at(slot, index, i + num_pairs)] = high;
    }
  }
  for (uint32_t i = size + threadIdx.x; i < args.padded_head_size; i += kWarpSize) {
    if (is_q) {
      q_to[i] = 0;
    } else {
      args.blocks[place.k_at(slot, index, i)] = 0;
    }
  }
}

// y = silu(gate) * up, with silu(x) = x / (1 + e^-x). Grid: tokens, groups of 1024 outputs.
extern "C" __global__ void __launch_bounds__(256) dyn_swiglu(const SwigluArgs args) {
  const uint32_t token = blockIdx.x;
  if (token >= *args.num_tokens) return;
  const float* gate = args.gate + size_t{token} * args.size;
  const float* up = args.up + size_t{token} * args.size;
  uint16_t* y = args.y + size_t{token} * args.stride;
  for (uint32_t n = 0; n < 4; ++n) {
    const uint32_t i = (blockIdx.y * 4 + n) * kRowThreads + threadIdx.x;
    if (i >= args.stride) return;
    const float g = i < args.size ? gate[i] : 0.0f;
    const float u = i < args.size ? up[i] : 0.0f;
    y[i] = bf16_of(g / (1.0f + exp_f32(-g)) * u);
  }
}

}  // namespace dyn::cuda
