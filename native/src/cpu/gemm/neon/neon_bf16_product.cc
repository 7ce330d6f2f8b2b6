// BF16 with NEON and its BF16 extension: bfdot by a lane, two inputs of four outputs an
// instruction. Sums of 4 rows times 16 of a panel's outputs lie in 16 registers, as do those of 2
// rows times 32.
//
// Bound at few rows: the panel's bytes. At many: two bfdot a cycle on a Neoverse N2, twice the FLOP
// of fmla; not measured, for lack of such a machine.

#include <arm_neon.h>

#include "cpu/gemm/neon/neon_products.h"

namespace dyn::neon {
namespace {

constexpr size_t kLanes = 4;
constexpr uint32_t kMaxWideRows = 2;  // Whose sums for all 32 outputs fit.

// A pair of weights of 4 outputs from output n on.
[[gnu::always_inline]] inline bfloat16x8_t load_pairs(const std::byte* weights, size_t pair,
                                                      size_t n) {
  const auto* from = reinterpret_cast<const uint16_t*>(weights) + (pair * kPanelWidth + n) * 2;
  return vreinterpretq_bf16_u16(vld1q_u16(from));
}

// y[kRows, 4 kVectors of 32], outputs from n on. If K is odd, the last pair's second weight
// is zero, and so is its x.
template <uint32_t kRows, uint32_t kVectors>
[[gnu::always_inline]] inline void bf16_block(const Panel& panel, const InputRows& x,
                                              size_t first_row, size_t n, float* y,
                                              size_t y_stride) {
  const uint16_t* x_rows = x.bf16 + first_row * x.stride;
  const size_t num_pairs = ceil_div(panel.num_inputs, 2);
  float32x4_t sums[kRows][kVectors];
#pragma GCC unroll 4
  for (size_t m = 0; m < kRows; ++m) {
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) sums[m][v] = vdupq_n_f32(0.0f);
  }
  size_t pair = 0;
  for (; pair + kLanes <= num_pairs; pair += kLanes) {
    bfloat16x8_t values[kRows];
#pragma GCC unroll 4
    for (size_t m = 0; m < kRows; ++m) {
      values[m] = vreinterpretq_bf16_u16(vld1q_u16(x_rows + m * x.stride + 2 * pair));
    }
    for_each_constant<kLanes>([&](auto i) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        const bfloat16x8_t w = load_pairs(panel.weights, pair + i, n + v * kLanes);
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          sums[m][v] = vbfdotq_laneq_f32(sums[m][v], w, values[m], i);
        }
      }
    });
  }
  for (; pair < num_pairs; ++pair) {
    for (size_t m = 0; m < kRows; ++m) {
      const uint16_t* from = x_rows + m * x.stride + 2 * pair;
      const uint32_t both = from[0] | uint32_t{from[1]} << 16;
      const bfloat16x8_t value = vreinterpretq_bf16_u32(vdupq_n_u32(both));
      for (size_t v = 0; v < kVectors; ++v) {
        const bfloat16x8_t w = load_pairs(panel.weights, pair, n + v * kLanes);
        sums[m][v] = vbfdotq_f32(sums[m][v], w, value);
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

template <uint32_t kRows>
void bf16_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y,
               size_t y_stride) {
  if constexpr (kRows <= kMaxWideRows) {
    bf16_block<kRows, 8>(panel, x, first_row, 0, y, y_stride);
  } else {
    bf16_block<kRows, 4>(panel, x, first_row, 0, y, y_stride);
    bf16_block<kRows, 4>(panel, x, first_row, 16, y, y_stride);
  }
}

}  // namespace

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride) {
  static constexpr Tile kTiles[] = {bf16_tile<1>, bf16_tile<2>, bf16_tile<3>, bf16_tile<4>};
  run_tiles(kTiles, panel, x, num_rows, y, y_stride);
}

void to_bf16(const float* x, size_t num_groups, uint16_t* bf16) {
  for (size_t k = 0; k < num_groups * kGroupSize; k += 8) {
    const bfloat16x8_t low = vcvtq_low_bf16_f32(vld1q_f32(x + k));
    const bfloat16x8_t halves = vcvtq_high_bf16_f32(low, vld1q_f32(x + k + 4));
    vst1q_u16(bf16 + k, vreinterpretq_u16_bf16(halves));
  }
}

}  // namespace dyn::neon
