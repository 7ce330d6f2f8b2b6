// One panel of a matrix product: what the work items of projections and of experts are made of.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

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

// y += the panel's part of a bias, which may be empty.
inline void add_bias(std::span<const float> bias, uint32_t panel, uint32_t columns, float* y) {
  if (bias.empty()) return;
  for (uint32_t n = 0; n < columns; ++n) y[n] += bias[size_t{panel} * kPanelWidth + n];
}

// Makes gpt-oss' activation one that the gate's kernel knows:
//     g sigmoid(a g) (u + 1) = silu(a g) ((u + 1) / a), g and u clamped
inline void clamp_gates(float* gates, float* ups, uint32_t count) {
  constexpr float kSlope = 1.702f;
  constexpr float kLimit = 7.0f;
  for (uint32_t i = 0; i < count; ++i) {
    gates[i] = kSlope * std::min(gates[i], kLimit);  // a NaN stays one
    ups[i] = (std::clamp(ups[i], -kLimit, kLimit) + 1.0f) / kSlope;
  }
}

// row = f(row) * up
inline void apply_gate(const GemmKernels& kernels, dyn_activation activation, float* row, float* up,
                       uint32_t count) {
  if (activation == DYN_ACTIVATION_CLAMPED) clamp_gates(row, up, count);
  kernels.gate(activation)(row, up, count, row);
}

}  // namespace dyn
