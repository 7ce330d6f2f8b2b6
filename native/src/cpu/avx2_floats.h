// A vector of 8 floats with AVX2 and FMA, for the templates of floats.h. For files that are
// compiled for AVX2 only; inlined into each of them.

#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace dyn {

struct Avx2Floats {
  using Vector = __m256;
  static constexpr size_t kLanes = 8;
  static constexpr uint32_t kNumSums = 12;  // In 16 registers; the others hold the factors.

  [[gnu::always_inline]] static inline Vector load(const float* from) {
    return _mm256_loadu_ps(from);
  }
  [[gnu::always_inline]] static inline void store(float* to, Vector x) { _mm256_storeu_ps(to, x); }
  [[gnu::always_inline]] static inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
  [[gnu::always_inline]] static inline Vector add(Vector a, Vector b) {
    return _mm256_add_ps(a, b);
  }
  [[gnu::always_inline]] static inline Vector sub(Vector a, Vector b) {
    return _mm256_sub_ps(a, b);
  }
  [[gnu::always_inline]] static inline Vector mul(Vector a, Vector b) {
    return _mm256_mul_ps(a, b);
  }
  [[gnu::always_inline]] static inline Vector div(Vector a, Vector b) {
    return _mm256_div_ps(a, b);
  }
  [[gnu::always_inline]] static inline Vector negate(Vector x) {
    return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
  }
  // a b + c, rounded once.
  [[gnu::always_inline]] static inline Vector multiply_add(Vector a, Vector b, Vector c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  // A NaN of b is kept.
  [[gnu::always_inline]] static inline Vector min(Vector a, Vector b) {
    return _mm256_min_ps(a, b);
  }
  [[gnu::always_inline]] static inline Vector max(Vector a, Vector b) {
    return _mm256_max_ps(a, b);
  }
  // y, but 0 where x < limit.
  [[gnu::always_inline]] static inline Vector zero_below(Vector x, Vector limit, Vector y) {
    return _mm256_andnot_ps(_mm256_cmp_ps(x, limit, _CMP_LT_OQ), y);
  }
  // 2^n of whole numbers.
  [[gnu::always_inline]] static inline Vector power_of_two(Vector n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvttps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }

  // Has a NaN for each of x, and those that `nans` had.
  [[gnu::always_inline]] static inline Vector or_nan(Vector nans, Vector x) {
    return _mm256_or_ps(nans, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  }
  [[gnu::always_inline]] static inline bool has_nan(Vector x) {
    return _mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0;
  }
  [[gnu::always_inline]] static inline float sum_of(Vector x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  [[gnu::always_inline]] static inline float max_of(Vector x) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  // The first (i = 0) or the second of each of 8 pairs.
  [[gnu::always_inline]] static inline Vector load_of_bf16_pairs(const void* from, size_t i) {
    const __m256i pairs = _mm256_loadu_si256(static_cast<const __m256i*>(from));
    const __m256i high = _mm256_set1_epi32(static_cast<int32_t>(0xffff0000u));
    return _mm256_castsi256_ps(i == 0 ? _mm256_slli_epi32(pairs, 16)
                                      : _mm256_and_si256(pairs, high));
  }
  [[gnu::always_inline]] static inline Vector load_of_int8_pairs(const void* from, size_t i) {
    const __m256i pairs = _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(from)));
    const __m256i high = i == 0 ? _mm256_slli_epi32(pairs, 16) : pairs;
    return _mm256_cvtepi32_ps(_mm256_srai_epi32(high, 16));
  }
};

}  // namespace dyn
