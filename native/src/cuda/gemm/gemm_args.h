// Arguments of the matrix product, as both the kernels and their launcher see them.

#pragma once

#include <cstdint>

namespace dyn::cuda {

inline constexpr uint32_t kMaxMatrices = 3;  // Most of one launch: q, k and v.
inline constexpr uint32_t kGemmSpan = 512;   // Inputs whose products are summed from zero.

struct GemmMatrix {
  const uint32_t* panels;  // [num_panels, num_pairs, 32] pairs of BF16, as pack/ lays them out
  float* to;               // [M, num_outputs]
  uint32_t num_outputs;
  uint32_t first_panel;  // Among those of the launch.
};

struct GemmArgs {
  GemmMatrix matrices[kMaxMatrices];
  const uint16_t* x;         // [M, stride] BF16, zero behind the inputs
  const uint32_t* num_rows;  // M, on the GPU: a captured launch has its number from here.
  uint32_t num_matrices;
  uint32_t num_panels;  // Panels of all matrices.
  uint32_t num_pairs;   // Pairs of inputs.
  uint32_t stride;      // Elements between two rows of x: a multiple of 32.
  uint32_t is_added;    // 1: to += x W^T
};

}  // namespace dyn::cuda
