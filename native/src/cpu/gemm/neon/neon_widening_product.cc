// Quants with NEON before the dot product (ARMv8.0: Cortex-A53, A57, A72): smull and smlal to 16
// bits, as many as 16 bits hold, then sadalp to 32. Activations are within +-127, so for quants of
// 8 bits 2 products of a pair of inputs fit (2 * 128 * 127 < 2^15), for those of 5 and 6 bits 4,
// for those of 4 bits 8.
//
// Bound at few rows: the panel's bytes. At many: 16 smull or smlal, 8 dup and, for 8 bits, 8 sadalp
// for a row, a group and 4 outputs: a quarter of what sdot does; not measured, for lack of such a
// machine.

#include <algorithm>

#include "cpu/gemm/neon/neon_quant_product.h"

namespace dyn::neon {
namespace {

constexpr size_t max_products(size_t quant_bits) {
  return quant_bits == 8 ? 2 : quant_bits > 4 ? 4 : 8;
}

struct WideningDots {
  // dots[m][v] += sums over a part of a group of x8 * quant, for 16 outputs from n on.
  template <uint32_t kRows, typename Block>
  [[gnu::always_inline]] static inline void add_part(const Block& block, size_t index, size_t part,
                                                     size_t n, const int8_t* x, size_t x_stride,
                                                     int32x4_t (*dots)[kVectors]) {
    constexpr size_t kNumQuads = 8 / Block::kNumParts;
    constexpr size_t kMaxProducts = std::min(kNumQuads, max_products(kReadBits<Block>));
    const auto& group = block.group(index);
    for (size_t v = 0; v < kVectors; ++v) {
      int32x4_t low[kRows];   // Pairs of inputs of the outputs 0 and 1.
      int32x4_t high[kRows];  // The same of the outputs 2 and 3.
#pragma GCC unroll 4
      for (size_t m = 0; m < kRows; ++m) low[m] = high[m] = vdupq_n_s32(0);
#pragma GCC unroll 4
      for (size_t first = 0; first < kNumQuads; first += kMaxProducts) {
        int16x8_t low16[kRows];
        int16x8_t high16[kRows];
#pragma GCC unroll 8
        for (size_t i = 0; i < kMaxProducts; ++i) {
          const size_t quad = part * kNumQuads + first + i;
          const int8x16_t w = load_quad(group, quad, n + v * kLanes);
#pragma GCC unroll 4
          for (size_t m = 0; m < kRows; ++m) {
            const int8x16_t four = load_four(x + m * x_stride + 4 * quad);
            if (i == 0) {
              low16[m] = vmull_s8(vget_low_s8(w), vget_low_s8(four));
              high16[m] = vmull_high_s8(w, four);
            } else {
              low16[m] = vmlal_s8(low16[m], vget_low_s8(w), vget_low_s8(four));
              high16[m] = vmlal_high_s8(high16[m], w, four);
            }
          }
        }
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          low[m] = vpadalq_s16(low[m], low16[m]);
          high[m] = vpadalq_s16(high[m], high16[m]);
        }
      }
#pragma GCC unroll 4
      for (size_t m = 0; m < kRows; ++m) {
        dots[m][v] = vaddq_s32(dots[m][v], vpaddq_s32(low[m], high[m]));
      }
    }
  }

  // Four inputs, four times.
  [[gnu::always_inline]] static inline int8x16_t load_four(const int8_t* from) {
    int32_t four;
    std::memcpy(&four, from, sizeof(four));
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
};

}  // namespace

constinit const QuantProducts kWideningQuantProducts = dyn::quant_products(
    []<typename Block>() -> Product { return quant_product_of<WideningDots, Block>; });

}  // namespace dyn::neon
