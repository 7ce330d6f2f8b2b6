// Quants with AVX-512 VNNI: sums of a group of 32 inputs in integers, then in F32.

#include <bit>
#include <type_traits>

#include "cpu/gemm/avx512/avx512_products.h"

namespace dyn::avx512 {
namespace {

constexpr uint32_t kMaxQuantRows = 6;

// For shifts by what is known when loops are unrolled.
typedef uint16_t Words __attribute__((vector_size(64), may_alias));

// Rows of a tile: two pointers and the distance from row to row. A pointer for each of
// six rows, in each of three arrays, would be more than the CPU has registers for.
template <typename T>
struct TileRows {
  static constexpr size_t kHalf = kMaxQuantRows / 2;
  const T* low;
  const T* high;
  size_t stride;

  inline __attribute__((always_inline)) TileRows(const T* first, size_t row_stride)
      : low(first), high(first + kHalf * row_stride), stride(row_stride) {}

  inline __attribute__((always_inline)) const T* row(size_t m) const {
    return m < kHalf ? low + m * stride : high + (m - kHalf) * stride;
  }

  inline __attribute__((always_inline)) void advance(size_t count) {
    low += count;
    high += count;
    asm volatile("" : "+r"(low), "+r"(high));  // Or the compiler makes a pointer of each row.
  }
};

// dots[m] += four inputs of each row, from `at` on, times four quants of each output.
template <uint32_t kRows>
inline __attribute__((always_inline)) void add_dots(__m512i w0, __m512i w1,
                                                    const TileRows<int8_t>& x, size_t at,
                                                    __m512i (*dots)[2]) {
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
    const __m512i values = broadcast_4_bytes(x.row(m) + at);
    dots[m][0] = _mm512_dpbusd_epi32(dots[m][0], w0, values);
    dots[m][1] = _mm512_dpbusd_epi32(dots[m][1], w1, values);
  }
}

// Inputs 4 quad + [0, 4) of 16 outputs, from output 16 v on.
template <typename Group>
inline __attribute__((always_inline)) __m512i load_quad(const Group& group, size_t quad, size_t v) {
  if constexpr (Group::kQuantBits == 8) {
    return _mm512_loadu_si512(group.quants[quad][16 * v]);
  } else {
    constexpr size_t kLow = low_bits(Group::kQuantBits);
    const auto bytes =
        reinterpret_cast<Words>(_mm512_loadu_si512(group.quants[quad % kLow][16 * v]));
    const auto moved = reinterpret_cast<__m512i>(bytes >> kLow * (quad / kLow));
    const __m512i low = _mm512_and_si512(moved, _mm512_set1_epi8((1 << kLow) - 1));
    if constexpr (HasTable<Group>) {
      const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(Group::kTable));
      return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), low);
    } else if constexpr (Group::kQuantBits == kLow) {
      return low;
    } else {
      constexpr size_t kHighBits = Group::kQuantBits - kLow;
      const size_t bit = kHighBits * quad;
      const auto high = reinterpret_cast<Words>(_mm512_loadu_si512(group.high[bit / 8][16 * v]));
      const Words placed = bit % 8 <= kLow ? high << (kLow - bit % 8) : high >> (bit % 8 - kLow);
      const __m512i mask = _mm512_set1_epi8(((1 << kHighBits) - 1) << kLow);
      constexpr int kAndThenOr = 0xea;  // placed & mask | low
      return _mm512_ternarylogic_epi32(reinterpret_cast<__m512i>(placed), mask, low, kAndThenOr);
    }
  }
}

// dots[m] += a part of a group.
template <typename Block, uint32_t kRows, Fetch kFetch>
inline __attribute__((always_inline)) void add_part(const Block& block, size_t index, size_t part,
                                                    const TileRows<int8_t>& x, __m512i (*dots)[2],
                                                    Ahead* ahead) {
  constexpr size_t kNumQuads = 8 / Block::kNumParts;
  constexpr size_t kLines = ceil_div(sizeof(Block) / Block::kNumGroups, size_t{64});
  const auto& group = block.group(index);
#pragma GCC unroll 8
  for (size_t i = 0; i < kNumQuads; ++i) {
    if constexpr (kRows > 1) ahead->template fetch_eighth<kFetch, kLines>(part * kNumQuads + i);
    // Both halves of a byte follow each other, so that it is loaded once.
    constexpr bool kAreHalves = Block::kNumParts == 1 && !std::is_same_v<Block, W8Group>;
    const size_t quad = kAreHalves ? i % 2 * 4 + i / 2 : part * kNumQuads + i;
    add_dots<kRows>(load_quad(group, quad, 0), load_quad(group, quad, 1), x, 4 * quad, dots);
  }
}

inline __attribute__((always_inline)) __m512 load_f16(const uint16_t* from, size_t v) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from) + v));
}

inline __attribute__((always_inline)) __m512 load_bytes(const uint8_t* from, size_t v) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + v);
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

inline __attribute__((always_inline)) __m512 load_bytes(const int8_t* from, size_t v) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + v);
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

// Scales of a part, and minimums where there are any, of 16 outputs.
template <typename Group>
inline __attribute__((always_inline)) __m512 load_scales(const Group& group, size_t, size_t,
                                                         size_t v) {
  return load_f16(group.scales, v);
}

inline __attribute__((always_inline)) __m512 load_scales(const W4EBlock& block, size_t index,
                                                         size_t, size_t v) {
  const __m128i exponents =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.exponents[index]) + v);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(exponents), 23));
}

template <template <typename> typename Block, typename Group>
inline __attribute__((always_inline)) __m512 load_scales(const Block<Group>& block, size_t index,
                                                         size_t part, size_t v) {
  return _mm512_mul_ps(load_f16(block.scale_units, v),
                       load_bytes(block.groups[index].scales[part], v));
}

template <typename Group>
inline __attribute__((always_inline)) __m512 load_minimums(const Group& group, size_t, size_t,
                                                           size_t v) {
  return load_f16(group.minimums, v);
}

template <typename Group>
inline __attribute__((always_inline)) __m512 load_minimums(const MinimumBlock<Group>& block,
                                                           size_t index, size_t part, size_t v) {
  return _mm512_mul_ps(load_f16(block.minimum_units, v),
                       load_bytes(block.groups[index].minimums[part], v));
}

template <uint32_t kSize>
inline __attribute__((always_inline)) __m512 load_minimums(const ZeroPointBlock<kSize>& block,
                                                           size_t, size_t, size_t v) {
  return _mm512_mul_ps(load_f16(block.scales, v), load_f16(block.zeros, v));
}

// y[kRows, 32] for quants.
template <typename Block, uint32_t kRows, Fetch kFetch>
void quant_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y, size_t y_stride,
                Ahead ahead) {
  constexpr size_t kNumParts = Block::kNumParts;
  constexpr size_t kLines = ceil_div(sizeof(Block) / Block::kNumGroups, size_t{64});
  __m512 sums[kRows][2];
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) sums[m][0] = sums[m][1] = _mm512_setzero_ps();
  const size_t groups_stride = x.stride / kGroupSize;
  const size_t at = first_row * groups_stride;
  TileRows<int8_t> x_rows(x.s8 + first_row * x.stride, x.stride);
  TileRows<float> x_scales(x.scales + at, groups_stride);
  TileRows<float> negated_totals(x.negated_totals + at, groups_stride);
  TileRows<int32_t> negated_sums(
      (kNumParts == 1 ? x.negated_sums : x.negated_halves) + at * kNumParts,
      groups_stride * kNumParts);
  const auto* block = reinterpret_cast<const Block*>(panel.weights);
  size_t index = 0;
  for (size_t left = ceil_div(panel.num_inputs, kGroupSize); left > 0; --left) {
#pragma GCC unroll 2
    for (size_t part = 0; part < kNumParts; ++part) {
      __m512i dots[kRows][2];
#pragma GCC unroll 6
      for (size_t m = 0; m < kRows; ++m) {
        dots[m][0] = dots[m][1] = _mm512_setzero_si512();
        if constexpr (Block::kOffset != 0) {
          constexpr int kOffsetBits = std::countr_zero(Block::kOffset);
          const int32_t sum = negated_sums.row(m)[part];
          dots[m][0] = dots[m][1] = _mm512_slli_epi32(_mm512_set1_epi32(sum), kOffsetBits);
        }
      }
      add_part<Block, kRows, kFetch>(*block, index, part, x_rows, dots, &ahead);
#pragma GCC unroll 2
      for (size_t v = 0; v < 2; ++v) {
        const __m512 scale = load_scales(*block, index, part, v);
#pragma GCC unroll 6
        for (size_t m = 0; m < kRows; ++m) {
          const __m512 x_scale = _mm512_set1_ps(*x_scales.row(m));
          sums[m][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[m][v]),
                                       _mm512_mul_ps(scale, x_scale), sums[m][v]);
        }
        if constexpr (Block::kOffset == 0) {
          const __m512 minimum = load_minimums(*block, index, part, v);
#pragma GCC unroll 6
          for (size_t m = 0; m < kRows; ++m) {
            const float total =
                kNumParts == 1 ? *negated_totals.row(m)
                               : *x_scales.row(m) * static_cast<float>(negated_sums.row(m)[part]);
            sums[m][v] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(total), sums[m][v]);
          }
        }
      }
    }
    ahead.template pass_group<kFetch, kLines>();
    x_rows.advance(kGroupSize);
    x_scales.advance(1);
    if constexpr (Block::kOffset == 0 && kNumParts == 1) {
      negated_totals.advance(1);
    } else {
      negated_sums.advance(kNumParts);
    }
    if (++index == Block::kNumGroups) {
      index = 0;
      ++block;
    }
  }
#pragma GCC unroll 6
  for (size_t m = 0; m < kRows; ++m) {
    _mm512_storeu_ps(y + m * y_stride, sums[m][0]);
    _mm512_storeu_ps(y + m * y_stride + 16, sums[m][1]);
  }
}

template <typename Block, Fetch kFetch>
constexpr Tile kQuantTiles[kMaxQuantRows] = {
    quant_tile<Block, 1, kFetch>, quant_tile<Block, 2, kFetch>, quant_tile<Block, 3, kFetch>,
    quant_tile<Block, 4, kFetch>, quant_tile<Block, 5, kFetch>, quant_tile<Block, 6, kFetch>};

template <typename Block>
void quant_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  constexpr uint32_t kGroupBytes = sizeof(Block) / Block::kNumGroups;
  run_tiles({kQuantTiles<Block, Fetch::kAll>, kQuantTiles<Block, Fetch::kHalf>,
             kQuantTiles<Block, Fetch::kShare>},
            kMaxQuantRows, kGroupBytes, panel, x, num_rows, y, y_stride);
}

}  // namespace

constinit const QuantProducts kQuantProducts =
    dyn::quant_products([]<typename Block>() -> Product { return quant_product<Block>; });

}  // namespace dyn::avx512
