// Whole matrix products as loops over work items: a panel of outputs times a block of rows. The
// items of one panel follow each other, so its weights are read from memory once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "cpu/gemm/gemm_input.h"
#include "pack/packed_matrix.h"
#include "pool/thread_pool.h"

namespace dyn {

// to = x W^T
struct Projection {
  const PackedMatrix* weights;  // [N, K]
  float* to;                    // [rows, N]
};

// Several projections of the same x [num_rows, K] in one loop.
void project(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
             std::initializer_list<Projection> projections);

// to += x W^T
void project_and_add(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
                     const Projection& projection);

// The matrices of an MLP's first half, and its activation.
struct GatedProjection {
  const PackedMatrix& gate;  // [intermediate, K]
  const PackedMatrix& up;    // [intermediate, K]
  dyn_activation activation;
};

// to = f(x gate^T) * (x up^T), stored as the next product's input: a panel is a group.
void project_gated(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
                   const GatedProjection& projection, GemmInput* to /* [num_rows, intermediate] */);

}  // namespace dyn
