// What the products of AVX-512 have in common, and what its table takes of them: a tile is M rows
// times the 32 outputs of a panel, its sums in 2 M registers from the first input to the last.
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

#pragma once

#include <immintrin.h>

#include <cstring>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/tiles.h"

namespace dyn::avx512 {

template <Family kFamily>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride);

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride);

template <typename Block>
void level_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride);

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
inline constexpr size_t kLoneAheadBytes = 3072;

inline __attribute__((always_inline)) __m512i broadcast_4_bytes(const void* from) {
  int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return _mm512_set1_epi32(word);
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

}  // namespace dyn::avx512
