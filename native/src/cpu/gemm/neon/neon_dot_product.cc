// Quants with NEON's dot product (ARMv8.2): sdot by a lane.
//
// Bound at few rows: the panel's bytes. At many: 32 sdot for a row, a group and 16 outputs, beside
// 20 other instructions, so 60 % of what sdot alone would reach; not measured, for lack of such a
// machine.

#include <type_traits>

#include "cpu/gemm/neon/neon_quant_product.h"

namespace dyn::neon {
namespace {

struct SdotDots {
  // dots[m][v] += sums over a part of a group of x8 * quant, for 16 outputs from n on.
  template <uint32_t kRows, typename Block>
  [[gnu::always_inline]] static inline void add_part(const Block& block, size_t index, size_t part,
                                                     size_t n, const int8_t* x, size_t x_stride,
                                                     int32x4_t (*dots)[kVectors]) {
    constexpr bool kIsWhole = Block::kNumParts == 1;
    constexpr size_t kNumQuads = 8 / Block::kNumParts;
    const auto& group = block.group(index);
    int8x16_t values[kRows][kIsWhole ? 2 : 1];
#pragma GCC unroll 4
    for (size_t m = 0; m < kRows; ++m) {
      values[m][0] = vld1q_s8(x + m * x_stride + part * 16);
      if constexpr (kIsWhole) values[m][1] = vld1q_s8(x + m * x_stride + 16);
    }
    for_each_constant<kNumQuads>([&](auto i) __attribute__((always_inline)) {
      // Both halves of a byte follow each other, so that it is loaded once.
      constexpr size_t kQuad = kIsWhole && !std::is_same_v<Block, W8Group> ? i % 2 * 4 + i / 2 : i;
      const size_t quad = part * kNumQuads + kQuad;
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectors; ++v) {
        const int8x16_t w = load_quad(group, quad, n + v * kLanes);
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          dots[m][v] = vdotq_laneq_s32(dots[m][v], w, values[m][kQuad / 4], kQuad % 4);
        }
      }
    });
  }
};

}  // namespace

constinit const QuantProducts kQuantProducts = dyn::quant_products(
    []<typename Block>() -> Product { return quant_product_of<SdotDots, Block>; });

}  // namespace dyn::neon
