// PackedMatrix: a weight matrix as the GEMM reads it. N outputs, K inputs.
//
// Outputs lie in panels of 16, inputs one after the other within a panel, so that one load gives
// the same input's weights for neighbouring outputs. The last panel is filled up with zeros.
// Elements keep the type of the source.

#pragma once

#include <cstdint>
#include <string>

#include "base/mapping.h"
#include "base/status.h"

namespace dyn {

inline constexpr uint32_t kPanelWidth = 16;

class PackedMatrix {
 public:
  // Reads a row-major [N, K] tensor and packs it.
  static Status load(const dyn_tensor& tensor, const std::string& name, PackedMatrix* matrix);

  dyn_dtype dtype() const { return dtype_; }
  uint32_t num_outputs() const { return num_outputs_; }
  uint32_t num_inputs() const { return num_inputs_; }
  uint32_t num_panels() const { return num_panels_; }

  // [K, 16] elements of dtype().
  const std::byte* panel(uint32_t index) const;

  // Row `output` of the matrix as F32. For embeddings.
  void read_row(uint32_t output, float* row /* [K] */) const;

 private:
  Mapping elements_;  // [num_panels, K, 16]
  dyn_dtype dtype_ = DYN_F32;
  uint32_t num_outputs_ = 0;
  uint32_t num_inputs_ = 0;
  uint32_t num_panels_ = 0;
};

}  // namespace dyn
