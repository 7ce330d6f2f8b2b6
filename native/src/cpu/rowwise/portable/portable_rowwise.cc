#include "cpu/rowwise/rowwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/exp.h"
#include "cpu/lanes.h"

namespace dyn {
namespace {

// Sixteen sums side by side, then the tail, then a fixed tree: the order follows from `size` alone.
float sum_of_squares(const float* x, size_t size) {
  Lanes sums[4] = {};
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    for (size_t n = 0; n < 4; ++n) {
      const Lanes lanes = load_lanes(x + i + n * kLanes);
      sums[n] += lanes * lanes;
    }
  }
  float tail = 0.0f;
  for (; i < size; ++i) tail += x[i] * x[i];
  const Lanes sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + tail;
}

// (a0, b0, a1, b1, ...) becomes (a0, a1, ..., b0, b1, ...).
void join_halves(size_t head_size, float* x) {
  float copy[kMaxHeadSize];
  std::copy_n(x, head_size, copy);
  for (size_t i = 0; i < head_size / 2; ++i) {
    x[i] = copy[2 * i];
    x[i + head_size / 2] = copy[2 * i + 1];
  }
}

constexpr size_t kStripes = 16;  // Independent maxima or sums, so that the loop vectorises.

// NaN is taken, and kept since nothing is above it or equal to it.
float larger_of(float x, float max) {
  return x > max || x != x ? x : max;
}

float max_of(const float* x, size_t count) {
  float maxima[kStripes];
  std::fill_n(maxima, kStripes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kStripes <= count; i += kStripes) {
    for (size_t n = 0; n < kStripes; ++n) maxima[n] = larger_of(x[i + n], maxima[n]);
  }
  for (; i < count; ++i) maxima[0] = larger_of(x[i], maxima[0]);
  float max = maxima[0];
  for (const float stripe : maxima) max = larger_of(stripe, max);
  return max;
}

float sum_exp(const float* x, size_t count, float max, float temperature) {
  float sums[kStripes] = {};
  size_t i = 0;
  for (; i + kStripes <= count; i += kStripes) {
    for (size_t n = 0; n < kStripes; ++n) sums[n] += exp_f32((x[i + n] - max) / temperature);
  }
  float sum = 0;
  for (; i < count; ++i) sum += exp_f32((x[i] - max) / temperature);
  for (const float stripe : sums) sum += stripe;
  return sum;
}

// The steps of floats.h's soft_cap_of.
float tanh_f32(float x) {
  const float y = x > 20.0f ? 20.0f : x < -20.0f ? -20.0f : x;  // NaN stays.
  const float square = y * y;
  if (!(square < 0x1p-4f)) {
    const float e = exp_f32(-2.0f * y);
    return y != y ? y : (1.0f - e) / (1.0f + e);
  }
  float p = 2.18694885e-2f;
  p = p * square + -5.39682539e-2f;
  p = p * square + 1.33333333e-1f;
  p = p * square + -3.33333333e-1f;
  return y + y * (square * p);
}

}  // namespace

void rms_norm(const float* x, const float* weight, uint32_t size, float eps, float* y) {
  const float mean = sum_of_squares(x, size) / static_cast<float>(size);
  const float scale = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < size; ++i) y[i] = x[i] * scale * weight[i];
}

void apply_rope(const float* cosines, const float* sines, uint32_t num_heads, uint32_t head_size,
                float* x) {
  const size_t num_pairs = head_size / 2;
  for (size_t head = 0; head < num_heads; ++head) {
    float* low = x + head * head_size;
    float* high = low + num_pairs;
    for (size_t i = 0; i < num_pairs; ++i) {
      const float a = low[i];
      const float b = high[i];
      low[i] = a * cosines[i] - b * sines[i];
      high[i] = b * cosines[i] + a * sines[i];
    }
  }
}

void prepare_heads(const HeadSteps& steps, const float* bias, const float* cosines,
                   const float* sines, uint32_t num_heads, uint32_t head_size, float* x) {
  const size_t num_elements = size_t{num_heads} * head_size;
  if (bias != nullptr) {
    for (size_t i = 0; i < num_elements; ++i) x[i] += bias[i];
  }
  if (steps.is_interleaved) {
    for (size_t at = 0; at < num_elements; at += head_size) join_halves(head_size, x + at);
  }
  if (steps.norm != nullptr) {
    for (size_t at = 0; at < num_elements; at += head_size) {
      rms_norm(x + at, steps.norm, head_size, steps.eps, x + at);
    }
  }
  apply_rope(cosines, sines, num_heads, head_size, x);
}

void swiglu(const float* gate, const float* up, uint32_t size, float* y) {
  for (size_t i = 0; i < size; ++i) y[i] = gate[i] / (1.0f + exp_f32(-gate[i])) * up[i];
}

void geglu(const float* gate, const float* up, uint32_t size, float* y) {
  for (size_t i = 0; i < size; ++i) {
    const float x = gate[i];
    const float u = x * (kGeluLinear + kGeluCubic * (x * x));
    y[i] = x / (1.0f + exp_f32(-u)) * up[i];
  }
}

void soft_cap(const float* x, size_t count, float cap, float* y) {
  for (size_t i = 0; i < count; ++i) y[i] = cap * tanh_f32(x[i] / cap);
}

const RowwiseKernels kPortableRowwise = {.rms_norm = rms_norm,
                                         .prepare_heads = prepare_heads,
                                         .soft_cap = soft_cap,
                                         .max_of = max_of,
                                         .sum_exp = sum_exp};

}  // namespace dyn
