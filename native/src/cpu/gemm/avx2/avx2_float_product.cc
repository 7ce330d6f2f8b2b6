// F32, F16 and BF16 with AVX2: vfmadd, halves widened on the way. 12 of 16 registers hold sums: 3
// rows times 32 outputs, or 6 rows times 16.
//
// Bound at few rows: the panel's bytes. At many: vfmadd 2 a cycle.

#include <immintrin.h>

#include "cpu/avx2_floats.h"
#include "cpu/gemm/avx2/avx2_products.h"

namespace dyn::avx2 {
namespace {

constexpr uint32_t kMaxFloatRows = 6;
constexpr uint32_t kMaxWideRows = 3;  // Whose sums for all 32 outputs fit.

// Inputs [k, k + kInputs) of 8 outputs, from output n of the panel on, as F32.
template <PackedFormat kFormat>
struct Weights8;

template <>
struct Weights8<PackedFormat::kF32> {
  static constexpr size_t kInputs = 1;
  static inline __attribute__((always_inline)) void load(const std::byte* weights, size_t k,
                                                         size_t n, __m256* w) {
    w[0] = _mm256_loadu_ps(reinterpret_cast<const float*>(weights) + k * kPanelWidth + n);
  }
};

template <>
struct Weights8<PackedFormat::kF16> {
  static constexpr size_t kInputs = 1;
  static inline __attribute__((always_inline)) void load(const std::byte* weights, size_t k,
                                                         size_t n, __m256* w) {
    const auto* from = reinterpret_cast<const uint16_t*>(weights) + k * kPanelWidth + n;
    w[0] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
};

template <>
struct Weights8<PackedFormat::kBf16> {
  static constexpr size_t kInputs = 2;
  static inline __attribute__((always_inline)) void load(const std::byte* weights, size_t k,
                                                         size_t n, __m256* w) {
    const auto* from = reinterpret_cast<const uint16_t*>(weights) + k * kPanelWidth + n * 2;
    for (size_t i = 0; i < kInputs; ++i) w[i] = Avx2Floats::load_of_bf16_pairs(from, i);
  }
};

// y[kRows, 8 kVectors of 32], outputs from n on.
template <PackedFormat kFormat, uint32_t kRows, uint32_t kVectors>
inline __attribute__((always_inline)) void float_block(const Panel& panel, const InputRows& x,
                                                       size_t first_row, size_t n, float* y,
                                                       size_t y_stride) {
  using Weights = Weights8<kFormat>;
  __m256 sums[kRows][kVectors];
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) sums[m][v] = _mm256_setzero_ps();
  }
  const float* x_rows = x.f32 + first_row * x.stride;
  for (size_t k = 0; k < panel.num_inputs; k += Weights::kInputs) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      __m256 w[Weights::kInputs];
      Weights::load(panel.weights, k, n + v * kLanes, w);
#pragma GCC unroll 2
      for (size_t i = 0; i < Weights::kInputs; ++i) {
#pragma GCC unroll 6
        for (size_t m = 0; m < kRows; ++m) {
          const __m256 value = _mm256_broadcast_ss(x_rows + m * x.stride + k + i);
          sums[m][v] = _mm256_fmadd_ps(value, w[i], sums[m][v]);
        }
      }
    }
  }
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      _mm256_storeu_ps(y + m * y_stride + n + v * kLanes, sums[m][v]);
    }
  }
}

template <PackedFormat kFormat, uint32_t kRows>
void float_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                size_t y_stride) {
  if constexpr (kRows <= kMaxWideRows) {
    float_block<kFormat, kRows, 4>(panel, x, first_row, 0, y, y_stride);
  } else {
    float_block<kFormat, kRows, 2>(panel, x, first_row, 0, y, y_stride);
    float_block<kFormat, kRows, 2>(panel, x, first_row, 16, y, y_stride);
  }
}

}  // namespace

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  static constexpr Tile kTiles[kMaxFloatRows] = {float_tile<kFormat, 1>, float_tile<kFormat, 2>,
                                                 float_tile<kFormat, 3>, float_tile<kFormat, 4>,
                                                 float_tile<kFormat, 5>, float_tile<kFormat, 6>};
  run_tiles(kTiles, kMaxFloatRows, panel, x, num_rows, y, y_stride);
}

template void float_product<PackedFormat::kF32>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);
template void float_product<PackedFormat::kF16>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);
template void float_product<PackedFormat::kBf16>(const Panel&, const InputRows&, uint32_t, float*,
                                                 size_t);

}  // namespace dyn::avx2
