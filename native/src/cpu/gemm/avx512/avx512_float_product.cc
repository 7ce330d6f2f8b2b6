// F32, F16 and BF16 with AVX-512.

#include "cpu/gemm/avx512/avx512_products.h"

namespace dyn::avx512 {
namespace {

constexpr uint32_t kMaxFloatRows = 8;
constexpr uint32_t kMaxBf16Rows = 12;

// 16 outputs of one input as F32.
template <PackedFormat kFormat>
inline __attribute__((always_inline)) __m512 load_weights(const std::byte* from) {
  if constexpr (kFormat == PackedFormat::kF32) return _mm512_loadu_ps(from);
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// y[kRows, 32] for F32 and F16.
template <PackedFormat kFormat, uint32_t kRows>
void float_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y, size_t y_stride,
                Ahead ahead) {
  constexpr size_t kBytes = kFormat == PackedFormat::kF32 ? 64 : 32;  // For 16 weights.
  __m512 sums[kRows][2];
#pragma GCC unroll 12
  for (size_t m = 0; m < kRows; ++m) sums[m][0] = sums[m][1] = _mm512_setzero_ps();
  const float* x_rows = x.f32 + first_row * x.stride;
  const std::byte* weights = panel.weights;
  for (size_t k = 0; k < panel.num_inputs; ++k, weights += 2 * kBytes) {
    if (kRows > 1 && k % kGroupSize == 0) ahead.fetch();
    const __m512 w0 = load_weights<kFormat>(weights);
    const __m512 w1 = load_weights<kFormat>(weights + kBytes);
#pragma GCC unroll 12
    for (size_t m = 0; m < kRows; ++m) {
      const __m512 value = _mm512_set1_ps(x_rows[m * x.stride + k]);
      sums[m][0] = _mm512_fmadd_ps(value, w0, sums[m][0]);
      sums[m][1] = _mm512_fmadd_ps(value, w1, sums[m][1]);
    }
  }
#pragma GCC unroll 12
  for (size_t m = 0; m < kRows; ++m) {
    _mm512_storeu_ps(y + m * y_stride, sums[m][0]);
    _mm512_storeu_ps(y + m * y_stride + 16, sums[m][1]);
  }
}

// y[kRows, 32] for BF16. If K is odd, the last pair's second weight is zero, and so is its x.
template <uint32_t kRows>
void bf16_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y, size_t y_stride,
               Ahead ahead) {
  __m512 sums[kRows][2];
#pragma GCC unroll 12
  for (size_t m = 0; m < kRows; ++m) sums[m][0] = sums[m][1] = _mm512_setzero_ps();
  const uint16_t* x_rows = x.bf16 + first_row * x.stride;
  const std::byte* weights = panel.weights;
  for (size_t k = 0; k < panel.num_inputs; k += 2, weights += 128) {
    if (kRows > 1 && k % 4 == 0) ahead.fetch_eighth(static_cast<uint32_t>(k % kGroupSize / 4));
    const auto w0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(weights));
    const auto w1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(weights + 64));
#pragma GCC unroll 12
    for (size_t m = 0; m < kRows; ++m) {
      const auto pair = reinterpret_cast<__m512bh>(broadcast_4_bytes(x_rows + m * x.stride + k));
      sums[m][0] = _mm512_dpbf16_ps(sums[m][0], w0, pair);
      sums[m][1] = _mm512_dpbf16_ps(sums[m][1], w1, pair);
    }
  }
#pragma GCC unroll 12
  for (size_t m = 0; m < kRows; ++m) {
    _mm512_storeu_ps(y + m * y_stride, sums[m][0]);
    _mm512_storeu_ps(y + m * y_stride + 16, sums[m][1]);
  }
}

}  // namespace

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  static constexpr Tile kTiles[kMaxFloatRows] = {float_tile<kFormat, 1>, float_tile<kFormat, 2>,
                                                 float_tile<kFormat, 3>, float_tile<kFormat, 4>,
                                                 float_tile<kFormat, 5>, float_tile<kFormat, 6>,
                                                 float_tile<kFormat, 7>, float_tile<kFormat, 8>};
  run_tiles({kTiles, kTiles, kTiles}, kMaxFloatRows, kFormat == PackedFormat::kF32 ? 4096 : 2048,
            panel, x, num_rows, y, y_stride);
}

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride) {
  static constexpr Tile kTiles[kMaxBf16Rows] = {
      bf16_tile<1>, bf16_tile<2>, bf16_tile<3>, bf16_tile<4>,  bf16_tile<5>,  bf16_tile<6>,
      bf16_tile<7>, bf16_tile<8>, bf16_tile<9>, bf16_tile<10>, bf16_tile<11>, bf16_tile<12>};
  run_tiles({kTiles, kTiles, kTiles}, kMaxBf16Rows, 2048, panel, x, num_rows, y, y_stride);
}

template void float_product<PackedFormat::kF32>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);
template void float_product<PackedFormat::kF16>(const Panel&, const InputRows&, uint32_t, float*,
                                                size_t);

}  // namespace dyn::avx512
