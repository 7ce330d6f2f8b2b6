// The one matrix product of the decoder: rows of activations times one panel of weights.
//
//     y[m, n] = sum over k of x[m, k] * w[n, k]
//
// Letters: M rows, K inputs, 16 outputs of a panel.

#pragma once

#include <cstdint>

#include "pack/packed_matrix.h"

namespace dyn {

// Most rows in one call: the accumulators stay in the first-level cache.
inline constexpr uint32_t kMaxGemmRows = 64;

// Each y is one sum in the order of k, whatever M is and wherever the row lies in it, so a row's
// bits do not depend on its neighbours.
void gemm_panel(const PackedMatrix& weights, uint32_t panel, const float* x /* [M, K] */,
                uint32_t num_rows, float* y /* [M, 16] */);

}  // namespace dyn
