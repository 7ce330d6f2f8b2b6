// e^x of 16 floats, and what is made of it. For the files that are compiled for AVX-512 only; inlined into each of them.

#pragma once

#include <immintrin.h>

namespace dyn {

// e^x to a relative error of 2e-7, by Cephes' polynomial (expf.c). 0 below -87; NaN stays NaN.
[[gnu::always_inline]] static inline __m512 exp_16(__m512 x) {
  const __mmask16 is_zero = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_LT_OQ);
  const __m512 clamped = _mm512_max_ps(_mm512_set1_ps(-88.0f), x);  // The second where one is NaN.
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(clamped, _mm512_set1_ps(1.44269504f)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), clamped);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0f));
  return _mm512_mask_mov_ps(_mm512_scalef_ps(p, n), is_zero, _mm512_setzero_ps());
}

// cap tanh(x / cap); NaN stays NaN. Below tanh(1/4) by the series of tanh, since 1 - e^-2y would lose what is
// small.
[[gnu::always_inline]] static inline __m512 soft_cap_16(__m512 x, __m512 cap) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 limit = _mm512_set1_ps(20.0f);
  const __m512 y =
      _mm512_min_ps(limit, _mm512_max_ps(_mm512_set1_ps(-20.0f), _mm512_div_ps(x, cap)));
  const __m512 square = _mm512_mul_ps(y, y);
  const __m512 e = exp_16(_mm512_mul_ps(_mm512_set1_ps(-2.0f), y));
  const __m512 far = _mm512_div_ps(_mm512_sub_ps(one, e), _mm512_add_ps(one, e));
  __m512 p = _mm512_set1_ps(2.18694885e-2f);
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-5.39682539e-2f));
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(1.33333333e-1f));
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-3.33333333e-1f));
  const __m512 near = _mm512_fmadd_ps(_mm512_mul_ps(y, square), p, y);
  const __mmask16 is_near = _mm512_cmp_ps_mask(square, _mm512_set1_ps(0x1p-4f), _CMP_LT_OQ);
  return _mm512_mul_ps(cap, _mm512_mask_mov_ps(far, is_near, near));
}

}  // namespace dyn
