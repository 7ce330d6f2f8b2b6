// AVX-512 with VNNI and BF16: a tile is M rows times the 32 outputs of a panel, its sums in 2 M
// registers from the first input to the last.
//
//   F32, F16   vfmadd, F16 widened on the way                             8 rows a tile
//   BF16       vdpbf16ps: two inputs an instruction                       12
//   levels     vpdpbusd: four inputs, levels unsigned, x signed           6 (sums of a group in
//                                                                            integers, then F32)
//
// Bound at few rows: the panel's bytes, read once. Bound at many: 2 dot products a cycle on Zen 5,
// 1 on Zen 4; a group's 8 for W8 come with 2 multiplies on the same units, so 80 % of the peak is
// the most. Reached on Zen 5 with the panel in L2: 68 to 70 % for W8 and W4 from 4 rows on, 95 %
// for BF16 from 8 rows on. In whole models: native/bench.

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/kernels.h"
#include "cpu/gemm/tiles.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxFloatRows = 8;
constexpr uint32_t kMaxBf16Rows = 12;
constexpr uint32_t kMaxLevelRows = 6;

// What a tile of levels fetches: all lines of a group, whose number is known, or its share.
enum class Fetch { kAll, kShare };

// What a tile brings nearer while it computes, so that memory and arithmetic need not wait for each
// other. A lone tile fetches its own panel a little ahead, and then the start of the next, which
// follows it; so does the first of two, whose second finds all in the cache. Of several, each
// fetches its part of the next. A single row leaves it to the CPU, whose own reading ahead is
// quicker where nothing but loads is to be done: 8 % on Zen 5.
struct Ahead {
  const std::byte* next;
  uint32_t lines;  // Cache lines per group of 32 inputs.

  inline __attribute__((always_inline)) void fetch() {
    for (uint32_t i = 0; i < lines; ++i, next += 64) _mm_prefetch(next, _MM_HINT_T0);
  }

  // An eighth of a group's lines: more at once than the core can have under way would hold it up.
  inline __attribute__((always_inline)) void fetch_eighth(uint32_t eighth) {
    for (uint32_t i = lines * eighth / 8; i < lines * (eighth + 1) / 8; ++i, next += 64) {
      _mm_prefetch(next, _MM_HINT_T0);
    }
  }

  // The same where a group has kLines, or where `lines` are at most eight; `next` stays.
  template <Fetch kFetch, size_t kLines>
  inline __attribute__((always_inline)) void fetch_eighth(size_t eighth) const {
    if constexpr (kFetch == Fetch::kShare) {
      _mm_prefetch(next + eighth * 8 * lines, _MM_HINT_T0);
    } else {
      for (size_t i = kLines * eighth / 8; i < kLines * (eighth + 1) / 8; ++i) {
        _mm_prefetch(next + i * 64, _MM_HINT_T0);
      }
    }
  }
};
constexpr size_t kLoneAheadBytes = 3072;

// For shifts by what is known when loops are unrolled.
typedef uint16_t Words __attribute__((vector_size(64), may_alias));

inline __attribute__((always_inline)) __m512i broadcast_4_bytes(const void* from) {
  int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return _mm512_set1_epi32(word);
}

// 16 outputs of one input as F32.
template <Family kFamily>
inline __attribute__((always_inline)) __m512 load_weights(const std::byte* from) {
  if constexpr (kFamily == Family::kF32) return _mm512_loadu_ps(from);
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// y[kRows, 32] for F32 and F16.
template <Family kFamily, uint32_t kRows>
void float_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y, size_t y_stride,
                Ahead ahead) {
  constexpr size_t kBytes = kFamily == Family::kF32 ? 64 : 32;  // Of 16 weights.
  __m512 sums[kRows][2];
#pragma GCC unroll 12
  for (size_t m = 0; m < kRows; ++m) sums[m][0] = sums[m][1] = _mm512_setzero_ps();
  const float* x_rows = x.f32 + first_row * x.stride;
  const std::byte* weights = panel.weights;
  for (size_t k = 0; k < panel.num_inputs; ++k, weights += 2 * kBytes) {
    if (kRows > 1 && k % kGroupSize == 0) ahead.fetch();
    const __m512 w0 = load_weights<kFamily>(weights);
    const __m512 w1 = load_weights<kFamily>(weights + kBytes);
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

// y[kRows, 32] for BF16. Of an odd K the last pair's second weight is zero, and so is its x.
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

// Where a tile's rows are: by two pointers and the distance from row to row. A pointer for each of
// six rows, in each of three arrays, would be more than the CPU has registers for.
template <typename T>
struct TileRows {
  static constexpr size_t kHalf = kMaxLevelRows / 2;
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

// dots[m] += four inputs of each row, from `at` on, times four levels of each output.
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
  if constexpr (Group::kLevelBits == 8) {
    return _mm512_loadu_si512(group.levels[quad][16 * v]);
  } else {
    const __m512i pairs = _mm512_loadu_si512(group.levels[quad % 4][16 * v]);
    const __m512i low =
        _mm512_and_si512(quad < 4 ? pairs : _mm512_srli_epi16(pairs, 4), _mm512_set1_epi8(15));
    if constexpr (Group::kLevelBits == 4) {
      return low;
    } else {
      constexpr size_t kHighBits = Group::kLevelBits - 4;
      const size_t bit = kHighBits * quad;
      const auto high = reinterpret_cast<Words>(_mm512_loadu_si512(group.high[bit / 8][16 * v]));
      const Words moved = bit % 8 <= 4 ? high << (4 - bit % 8) : high >> (bit % 8 - 4);
      const __m512i mask = _mm512_set1_epi8(((1 << kHighBits) - 1) << 4);
      constexpr int kAndThenOr = 0xea;  // moved & mask | low
      return _mm512_ternarylogic_epi32(reinterpret_cast<__m512i>(moved), mask, low, kAndThenOr);
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
    constexpr bool kAreHalves = Block::kNumParts == 1 && Block::kLevelBits < 8;
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

template <typename Group>
inline __attribute__((always_inline)) __m512 load_scales(const MinimumBlock<Group>& block,
                                                         size_t index, size_t, size_t v) {
  return _mm512_mul_ps(load_f16(block.scale_units, v), load_bytes(block.groups[index].scales, v));
}

inline __attribute__((always_inline)) __m512 load_scales(const W6KBlock& block, size_t index,
                                                         size_t part, size_t v) {
  return _mm512_mul_ps(load_f16(block.scale_units, v),
                       load_bytes(block.groups[index].scales[part], v));
}

template <typename Group>
inline __attribute__((always_inline)) __m512 load_minimums(const MinimumBlock<Group>& block,
                                                           size_t index, size_t v) {
  return _mm512_mul_ps(load_f16(block.minimum_units, v),
                       load_bytes(block.groups[index].minimums, v));
}

template <uint32_t kSize>
inline __attribute__((always_inline)) __m512 load_minimums(const ZeroPointBlock<kSize>& block,
                                                           size_t, size_t v) {
  return _mm512_mul_ps(load_f16(block.scales, v), load_f16(block.zeros, v));
}

// y[kRows, 32] for levels.
template <typename Block, uint32_t kRows, Fetch kFetch>
void level_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y, size_t y_stride,
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
          const __m512 minimum = load_minimums(*block, index, v);
#pragma GCC unroll 6
          for (size_t m = 0; m < kRows; ++m) {
            const __m512 total = _mm512_set1_ps(*negated_totals.row(m));
            sums[m][v] = _mm512_fmadd_ps(minimum, total, sums[m][v]);
          }
        }
      }
    }
    ahead.next += kFetch == Fetch::kAll ? kLines * 64 : ahead.lines * 64;
    x_rows.advance(kGroupSize);
    x_scales.advance(1);
    if constexpr (Block::kOffset == 0) {
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

using Tile = void (*)(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                      size_t y_stride, Ahead ahead);

// Runs tiles[n - 1] for tiles of n rows, at most `max_rows`; those of `lone` where one fetches all.
inline __attribute__((always_inline)) void run_tiles(const Tile* lone, const Tile* tiles,
                                                     uint32_t max_rows, uint32_t group_bytes,
                                                     const Panel& panel, const InputRows& x,
                                                     uint32_t num_rows, float* y, size_t y_stride) {
  const uint32_t num_tiles = ceil_div(num_rows, max_rows);
  const bool is_lone = num_tiles <= 2;
  uint32_t lines = ceil_div(group_bytes, 64 * (is_lone ? 1 : num_tiles));
  const size_t num_groups = ceil_div(panel.num_inputs, kGroupSize);
  const std::byte* next = panel.weights + (is_lone ? kLoneAheadBytes : num_groups * group_bytes);
  const Tile* which = is_lone ? lone : tiles;
  for_each_tile(num_rows, max_rows, [&](uint32_t first_row, uint32_t rows) {
    which[rows - 1](panel, x, first_row, y + first_row * y_stride, y_stride, {next, lines});
    next += num_groups * lines * 64;
    if (is_lone) lines = 0;
    which = tiles;
  });
}

template <Family kFamily>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  static constexpr Tile kTiles[kMaxFloatRows] = {float_tile<kFamily, 1>, float_tile<kFamily, 2>,
                                                 float_tile<kFamily, 3>, float_tile<kFamily, 4>,
                                                 float_tile<kFamily, 5>, float_tile<kFamily, 6>,
                                                 float_tile<kFamily, 7>, float_tile<kFamily, 8>};
  run_tiles(kTiles, kTiles, kMaxFloatRows, kFamily == Family::kF32 ? 4096 : 2048, panel, x,
            num_rows, y, y_stride);
}

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride) {
  static constexpr Tile kTiles[kMaxBf16Rows] = {
      bf16_tile<1>, bf16_tile<2>, bf16_tile<3>, bf16_tile<4>,  bf16_tile<5>,  bf16_tile<6>,
      bf16_tile<7>, bf16_tile<8>, bf16_tile<9>, bf16_tile<10>, bf16_tile<11>, bf16_tile<12>};
  run_tiles(kTiles, kTiles, kMaxBf16Rows, 2048, panel, x, num_rows, y, y_stride);
}

template <typename Block, Fetch kFetch>
constexpr Tile kLevelTiles[kMaxLevelRows] = {
    level_tile<Block, 1, kFetch>, level_tile<Block, 2, kFetch>, level_tile<Block, 3, kFetch>,
    level_tile<Block, 4, kFetch>, level_tile<Block, 5, kFetch>, level_tile<Block, 6, kFetch>};

template <typename Block>
void level_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  constexpr uint32_t kGroupBytes = sizeof(Block) / Block::kNumGroups;
  run_tiles(kLevelTiles<Block, Fetch::kAll>, kLevelTiles<Block, Fetch::kShare>, kMaxLevelRows,
            kGroupBytes, panel, x, num_rows, y, y_stride);
}

// base/exp.h, 16 at a time: the same operations in the same order.
inline __attribute__((always_inline)) __m512 exp_16(__m512 x) {
  const __m512 low = _mm512_set1_ps(-87.0f);
  const __mmask16 is_above = _mm512_cmp_ps_mask(x, low, _CMP_GT_OQ);
  const __mmask16 is_zero = _mm512_cmp_ps_mask(x, low, _CMP_NGE_UQ);
  const __m512 clamped =
      _mm512_min_ps(_mm512_mask_blend_ps(is_above, low, x), _mm512_set1_ps(88.0f));
  const __m512 round = _mm512_set1_ps(12582912.0f);
  const __m512 scaled = _mm512_mul_ps(clamped, _mm512_set1_ps(1.44269504088896341f));
  const __m512 n = _mm512_sub_ps(_mm512_add_ps(scaled, round), round);
  const __m512 high = _mm512_sub_ps(clamped, _mm512_mul_ps(n, _mm512_set1_ps(0.693359375f)));
  const __m512 r = _mm512_sub_ps(high, _mm512_mul_ps(n, _mm512_set1_ps(-2.12194440e-4f)));
  constexpr float kCoefficients[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                     1.6666665459e-1f, 5.0000001201e-1f};
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
#pragma GCC unroll 5
  for (const float coefficient : kCoefficients) {
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(coefficient));
  }
  p = _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(p, _mm512_mul_ps(r, r)), r), _mm512_set1_ps(1.0f));
  const __m512i exponent = _mm512_add_epi32(_mm512_cvttps_epi32(n), _mm512_set1_epi32(127));
  const __m512 power = _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  return _mm512_mask_blend_ps(is_zero, _mm512_mul_ps(p, power), _mm512_setzero_ps());
}

void swiglu(const float* gate, const float* up, uint32_t count, float* y) {
  const __m512 sign_bit = _mm512_set1_ps(-0.0f);
  for (uint32_t i = 0; i < count; i += 16) {
    const uint32_t left = count - i;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffffu : (1u << left) - 1);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
    const __m512 below = _mm512_add_ps(_mm512_set1_ps(1.0f), exp_16(_mm512_xor_ps(g, sign_bit)));
    const __m512 silu = _mm512_div_ps(g, below);
    const __m512 product = _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(mask, up + i));
    _mm512_mask_storeu_ps(y + i, mask, product);
  }
}

void to_bf16(const float* x, size_t num_groups, uint16_t* bf16) {
  for (size_t k = 0; k < num_groups * kGroupSize; k += 32) {
    const __m512bh halves =
        _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + k + 16), _mm512_loadu_ps(x + k));
    std::memcpy(bf16 + k, &halves, sizeof(halves));
  }
}

void to_s8(const float* x, size_t num_groups, const S8Groups& to) {
  for (size_t g = 0; g < num_groups; ++g, x += kGroupSize) {
    const __m512 x0 = _mm512_loadu_ps(x);
    const __m512 x1 = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(x0), _mm512_abs_ps(x1)));
    const __m512 inverse = _mm512_set1_ps(largest > 0x1p-100f ? 127.0f / largest : 0.0f);
    const __m512i level0 = _mm512_cvtps_epi32(_mm512_mul_ps(x0, inverse));
    const __m512i level1 = _mm512_cvtps_epi32(_mm512_mul_ps(x1, inverse));
    auto* s8 = reinterpret_cast<__m128i*>(to.s8 + g * kGroupSize);
    _mm_storeu_si128(s8, _mm512_cvtepi32_epi8(level0));
    _mm_storeu_si128(s8 + 1, _mm512_cvtepi32_epi8(level1));
    if (_mm512_cmp_ps_mask(x0, x1, _CMP_UNORD_Q) != 0) {
      to.set(g, __builtin_nanf(""), 0, 0);
    } else {
      to.set(g, largest / 127.0f, _mm512_reduce_add_epi32(level0), _mm512_reduce_add_epi32(level1));
    }
  }
}

}  // namespace

const GemmKernels kAvx512Gemm = {
    .bf16_form = InputForm::kBf16,
    .products = {float_product<Family::kF32>, float_product<Family::kF16>, bf16_product,
                 level_product<W8Group>, level_product<W4Group>, level_product<W4KBlock>,
                 level_product<W5KBlock>, level_product<W6KBlock>, level_product<ZeroPointBlock<1>>,
                 level_product<ZeroPointBlock<2>>, level_product<ZeroPointBlock<4>>},
    .swiglu = swiglu,
    .to_bf16 = to_bf16,
    .to_s8 = to_s8,
};

}  // namespace dyn
