// The shared half of the products of AVX-512, and what its table takes of them: a tile is M rows
// times the 32 outputs of a panel, its sums in 2 M registers from the first input to the last.
//
//   F32, F16   vfmadd, F16 widened on the way                             8 rows a tile
//   BF16       vdpbf16ps: two inputs an instruction                       12
//   quants     vpdpbusd: four inputs, quants unsigned, x signed           6 (sums of a group in
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

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride);

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride);

extern const QuantProducts kQuantProducts;

// How many of a group's lines a tile of quants fetches: all or half of them, a number that is known
// when it is compiled, or Ahead::lines, at most eight.
enum class Fetch { kAll, kHalf, kShare };

// A tile brings data nearer while it computes, so that memory and arithmetic need not wait for each
// other. A lone tile fetches its own panel a little ahead, and then the start of the next, which
// follows it. Several tiles fetch a part each of the next panel, all lines of it: one line in
// nine left out made two tiles of 4 rows 30 % slower. Into L2, since a panel is more than L1 holds:
// Q8_0 takes 10 to 15 % less time on Zen 4 than with L1, from 4 rows on. A single row leaves it to
// the CPU, whose own reading ahead is quicker where nothing but loads is to be done: 8 % on Zen 5.
struct Ahead {
  const std::byte* next;
  uint32_t lines;  // Cache lines per group of 32 inputs.

  static inline __attribute__((always_inline)) void fetch_line(const std::byte* line) {
    _mm_prefetch(line, _MM_HINT_T1);
  }

  inline __attribute__((always_inline)) void fetch() {
    for (uint32_t i = 0; i < lines; ++i, next += 64) fetch_line(next);
  }

  // An eighth of a group's lines: more at once than the core can have under way would hold it up.
  inline __attribute__((always_inline)) void fetch_eighth(uint32_t eighth) {
    for (uint32_t i = lines * eighth / 8; i < lines * (eighth + 1) / 8; ++i, next += 64) {
      fetch_line(next);
    }
  }

  // The same of a group of kGroupLines lines; `next` stays, until pass_group().
  template <Fetch kFetch, size_t kGroupLines>
  inline __attribute__((always_inline)) void fetch_eighth(size_t eighth) const {
    if constexpr (kFetch == Fetch::kShare) {
      fetch_line(next + eighth * 8 * lines);
    } else {
      constexpr size_t kLines = known_lines(kFetch, kGroupLines);
      for (size_t i = kLines * eighth / 8; i < kLines * (eighth + 1) / 8; ++i) {
        fetch_line(next + i * 64);
      }
    }
  }

  template <Fetch kFetch, size_t kGroupLines>
  inline __attribute__((always_inline)) void pass_group() {
    next += size_t{64} * (kFetch == Fetch::kShare ? lines : known_lines(kFetch, kGroupLines));
  }

  static constexpr size_t known_lines(Fetch fetch, size_t group_lines) {
    return fetch == Fetch::kAll ? group_lines : (group_lines + 1) / 2;
  }
};
inline constexpr size_t kLoneAheadBytes = 6144;

inline __attribute__((always_inline)) __m512i broadcast_4_bytes(const void* from) {
  int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return _mm512_set1_epi32(word);
}

using Tile = void (*)(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                      size_t y_stride, Ahead ahead);

// [n - 1] for tiles of n rows: where one does all rows, where two do, and where more do.
struct Tiles {
  const Tile* alone;
  const Tile* of_two;
  const Tile* of_many;
};

// Runs tiles of at most `max_rows` rows.
inline __attribute__((always_inline)) void run_tiles(const Tiles& tiles, uint32_t max_rows,
                                                     uint32_t group_bytes, const Panel& panel,
                                                     const InputRows& x, uint32_t num_rows,
                                                     float* y, size_t y_stride) {
  const uint32_t num_tiles = ceil_div(num_rows, max_rows);
  const Tile* which = num_tiles == 1 ? tiles.alone : num_tiles == 2 ? tiles.of_two : tiles.of_many;
  const uint32_t lines = ceil_div(group_bytes, 64 * num_tiles);
  const size_t num_groups = ceil_div(panel.num_inputs, kGroupSize);
  const std::byte* next =
      panel.weights + (num_tiles == 1 ? kLoneAheadBytes : num_groups * group_bytes);
  for_each_tile(num_rows, max_rows, [&](uint32_t first_row, uint32_t rows) {
    which[rows - 1](panel, x, first_row, y + first_row * y_stride, y_stride, {next, lines});
    next += num_groups * lines * 64;
  });
}

}  // namespace dyn::avx512
