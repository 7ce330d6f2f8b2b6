// The row-wise kernels as templates of a vector of floats (cpu/floats.h). Sums lie in four vectors,
// then one tree, so their order follows from the size alone. Each is bound by reading its row once.

#pragma once

#include "cpu/floats.h"
#include "cpu/rowwise/rowwise.h"

namespace dyn {

// Calls body(vector, n), n < 4 the vector's sum, for all of x; the last is filled up with `rest`.
template <typename V, typename Body>
[[gnu::always_inline]] inline void for_each_vector(const float* x, size_t count, float rest,
                                                   const Body& body) {
  size_t i = 0;
  for (; i + 4 * V::kLanes <= count; i += 4 * V::kLanes) {
#pragma GCC unroll 4
    for (size_t n = 0; n < 4; ++n) body(V::load(x + i + n * V::kLanes), n);
  }
  for (; i + V::kLanes <= count; i += V::kLanes) body(V::load(x + i), 0);
  if (i < count) body(load_tail<V>(x, i, count, rest), 0);
}

template <typename V>
void rms_norm_of(const float* x, const float* weight, uint32_t size, float eps, float* y) {
  using Vector = typename V::Vector;
  const Vector zero = V::broadcast(0.0f);
  Vector sums[4] = {zero, zero, zero, zero};
  for_each_vector<V>(x, size, 0.0f, [&](Vector values, size_t n) {
    sums[n] = V::multiply_add(values, values, sums[n]);
  });
  const float mean = V::sum_of(add_four<V>(sums)) / static_cast<float>(size);
  const float scale = 1.0f / __builtin_sqrtf(mean + eps);
  size_t i = 0;
  for (; i + V::kLanes <= size; i += V::kLanes) {
    const Vector scaled = V::mul(V::load(x + i), V::broadcast(scale));
    V::store(y + i, V::mul(scaled, V::load(weight + i)));
  }
  for (; i < size; ++i) y[i] = x[i] * scale * weight[i];
}

// (a0, b0, a1, b1, ...) becomes (a0, a1, ..., b0, b1, ...).
template <typename V>
void join_halves_of(size_t head_size, float* x) {
  float copy[kMaxHeadSize];
  for (size_t i = 0; i < head_size; ++i) copy[i] = x[i];
  for (size_t i = 0; i < head_size / 2; ++i) {
    x[i] = copy[2 * i];
    x[i + head_size / 2] = copy[2 * i + 1];
  }
}

template <typename V>
void rotate_head_of(const float* cosines, const float* sines, size_t num_pairs, float* x) {
  using Vector = typename V::Vector;
  size_t i = 0;
  for (; i + V::kLanes <= num_pairs; i += V::kLanes) {
    const Vector a = V::load(x + i);
    const Vector b = V::load(x + num_pairs + i);
    const Vector cosine = V::load(cosines + i);
    const Vector sine = V::load(sines + i);
    V::store(x + i, V::sub(V::mul(a, cosine), V::mul(b, sine)));
    V::store(x + num_pairs + i, V::add(V::mul(b, cosine), V::mul(a, sine)));
  }
  for (; i < num_pairs; ++i) {
    const float a = x[i];
    const float b = x[num_pairs + i];
    x[i] = a * cosines[i] - b * sines[i];
    x[num_pairs + i] = b * cosines[i] + a * sines[i];
  }
}

template <typename V>
void prepare_heads_of(const HeadSteps& steps, const float* bias, const float* cosines,
                      const float* sines, uint32_t num_heads, uint32_t head_size, float* x) {
  const size_t num_elements = size_t{num_heads} * head_size;
  if (bias != nullptr) {
    for (size_t i = 0; i < num_elements; ++i) x[i] += bias[i];
  }
  for (size_t at = 0; at < num_elements; at += head_size) {
    if (steps.is_interleaved) join_halves_of<V>(head_size, x + at);
    if (steps.norm != nullptr) rms_norm_of<V>(x + at, steps.norm, head_size, steps.eps, x + at);
    rotate_head_of<V>(cosines, sines, head_size / 2, x + at);
  }
}

template <typename V>
float max_of_all(const float* x, size_t count) {
  using Vector = typename V::Vector;
  constexpr float kNothing = -__builtin_inff();
  const Vector nothing = V::broadcast(kNothing);
  Vector maxima[4] = {nothing, nothing, nothing, nothing};
  Vector nans = V::broadcast(0.0f);
  for_each_vector<V>(x, count, kNothing, [&](Vector values, size_t n) {
    nans = V::or_nan(nans, values);
    maxima[n] = V::max(maxima[n], values);
  });
  if (V::has_nan(nans)) return __builtin_nanf("");
  return V::max_of(V::max(V::max(maxima[0], maxima[1]), V::max(maxima[2], maxima[3])));
}

template <typename V>
float sum_exp_of(const float* x, size_t count, float max, float temperature) {
  using Vector = typename V::Vector;
  const Vector zero = V::broadcast(0.0f);
  Vector sums[4] = {zero, zero, zero, zero};
  for_each_vector<V>(x, count, -__builtin_inff(), [&](Vector values, size_t n) {
    const Vector above = V::div(V::sub(values, V::broadcast(max)), V::broadcast(temperature));
    sums[n] = V::add(sums[n], exp_of<V>(above));
  });
  return V::sum_of(add_four<V>(sums));
}

// The bits of rowwise.h's swiglu.
template <typename V>
void swiglu_of(const float* gate, const float* up, uint32_t count, float* y) {
  using Vector = typename V::Vector;
  const auto silu_up = [](Vector g, Vector u) {
    const Vector below = V::add(V::broadcast(1.0f), exp_of<V>(V::negate(g)));
    return V::mul(V::div(g, below), u);
  };
  uint32_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) {
    V::store(y + i, silu_up(V::load(gate + i), V::load(up + i)));
  }
  if (i == count) return;
  float tail[V::kLanes];
  V::store(tail, silu_up(load_tail<V>(gate, i, count, 0.0f), load_tail<V>(up, i, count, 0.0f)));
  for (uint32_t n = 0; i + n < count; ++n) y[i + n] = tail[n];
}

// The bits of rowwise.h's geglu.
template <typename V>
void geglu_of(const float* gate, const float* up, uint32_t count, float* y) {
  using Vector = typename V::Vector;
  const auto gelu_up = [](Vector g, Vector u) {
    const Vector slope =
        V::add(V::broadcast(kGeluLinear), V::mul(V::broadcast(kGeluCubic), V::mul(g, g)));
    const Vector e = exp_of<V>(V::negate(V::mul(g, slope)));
    return V::mul(V::div(g, V::add(V::broadcast(1.0f), e)), u);
  };
  uint32_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) {
    V::store(y + i, gelu_up(V::load(gate + i), V::load(up + i)));
  }
  if (i == count) return;
  float tail[V::kLanes];
  V::store(tail, gelu_up(load_tail<V>(gate, i, count, 0.0f), load_tail<V>(up, i, count, 0.0f)));
  for (uint32_t n = 0; i + n < count; ++n) y[i + n] = tail[n];
}

template <typename V>
void soft_cap_all(const float* x, size_t count, float cap, float* y) {
  size_t i = 0;
  for (; i + V::kLanes <= count; i += V::kLanes) {
    V::store(y + i, soft_cap_of<V>(V::load(x + i), V::broadcast(cap)));
  }
  if (i == count) return;
  float tail[V::kLanes];
  V::store(tail, soft_cap_of<V>(load_tail<V>(x, i, count, 0.0f), V::broadcast(cap)));
  for (size_t n = 0; i + n < count; ++n) y[i + n] = tail[n];
}

template <typename V>
inline constexpr RowwiseKernels kFloatRowwise = {.rms_norm = rms_norm_of<V>,
                                                 .prepare_heads = prepare_heads_of<V>,
                                                 .soft_cap = soft_cap_all<V>,
                                                 .max_of = max_of_all<V>,
                                                 .sum_exp = sum_exp_of<V>};

}  // namespace dyn
