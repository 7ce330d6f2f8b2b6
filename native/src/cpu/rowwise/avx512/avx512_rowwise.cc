// The row-wise kernels with AVX-512. Sums lie in four vectors, then one tree, so their order follows
// from the size alone. Each is bound by reading its row once.

#include <immintrin.h>

#include "cpu/avx512_exp.h"
#include "cpu/rowwise/rowwise.h"

namespace dyn {
namespace {

constexpr size_t kWide = 16;

// The lanes of x[at, size) that one vector takes.
__mmask16 lanes_left(size_t size, size_t at) {
  return static_cast<__mmask16>(size - at >= kWide ? 0xffffu : (1u << (size - at)) - 1);
}

float sum_of_squares(const float* x, size_t size) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                    _mm512_setzero_ps()};
  size_t i = 0;
  for (; i + 4 * kWide <= size; i += 4 * kWide) {
    for (size_t n = 0; n < 4; ++n) {
      const __m512 values = _mm512_loadu_ps(x + i + n * kWide);
      sums[n] = _mm512_fmadd_ps(values, values, sums[n]);
    }
  }
  for (; i < size; i += kWide) {
    const __m512 values = _mm512_maskz_loadu_ps(lanes_left(size, i), x + i);
    sums[0] = _mm512_fmadd_ps(values, values, sums[0]);
  }
  return _mm512_reduce_add_ps(
      _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

void rms_norm_512(const float* x, const float* weight, uint32_t size, float eps, float* y) {
  const float mean = sum_of_squares(x, size) / static_cast<float>(size);
  const __m512 scale =
      _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_sqrt_ps(_mm512_set1_ps(mean + eps)));
  for (size_t i = 0; i < size; i += kWide) {
    const __mmask16 lanes = lanes_left(size, i);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), scale);
    const __m512 weights = _mm512_maskz_loadu_ps(lanes, weight + i);
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(scaled, weights));
  }
}

// (a0, b0, a1, b1, ...) becomes (a0, a1, ..., b0, b1, ...).
void join_halves(size_t head_size, float* x) {
  float copy[kMaxHeadSize];
  for (size_t i = 0; i < head_size; ++i) copy[i] = x[i];
  for (size_t i = 0; i < head_size / 2; ++i) {
    x[i] = copy[2 * i];
    x[i + head_size / 2] = copy[2 * i + 1];
  }
}

void rotate_head(const float* cosines, const float* sines, size_t num_pairs, float* x) {
  for (size_t i = 0; i < num_pairs; i += kWide) {
    const __mmask16 lanes = lanes_left(num_pairs, i);
    const __m512 a = _mm512_maskz_loadu_ps(lanes, x + i);
    const __m512 b = _mm512_maskz_loadu_ps(lanes, x + num_pairs + i);
    const __m512 cosine = _mm512_maskz_loadu_ps(lanes, cosines + i);
    const __m512 sine = _mm512_maskz_loadu_ps(lanes, sines + i);
    _mm512_mask_storeu_ps(x + i, lanes, _mm512_fmsub_ps(a, cosine, _mm512_mul_ps(b, sine)));
    _mm512_mask_storeu_ps(x + num_pairs + i, lanes,
                          _mm512_fmadd_ps(b, cosine, _mm512_mul_ps(a, sine)));
  }
}

void prepare_heads_512(const HeadSteps& steps, const float* bias, const float* cosines,
                       const float* sines, uint32_t num_heads, uint32_t head_size, float* x) {
  const size_t num_elements = size_t{num_heads} * head_size;
  if (bias != nullptr) {
    for (size_t i = 0; i < num_elements; ++i) x[i] += bias[i];
  }
  for (size_t at = 0; at < num_elements; at += head_size) {
    if (steps.is_interleaved) join_halves(head_size, x + at);
    if (steps.norm != nullptr) rms_norm_512(x + at, steps.norm, head_size, steps.eps, x + at);
    rotate_head(cosines, sines, head_size / 2, x + at);
  }
}

float max_of_512(const float* x, size_t count) {
  const __m512 nothing = _mm512_set1_ps(-__builtin_inff());
  __m512 maxima[4] = {nothing, nothing, nothing, nothing};
  __mmask16 is_nan = 0;
  size_t i = 0;
  for (; i + 4 * kWide <= count; i += 4 * kWide) {
    for (size_t n = 0; n < 4; n += 2) {
      const __m512 low = _mm512_loadu_ps(x + i + n * kWide);
      const __m512 high = _mm512_loadu_ps(x + i + (n + 1) * kWide);
      is_nan |= _mm512_cmp_ps_mask(low, high, _CMP_UNORD_Q);  // Either.
      maxima[n] = _mm512_max_ps(low, maxima[n]);
      maxima[n + 1] = _mm512_max_ps(high, maxima[n + 1]);
    }
  }
  for (; i < count; i += kWide) {
    const __m512 values = _mm512_mask_loadu_ps(nothing, lanes_left(count, i), x + i);
    is_nan |= _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    maxima[0] = _mm512_max_ps(values, maxima[0]);
  }
  if (is_nan != 0) return __builtin_nanf("");
  return _mm512_reduce_max_ps(
      _mm512_max_ps(_mm512_max_ps(maxima[0], maxima[1]), _mm512_max_ps(maxima[2], maxima[3])));
}

float sum_exp_512(const float* x, size_t count, float max, float temperature) {
  const __m512 nothing = _mm512_set1_ps(-__builtin_inff());
  const __m512 maxima = _mm512_set1_ps(max);
  const __m512 temperatures = _mm512_set1_ps(temperature);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  size_t i = 0;
  for (; i + 2 * kWide <= count; i += 2 * kWide) {
    for (size_t n = 0; n < 2; ++n) {
      const __m512 values = _mm512_loadu_ps(x + i + n * kWide);
      sums[n] = _mm512_add_ps(sums[n],
                              exp_16(_mm512_div_ps(_mm512_sub_ps(values, maxima), temperatures)));
    }
  }
  for (; i < count; i += kWide) {
    const __m512 values = _mm512_mask_loadu_ps(nothing, lanes_left(count, i), x + i);
    sums[0] =
        _mm512_add_ps(sums[0], exp_16(_mm512_div_ps(_mm512_sub_ps(values, maxima), temperatures)));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]));
}

void soft_cap_512(const float* x, size_t count, float cap, float* y) {
  const __m512 caps = _mm512_set1_ps(cap);
  for (size_t i = 0; i < count; i += kWide) {
    const __mmask16 lanes = lanes_left(count, i);
    _mm512_mask_storeu_ps(y + i, lanes, soft_cap_16(_mm512_maskz_loadu_ps(lanes, x + i), caps));
  }
}

}  // namespace

const RowwiseKernels kAvx512Rowwise = {.rms_norm = rms_norm_512,
                                       .prepare_heads = prepare_heads_512,
                                       .soft_cap = soft_cap_512,
                                       .max_of = max_of_512,
                                       .sum_exp = sum_exp_512};

}  // namespace dyn
