// AVX2 with FMA: rows of activations, and the table.

#include <immintrin.h>

#include "cpu/avx2_floats.h"
#include "cpu/gemm/avx2/avx2_products.h"
#include "cpu/gemm/kernels.h"
#include "cpu/rowwise/float_rowwise.h"

namespace dyn {
namespace {

// No product of this instruction set reads BF16.
void to_bf16(const float*, size_t, uint16_t*) {}

inline __attribute__((always_inline)) int32_t sum_of(__m256i x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

void to_s8(const float* x, size_t num_groups, const S8Groups& to) {
  const __m256 sign_bit = _mm256_set1_ps(-0.0f);
  // Packing works within halves of 128 bits: this puts the fours back into their order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (size_t g = 0; g < num_groups; ++g, x += kGroupSize) {
    __m256 values[4];
    __m256 magnitudes = _mm256_setzero_ps();
    __m256 nans = _mm256_setzero_ps();
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      values[i] = _mm256_loadu_ps(x + i * avx2::kLanes);
      nans = Avx2Floats::or_nan(nans, values[i]);
      magnitudes = _mm256_max_ps(magnitudes, _mm256_andnot_ps(sign_bit, values[i]));
    }
    const float largest = Avx2Floats::max_of(magnitudes);
    const __m256 inverse = _mm256_set1_ps(largest > 0x1p-100f ? 127.0f / largest : 0.0f);
    __m256i quants[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      quants[i] = _mm256_cvtps_epi32(_mm256_mul_ps(values[i], inverse));
    }
    const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(quants[0], quants[1]),
                                             _mm256_packs_epi32(quants[2], quants[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.s8 + g * kGroupSize),
                        _mm256_permutevar8x32_epi32(bytes, order));
    if (Avx2Floats::has_nan(nans)) {
      to.set(g, __builtin_nanf(""), 0, 0);
    } else {
      to.set(g, largest / 127.0f, sum_of(_mm256_add_epi32(quants[0], quants[1])),
             sum_of(_mm256_add_epi32(quants[2], quants[3])));
    }
  }
}

}  // namespace

using avx2::float_product;

const GemmKernels kAvx2Gemm = {
    .bf16_form = InputForm::kF32,
    .float_products = {float_product<PackedFormat::kF32>, float_product<PackedFormat::kF16>,
                       float_product<PackedFormat::kBf16>},
    .quant_products = &avx2::kQuantProducts,
    .swiglu = swiglu_of<Avx2Floats>,
    .geglu = geglu_of<Avx2Floats>,
    .to_bf16 = to_bf16,
    .to_s8 = to_s8,
};

}  // namespace dyn
