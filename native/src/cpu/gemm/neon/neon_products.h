// Functions that the tables of NEON share, with and without the dot product and BF16.

#pragma once

#include <utility>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/tiles.h"

namespace dyn::neon {

template <PackedFormat kFormat>
void float_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride);

extern const QuantProducts kQuantProducts;
// The same without the dot product.
extern const QuantProducts kWideningQuantProducts;

void bf16_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                  size_t y_stride);

void swiglu(const float* gate, const float* up, uint32_t count, float* y);
void geglu(const float* gate, const float* up, uint32_t count, float* y);
void to_bf16(const float* x, size_t num_groups, uint16_t* bf16);
void to_s8(const float* x, size_t num_groups, const S8Groups& to);

// A tile is up to 4 rows; more would leave no registers for their activations.
inline constexpr uint32_t kMaxRows = 4;

using Tile = void (*)(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                      size_t y_stride);

// Runs tiles[n - 1] for tiles of n rows.
[[gnu::always_inline]] inline void run_tiles(const Tile (&tiles)[kMaxRows], const Panel& panel,
                                             const InputRows& x, uint32_t num_rows, float* y,
                                             size_t y_stride) {
  for_each_tile(num_rows, kMaxRows, [&](uint32_t first_row, uint32_t rows) {
    tiles[rows - 1](panel, x, first_row, y + first_row * y_stride, y_stride);
  });
}

// Calls body(i) for constants i of 0 to kCount - 1: lanes of registers are named by constants.
template <size_t kCount, typename Body>
[[gnu::always_inline]] inline void for_each_constant(const Body& body) {
  [&]<size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
    (body(std::integral_constant<size_t, i>()), ...);
  }
  (std::make_index_sequence<kCount>());
}

}  // namespace dyn::neon
