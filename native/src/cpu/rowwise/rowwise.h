// The row-wise parts of a decoder layer, between the matrix products. One row is one token; none
// looks at another row.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dynamo_engine.h"
#include "graph/model_config.h"
#include "graph/rope.h"

namespace dyn {

// y = x / sqrt(mean(x^2) + eps) * weight (RMSNorm, arXiv:1910.07467)
void rms_norm(const float* x /* [size] */, const float* weight /* [size] */, uint32_t size,
              float eps, float* y /* [size] */);

// Turns each pair (x[i], x[i + head_size / 2]) of each head by its angle (RoPE, arXiv:2104.09864,
// in the "rotate half" order of Hugging Face's checkpoints).
void apply_rope(const float* cosines /* [head_size / 2] */, const float* sines, uint32_t num_heads,
                uint32_t head_size, float* x /* [num_heads, head_size] */);

// Steps of a head between its projection and attention: + bias, into the order of halves,
// RMSNorm, RoPE. In this order, so that files of either layout give the same bits.
struct HeadSteps {
  const float* norm;  // [head_size] or nullptr
  float eps;
  bool is_interleaved;
};

void prepare_heads(const HeadSteps& steps,
                   const float* bias /* [num_heads * head_size] or nullptr */,
                   const float* cosines /* [head_size / 2] */, const float* sines,
                   uint32_t num_heads, uint32_t head_size, float* x /* [num_heads, head_size] */);

// y = silu(gate) * up, with silu(x) = x / (1 + e^-x) (SwiGLU, arXiv:2002.05202)
void swiglu(const float* gate /* [size] */, const float* up /* [size] */, uint32_t size,
            float* y /* [size] */);

// y = gelu(gate) * up, with gelu by its approximation (arXiv:1606.08415):
// gelu(x) = x / 2 (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
void geglu(const float* gate /* [size] */, const float* up /* [size] */, uint32_t size,
           float* y /* [size] */);

// 2u of gelu(x) is x (kGeluLinear + kGeluCubic x^2).
inline constexpr float kGeluLinear = 1.5957691216057308f;  // 2 sqrt(2 / pi)
inline constexpr float kGeluCubic = 0.044715f * 1.5957691216057308f;

// y = cap tanh(x / cap)
void soft_cap(const float* x /* [count] */, size_t count, float cap, float* y /* [count] */);

// The kernels of one instruction set.
struct RowwiseKernels {
  decltype(dyn::rms_norm)* rms_norm;
  decltype(dyn::prepare_heads)* prepare_heads;
  decltype(dyn::soft_cap)* soft_cap;

  // The largest of x, or NaN if any is; minus infinity for none.
  float (*max_of)(const float* x, size_t count);

  // sum of e^((x - max) / temperature), for some thousand x at most: it is summed in F32.
  float (*sum_exp)(const float* x, size_t count, float max, float temperature);
};

// The kernels of `isa`, which the CPU must have.
const RowwiseKernels& rowwise_kernels(dyn_isa isa);

extern const RowwiseKernels kPortableRowwise;
#if defined(__x86_64__)
extern const RowwiseKernels kAvx2Rowwise;
extern const RowwiseKernels kAvx512Rowwise;
#elif defined(__aarch64__)
extern const RowwiseKernels kNeonRowwise;
#endif

}  // namespace dyn
