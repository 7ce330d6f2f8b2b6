// Cuts rows into tiles whose sums fit a CPU's registers.

#pragma once

#include <cstdint>

#include "base/checked.h"

namespace dyn {

// Calls tile(first_row, num_rows) for the fewest tiles of at most `max_rows` rows, as equal as can
// be: 8 rows at most 6 at a time are 4 + 4, never 6 + 2, which would load the weights for two rows.
template <typename Tile>
inline __attribute__((always_inline)) void for_each_tile(uint32_t num_rows, uint32_t max_rows,
                                                         const Tile& tile) {
  const uint32_t num_tiles = ceil_div(num_rows, max_rows);
  uint32_t first_row = 0;
  for (uint32_t left = num_tiles; left > 0; --left) {
    const uint32_t rows = ceil_div(num_rows - first_row, left);
    tile(first_row, rows);
    first_row += rows;
  }
}

}  // namespace dyn
