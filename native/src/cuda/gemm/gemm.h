// Launches the matrix product, in the tiling for the number of rows.

#pragma once

#include <initializer_list>

#include "cuda/gemm/gemm_args.h"
#include "cuda/module/kernels.h"

namespace dyn::cuda {

// One weight matrix on the GPU.
struct DeviceMatrix {
  const uint32_t* panels = nullptr;
  uint32_t num_outputs = 0;
  uint32_t num_inputs = 0;

  uint32_t num_panels() const { return (num_outputs + 31) / 32; }
  uint32_t num_pairs() const { return (num_inputs + 1) / 2; }
};

// Rows of BF16 on the GPU, each filled up with zeros to a multiple of 32.
struct Activations {
  uint16_t* rows = nullptr;  // [M, stride]
  uint32_t stride = 0;
};

struct Projection {
  const DeviceMatrix* weights;  // [N, K]
  float* to;                    // [M, N]
};

// Rows that a launch has room for, and where the GPU finds how many there are.
struct RowCount {
  uint32_t at_most;
  const uint32_t* on_device;
};

// to = x W^T, or to += x W^T, for several matrices of the same x.
Status project(const Kernels& kernels, const Stream& stream, const Activations& x,
               const RowCount& rows, std::initializer_list<Projection> projections,
               bool is_added = false);

}  // namespace dyn::cuda
