// AVX-512 with VNNI and BF16: rows of activations, and the table.

#include <immintrin.h>

#include <cstring>

#include "cpu/gemm/avx512/avx512_products.h"
#include "cpu/gemm/kernels.h"
#include "cpu/rowwise/rowwise.h"

namespace dyn {
namespace {

// base/exp.h, 16 at a time: the same operations in the same order.
inline __attribute__((always_inline)) __m512 exp_16(__m512 x) {
  const __m512 low = _mm512_set1_ps(-87.0f);
  const __mmask16 is_above = _mm512_cmp_ps_mask(x, low, _CMP_GT_OQ);
  const __mmask16 is_zero = _mm512_cmp_ps_mask(x, low, _CMP_NGE_UQ);
  const __m512 clamped =
      _mm512_min_ps(_mm512_mask_blend_ps(is_above, low, x), _mm512_set1_ps(88.0f));
  const __m512 round = _mm512_set1_ps(12582912.0f);
  const __m512 scaled = _mm512_mul_ps(clamped, _mm512_set1_ps(1.44269504088896341f));
  const __m512 n = _mm512_sub_ps(_mm512_add_ps(scaled, round), round);
  const __m512 high = _mm512_sub_ps(clamped, _mm512_mul_ps(n, _mm512_set1_ps(0.693359375f)));
  const __m512 r = _mm512_sub_ps(high, _mm512_mul_ps(n, _mm512_set1_ps(-2.12194440e-4f)));
  constexpr float kCoefficients[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                     1.6666665459e-1f, 5.0000001201e-1f};
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
#pragma GCC unroll 5
  for (const float coefficient : kCoefficients) {
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(coefficient));
  }
  p = _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(p, _mm512_mul_ps(r, r)), r), _mm512_set1_ps(1.0f));
  const __m512i exponent = _mm512_add_epi32(_mm512_cvttps_epi32(n), _mm512_set1_epi32(127));
  const __m512 power = _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  return _mm512_mask_blend_ps(is_zero, _mm512_mul_ps(p, power), _mm512_setzero_ps());
}

void swiglu_512(const float* gate, const float* up, uint32_t count, float* y) {
  const __m512 sign_bit = _mm512_set1_ps(-0.0f);
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t left = count - i;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffffu : (1u << left) - 1);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
    const __m512 below = _mm512_add_ps(_mm512_set1_ps(1.0f), exp_16(_mm512_xor_ps(g, sign_bit)));
    const __m512 silu = _mm512_div_ps(g, below);
    const __m512 product = _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(mask, up + i));
    _mm512_mask_storeu_ps(y + i, mask, product);
  }
}

void geglu_512(const float* gate, const float* up, uint32_t count, float* y) {
  const __m512 sign_bit = _mm512_set1_ps(-0.0f);
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t left = count - i;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffffu : (1u << left) - 1);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
    const __m512 slope =
        _mm512_add_ps(_mm512_set1_ps(kGeluLinear),
                      _mm512_mul_ps(_mm512_set1_ps(kGeluCubic), _mm512_mul_ps(g, g)));
    const __m512 e = exp_16(_mm512_xor_ps(_mm512_mul_ps(g, slope), sign_bit));
    const __m512 gelu = _mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
    const __m512 product = _mm512_mul_ps(gelu, _mm512_maskz_loadu_ps(mask, up + i));
    _mm512_mask_storeu_ps(y + i, mask, product);
  }
}

void to_bf16(const float* x, size_t num_groups, uint16_t* bf16) {
  for (size_t k = 0; k < num_groups * kGroupSize; k += 32) {
    const __m512bh halves =
        _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + k + 16), _mm512_loadu_ps(x + k));
    std::memcpy(bf16 + k, &halves, sizeof(halves));
  }
}

struct HalfSums {
  int32_t first;
  int32_t second;
};

// One instruction adds 8 bytes that are not negative: so 128 is added to each, and taken off again.
inline __attribute__((always_inline)) HalfSums sums_of_halves(__m256i s8) {
  const __m256i above_zero = _mm256_xor_si256(s8, _mm256_set1_epi8(-128));
  const __m256i eights = _mm256_sad_epu8(above_zero, _mm256_setzero_si256());
  const __m256i halves = _mm256_add_epi64(eights, _mm256_unpackhi_epi64(eights, eights));
  constexpr int32_t kAdded = 16 * 128;
  return {_mm256_cvtsi256_si32(halves) - kAdded, _mm256_extract_epi32(halves, 4) - kAdded};
}

void to_s8(const float* x, size_t num_groups, const S8Groups& to) {
  for (size_t g = 0; g < num_groups; ++g, x += kGroupSize) {
    const __m512 x0 = _mm512_loadu_ps(x);
    const __m512 x1 = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(x0), _mm512_abs_ps(x1)));
    const __m512 inverse = _mm512_set1_ps(largest > 0x1p-100f ? 127.0f / largest : 0.0f);
    const __m512i quant0 = _mm512_cvtps_epi32(_mm512_mul_ps(x0, inverse));
    const __m512i quant1 = _mm512_cvtps_epi32(_mm512_mul_ps(x1, inverse));
    const __m256i s8 = _mm256_set_m128i(_mm512_cvtepi32_epi8(quant1), _mm512_cvtepi32_epi8(quant0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.s8 + g * kGroupSize), s8);
    if (_mm512_cmp_ps_mask(x0, x1, _CMP_UNORD_Q) != 0) {
      to.set(g, __builtin_nanf(""), 0, 0);
    } else {
      const auto [first, second] = sums_of_halves(s8);
      to.set(g, largest / 127.0f, first, second);
    }
  }
}

}  // namespace

using avx512::bf16_product;
using avx512::float_product;

const GemmKernels kAvx512Gemm = {
    .bf16_form = InputForm::kBf16,
    .float_products = {float_product<PackedFormat::kF32>, float_product<PackedFormat::kF16>,
                       bf16_product},
    .quant_products = &avx512::kQuantProducts,
    .swiglu = swiglu_512,
    .geglu = geglu_512,
    .to_bf16 = to_bf16,
    .to_s8 = to_s8,
};

}  // namespace dyn
