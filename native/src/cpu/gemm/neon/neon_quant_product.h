// Quants with NEON, by products of bytes that `Dots` gives: four inputs of four outputs at once.
// Quants of up to 6 bits are as good signed as unsigned; those of 8 are made signed, which takes
// their offset off. Sums of a group, 4 rows times 16 outputs, lie in 16 registers; those of groups
// lie in y. They are exact, so that all `Dots` have the same bits.

#pragma once

#include <arm_neon.h>

#include <cstring>

#include "cpu/gemm/neon/neon_products.h"

namespace dyn::neon {
namespace {

constexpr size_t kLanes = 4;
constexpr size_t kVectors = 4;  // 16 outputs at a time.
constexpr size_t kPrefetchBytes = 4096;

// Inputs 4 quad + [0, 4) of 4 outputs, from output n on.
template <typename Group>
[[gnu::always_inline]] inline int8x16_t load_quad(const Group& group, size_t quad, size_t n) {
  if constexpr (Group::kQuantBits == 8) {
    const uint8x16_t quants = vld1q_u8(group.quants[quad][n]);
    return vreinterpretq_s8_u8(veorq_u8(quants, vdupq_n_u8(Group::kOffset)));
  } else {
    constexpr size_t kLow = low_bits(Group::kQuantBits);
    const auto down = static_cast<int8_t>(-static_cast<int>(kLow * (quad / kLow)));
    const uint8x16_t moved = vshlq_u8(vld1q_u8(group.quants[quad % kLow][n]), vdupq_n_s8(down));
    const uint8x16_t low = vandq_u8(moved, vdupq_n_u8((1 << kLow) - 1));
    if constexpr (HasTable<Group>) {
      const uint8x16_t quants = vqtbl1q_u8(vld1q_u8(Group::kTable), low);
      return vreinterpretq_s8_u8(veorq_u8(quants, vdupq_n_u8(W8Group::kOffset)));
    } else if constexpr (Group::kQuantBits == kLow) {
      return vreinterpretq_s8_u8(low);
    } else {
      constexpr size_t kHighBits = Group::kQuantBits - kLow;
      const size_t bit = kHighBits * quad;
      const int8x16_t shift =
          vdupq_n_s8(static_cast<int8_t>(static_cast<int>(kLow) - static_cast<int>(bit % 8)));
      const uint8x16_t placed = vshlq_u8(vld1q_u8(group.high[bit / 8][n]), shift);
      const uint8x16_t mask = vdupq_n_u8(((1 << kHighBits) - 1) << kLow);
      return vreinterpretq_s8_u8(vorrq_u8(low, vandq_u8(placed, mask)));
    }
  }
}

[[gnu::always_inline]] inline float32x4_t load_f16(const uint16_t* from) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

[[gnu::always_inline]] inline float32x4_t load_bytes(const uint8_t* from) {
  uint32_t bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
}

[[gnu::always_inline]] inline float32x4_t load_bytes(const int8_t* from) {
  uint32_t bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(bytes)))));
}

// Scales of a part, and minimums where there are any, of 4 outputs from n on.
template <typename Group>
[[gnu::always_inline]] inline float32x4_t load_scales(const Group& group, size_t, size_t,
                                                      size_t n) {
  return load_f16(group.scales + n);
}

[[gnu::always_inline]] inline float32x4_t load_scales(const W4EBlock& block, size_t index, size_t,
                                                      size_t n) {
  uint32_t exponents;
  std::memcpy(&exponents, block.exponents[index] + n, sizeof(exponents));
  const uint32x4_t wide = vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(exponents))));
  return vreinterpretq_f32_u32(vshlq_n_u32(wide, 23));
}

template <template <typename> typename Block, typename Group>
[[gnu::always_inline]] inline float32x4_t load_scales(const Block<Group>& block, size_t index,
                                                      size_t part, size_t n) {
  return vmulq_f32(load_f16(block.scale_units + n),
                   load_bytes(block.groups[index].scales[part] + n));
}

template <typename Group>
[[gnu::always_inline]] inline float32x4_t load_minimums(const Group& group, size_t, size_t,
                                                        size_t n) {
  return load_f16(group.minimums + n);
}

template <typename Group>
[[gnu::always_inline]] inline float32x4_t load_minimums(const MinimumBlock<Group>& block,
                                                        size_t index, size_t part, size_t n) {
  return vmulq_f32(load_f16(block.minimum_units + n),
                   load_bytes(block.groups[index].minimums[part] + n));
}

template <uint32_t kSize>
[[gnu::always_inline]] inline float32x4_t load_minimums(const ZeroPointBlock<kSize>& block, size_t,
                                                        size_t, size_t n) {
  return vmulq_f32(load_f16(block.scales + n), load_f16(block.zeros + n));
}

template <typename Dots, typename Block, uint32_t kRows>
void quant_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                size_t y_stride) {
  constexpr bool kHasOffset = Block::kOffset != 0 && kReadBits<Block> < 8;
  constexpr uint32_t kGroupBytes = sizeof(Block) / Block::kNumGroups;
  const size_t num_groups = ceil_div(panel.num_inputs, kGroupSize);
  const size_t groups_stride = x.stride / kGroupSize;
  const auto* blocks = reinterpret_cast<const Block*>(panel.weights);
  const size_t at = first_row * groups_stride;
  const int32_t* negated = Block::kNumParts == 1 ? x.negated_sums : x.negated_halves;
  for (size_t m = 0; m < kRows; ++m) {
    for (size_t n = 0; n < kPanelWidth; ++n) y[m * y_stride + n] = 0.0f;
  }
  for (size_t g = 0; g < num_groups; ++g) {
    const Block& block = blocks[g / Block::kNumGroups];
    const size_t index = g % Block::kNumGroups;
    const std::byte* next = panel.weights + g * kGroupBytes + kPrefetchBytes;
    for (size_t line = 0; line < kGroupBytes; line += 64) __builtin_prefetch(next + line);
    for (size_t n = 0; n < kPanelWidth; n += kVectors * kLanes) {
#pragma GCC unroll 2
      for (size_t part = 0; part < Block::kNumParts; ++part) {
        int32x4_t dots[kRows][kVectors];
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          int32_t start = 0;
          if constexpr (kHasOffset) {
            start = negated[(at + m * groups_stride + g) * Block::kNumParts + part] *
                    static_cast<int32_t>(Block::kOffset);
          }
#pragma GCC unroll 4
          for (size_t v = 0; v < kVectors; ++v) dots[m][v] = vdupq_n_s32(start);
        }
        Dots::template add_part<kRows>(
            block, index, part, n, x.s8 + first_row * x.stride + g * kGroupSize, x.stride, dots);
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
          const float32x4_t w_scale = load_scales(block, index, part, n + v * kLanes);
#pragma GCC unroll 4
          for (size_t m = 0; m < kRows; ++m) {
            float* sums = y + m * y_stride + n + v * kLanes;
            const size_t row = at + m * groups_stride + g;
            const float32x4_t scale = vmulq_n_f32(w_scale, x.scales[row]);
            float32x4_t sum = vfmaq_f32(vld1q_f32(sums), vcvtq_f32_s32(dots[m][v]), scale);
            if constexpr (Block::kOffset == 0) {
              const float32x4_t minimum = load_minimums(block, index, part, n + v * kLanes);
              const float total = Block::kNumParts == 1
                                      ? x.negated_totals[row]
                                      : x.scales[row] * static_cast<float>(negated[row * 2 + part]);
              sum = vfmaq_n_f32(sum, minimum, total);
            }
            vst1q_f32(sums, sum);
          }
        }
      }
    }
  }
}

template <typename Dots, typename Block>
void quant_product_of(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                      size_t y_stride) {
  static constexpr Tile kTiles[] = {quant_tile<Dots, Block, 1>, quant_tile<Dots, Block, 2>,
                                    quant_tile<Dots, Block, 3>, quant_tile<Dots, Block, 4>};
  run_tiles(kTiles, panel, x, num_rows, y, y_stride);
}

}  // namespace
}  // namespace dyn::neon
