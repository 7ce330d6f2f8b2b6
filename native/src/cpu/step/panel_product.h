// One panel of a matrix product: what the work items of projections and of experts are made of.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/gemm/gemm.h"
#include "pack/packed_matrix.h"

namespace dyn {

static_assert(kPanelWidth == kGroupSize, "the outputs of a panel are a group of the next input");

inline constexpr size_t kPanelOutputs = size_t{kMaxGemmRows} * kPanelWidth;

// Outputs of a panel that exist: fewer than 32 in the last one.
inline uint32_t panel_columns(const PackedMatrix& weights, uint32_t panel) {
  return std::min(kPanelWidth, weights.num_outputs() - panel * kPanelWidth);
}

// y [num_rows, 32 of y_stride] = x times the panel.
inline void multiply_panel(const GemmKernels& kernels, const PackedMatrix& weights, uint32_t panel,
                           const InputRows& x, uint32_t num_rows, float* y, size_t y_stride) {
  const Panel read = {.weights = weights.panel(panel), .num_inputs = weights.num_inputs()};
  kernels.product(weights.format())(read, x, num_rows, y, y_stride);
}

}  // namespace dyn
