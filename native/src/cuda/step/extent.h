// StepExtent: what the launches of a step have room for. Kernels find on the GPU how much there is, so
// that a captured step serves all steps of its extent.

#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>

#include "base/checked.h"

namespace dyn::cuda {

struct StepExtent {
  uint32_t num_tokens;
  uint32_t num_rows;
  uint32_t num_items;
  uint32_t num_splits;
  uint32_t table_stride;  // Blocks between the tables of two sequences.
  auto operator<=>(const StepExtent&) const = default;

  // The extent that such steps share: few different ones, so that there are few graphs. No block
  // table is longer than max_blocks.
  StepExtent rounded(uint32_t max_blocks) const {
    const auto unit = [](uint32_t count) {
      return count <= 8 ? (count == 0 ? 0 : std::bit_ceil(count)) : round_up(count, 8);
    };
    const auto power = [](uint32_t count) { return count == 0 ? 0 : std::bit_ceil(count); };
    return {.num_tokens = unit(num_tokens),
            .num_rows = unit(num_rows),
            .num_items = power(num_items),
            .num_splits = power(num_splits),
            .table_stride = std::min(power(table_stride), max_blocks)};
  }
};

}  // namespace dyn::cuda
