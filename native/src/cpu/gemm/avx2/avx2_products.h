// The shared half of the products of AVX2, and what its table takes of them.

#pragma once

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/tiles.h"

namespace dyn::avx2 {

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride);

extern const QuantProducts kQuantProducts;

inline constexpr size_t kLanes = 8;

using Tile = void (*)(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                      size_t y_stride);

// Tiles of 1 to `max_rows` rows, by the number of rows less 1.
[[gnu::always_inline]] inline void run_tiles(const Tile* tiles, uint32_t max_rows,
                                             const Panel& panel, const InputRows& x,
                                             uint32_t num_rows, float* y, size_t y_stride) {
  for_each_tile(num_rows, max_rows, [&](uint32_t first_row, uint32_t rows) {
    tiles[rows - 1](panel, x, first_row, y + first_row * y_stride, y_stride);
  });
}

}  // namespace dyn::avx2
