// Whole matrix products as loops over work items: a panel of outputs times a block of rows.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/checked.h"
#include "cpu/gemm/gemm.h"
#include "pool/thread_pool.h"

namespace dyn {

// One item: rows [first_row, first_row + num_rows) and the outputs of one panel.
struct ProjectionItem {
  uint32_t panel;
  uint32_t first_row;
  uint32_t num_rows;
};

// Calls body(item) for each item, sharing the items among the pool's threads. Blocks of rows of one
// panel follow each other, so the panel is read from memory once.
template <typename Body>
void for_each_projection_item(ThreadPool* pool, uint32_t num_panels, uint32_t num_rows,
                              const Body& body) {
  const uint32_t num_blocks = ceil_div(num_rows, kMaxGemmRows);
  pool->parallel_for(num_panels * num_blocks, [&](uint32_t index, uint32_t) {
    const uint32_t first_row = index % num_blocks * kMaxGemmRows;
    body(ProjectionItem{.panel = index / num_blocks,
                        .first_row = first_row,
                        .num_rows = std::min(kMaxGemmRows, num_rows - first_row)});
  });
}

// to = x W^T
struct Projection {
  const PackedMatrix* weights;  // [N, K]
  float* to;                    // [rows, N]
};

// Several projections of the same x [num_rows, K] in one loop.
void project(ThreadPool* pool, const float* x, uint32_t num_rows,
             std::initializer_list<Projection> projections);

// to += x W^T
void project_and_add(ThreadPool* pool, const float* x, uint32_t num_rows,
                     const Projection& projection);

// to = silu(x gate^T) * (x up^T)
void project_swiglu(ThreadPool* pool, const float* x, uint32_t num_rows, const PackedMatrix& gate,
                    const PackedMatrix& up, float* to /* [num_rows, intermediate] */);

}  // namespace dyn
