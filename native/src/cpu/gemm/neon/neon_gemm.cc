// NEON: rows of activations, and the tables.

#include <arm_neon.h>

#include "cpu/gemm/kernels.h"
#include "cpu/gemm/neon/neon_products.h"
#include "cpu/neon_floats.h"
#include "cpu/rowwise/float_rowwise.h"

namespace dyn {
namespace neon {

void swiglu(const float* gate, const float* up, uint32_t count, float* y) {
  swiglu_of<NeonFloats>(gate, up, count, y);
}

void geglu(const float* gate, const float* up, uint32_t count, float* y) {
  geglu_of<NeonFloats>(gate, up, count, y);
}

void to_s8(const float* x, size_t num_groups, const S8Groups& to) {
  for (size_t g = 0; g < num_groups; ++g, x += kGroupSize) {
    float32x4_t values[8];
    float32x4_t nans = vdupq_n_f32(0.0f);
    float32x4_t magnitudes = vdupq_n_f32(0.0f);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      values[i] = vld1q_f32(x + 4 * i);
      nans = NeonFloats::or_nan(nans, values[i]);
      magnitudes = vmaxq_f32(magnitudes, vabsq_f32(values[i]));
    }
    const float largest = vmaxvq_f32(magnitudes);
    const float inverse = largest > 0x1p-100f ? 127.0f / largest : 0.0f;
    int32_t sums[2];
#pragma GCC unroll 2
    for (size_t half = 0; half < 2; ++half) {
      int32x4_t quants[4];
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) {
        quants[i] = vcvtnq_s32_f32(vmulq_n_f32(values[4 * half + i], inverse));
      }
      const int16x8_t first = vqmovn_high_s32(vqmovn_s32(quants[0]), quants[1]);
      const int16x8_t second = vqmovn_high_s32(vqmovn_s32(quants[2]), quants[3]);
      const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(first), second);
      vst1q_s8(to.s8 + g * kGroupSize + 16 * half, bytes);
      sums[half] = vaddlvq_s8(bytes);
    }
    if (NeonFloats::has_nan(nans)) {
      to.set(g, __builtin_nanf(""), 0, 0);
    } else {
      to.set(g, largest / 127.0f, sums[0], sums[1]);
    }
  }
}

// No product without BF16 instructions reads BF16.
void to_no_bf16(const float*, size_t, uint16_t*) {}

}  // namespace neon

using neon::float_product;

const GemmKernels kNeonV8Gemm = {
    .bf16_form = InputForm::kF32,
    .float_products = {float_product<PackedFormat::kF32>, float_product<PackedFormat::kF16>,
                       float_product<PackedFormat::kBf16>},
    .quant_products = &neon::kWideningQuantProducts,
    .swiglu = neon::swiglu,
    .geglu = neon::geglu,
    .to_bf16 = neon::to_no_bf16,
    .to_s8 = neon::to_s8,
};

const GemmKernels kNeonGemm = {
    .bf16_form = InputForm::kF32,
    .float_products = {float_product<PackedFormat::kF32>, float_product<PackedFormat::kF16>,
                       float_product<PackedFormat::kBf16>},
    .quant_products = &neon::kQuantProducts,
    .swiglu = neon::swiglu,
    .geglu = neon::geglu,
    .to_bf16 = neon::to_no_bf16,
    .to_s8 = neon::to_s8,
};

const GemmKernels kNeonBf16Gemm = {
    .bf16_form = InputForm::kBf16,
    .float_products = {float_product<PackedFormat::kF32>, float_product<PackedFormat::kF16>,
                       neon::bf16_product},
    .quant_products = &neon::kQuantProducts,
    .swiglu = neon::swiglu,
    .geglu = neon::geglu,
    .to_bf16 = neon::to_bf16,
    .to_s8 = neon::to_s8,
};

}  // namespace dyn
