// F32, F16 and BF16 with NEON: fmla by a lane of four activations, halves widened on the way. Sums
// of 4 rows times 16 of a panel's outputs lie in 16 registers, as do those of 2 rows times 32.
//
// Bound at few rows: the panel's bytes. At many: two fmla of 4 a cycle on a Neoverse N1, four on a
// V1, each with a load for 4 rows; not measured, for lack of such a machine.

#include <arm_neon.h>

#include "cpu/gemm/neon/neon_products.h"

namespace dyn::neon {
namespace {

constexpr size_t kLanes = 4;
constexpr uint32_t kMaxWideRows = 2;  // Whose sums for all 32 outputs fit.

template <PackedFormat kFormat>
inline constexpr size_t kWordInputs = kFormat == PackedFormat::kBf16 ? 2 : 1;

// Input kWordInputs * word + i of 4 outputs, from output n of the panel on, as F32.
template <PackedFormat kFormat>
[[gnu::always_inline]] inline float32x4_t load_weights(const std::byte* weights, size_t word,
                                                       size_t n, size_t i) {
  const size_t at = word * kPanelWidth + n;
  if constexpr (kFormat == PackedFormat::kF32) {
    return vld1q_f32(reinterpret_cast<const float*>(weights) + at);
  } else if constexpr (kFormat == PackedFormat::kF16) {
    const uint16x4_t halves = vld1_u16(reinterpret_cast<const uint16_t*>(weights) + at);
    return vcvt_f32_f16(vreinterpret_f16_u16(halves));
  } else {
    const uint32x4_t pairs =
        vreinterpretq_u32_u16(vld1q_u16(reinterpret_cast<const uint16_t*>(weights) + 2 * at));
    return vreinterpretq_f32_u32(i == 0 ? vshlq_n_u32(pairs, 16)
                                        : vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
}

// y[kRows, 4 kVectors of 32], outputs from n on.
template <PackedFormat kFormat, uint32_t kRows, uint32_t kVectors>
[[gnu::always_inline]] inline void float_block(const Panel& panel, const InputRows& x,
                                               size_t first_row, size_t n, float* y,
                                               size_t y_stride) {
  constexpr size_t kInputs = kWordInputs<kFormat>;
  const float* x_rows = x.f32 + first_row * x.stride;
  float32x4_t sums[kRows][kVectors];
#pragma GCC unroll 4
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) sums[m][v] = vdupq_n_f32(0.0f);
  }
  size_t k = 0;
  for (; k + kLanes <= panel.num_inputs; k += kLanes) {
    float32x4_t values[kRows];
#pragma GCC unroll 4
    for (size_t m = 0; m < kRows; ++m) values[m] = vld1q_f32(x_rows + m * x.stride + k);
    for_each_constant<kLanes>([&](auto i) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        const float32x4_t w =
            load_weights<kFormat>(panel.weights, (k + i) / kInputs, n + v * kLanes, i % kInputs);
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          sums[m][v] = vfmaq_laneq_f32(sums[m][v], w, values[m], i);
        }
      }
    });
  }
  for (; k < panel.num_inputs; ++k) {
    for (size_t v = 0; v < kVectors; ++v) {
      const float32x4_t w =
          load_weights<kFormat>(panel.weights, k / kInputs, n + v * kLanes, k % kInputs);
      for (size_t m = 0; m < kRows; ++m) {
        sums[m][v] = vfmaq_n_f32(sums[m][v], w, x_rows[m * x.stride + k]);
      }
    }
  }
#pragma GCC unroll 4
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) {
      vst1q_f32(y + m * y_stride + n + v * kLanes, sums[m][v]);
    }
  }
}

template <PackedFormat kFormat, uint32_t kRows>
void float_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                size_t y_stride) {
  if constexpr (kRows <= kMaxWideRows) {
    float_block<kFormat, kRows, 8>(panel, x, first_row, 0, y, y_stride);
  } else {
    float_block<kFormat, kRows, 4>(panel, x, first_row, 0, y, y_stride);
    float_block<kFormat, kRows, 4>(panel, x, first_row, 16, y, y_stride);
  }
}

}  // namespace

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  static constexpr Tile kTiles[] = {float_tile<kFormat, 1>, float_tile<kFormat, 2>,
                                    float_tile<kFormat, 3>, float_tile<kFormat, 4>};
  run_tiles(kTiles, panel, x, num_rows, y, y_stride);
}

template void float_product<PackedFormat::kF32>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);
template void float_product<PackedFormat::kF16>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);
template void float_product<PackedFormat::kBf16>(const Panel&, const InputRows&, uint32_t, float*,
                                                 size_t);

}  // namespace dyn::neon
