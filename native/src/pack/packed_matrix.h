// PackedMatrix: a weight matrix as the GEMM reads it, in one of the families of pack/family.h.

#pragma once

#include <cstdint>
#include <string>

#include "base/mapping.h"
#include "base/status.h"
#include "pack/family.h"
#include "pack/matrix_source.h"

namespace dyn {

class PackedMatrix {
 public:
  // Reads an [N, K] matrix and packs it as it is stored, but floats as `quantization`
  // (dyn_quantization) says where that is not DYN_QUANTIZATION_NONE.
  static Status load(const MatrixSource& source, const std::string& name, uint32_t quantization,
                     PackedMatrix* matrix);

  Family family() const { return family_; }
  uint32_t num_outputs() const { return num_outputs_; }
  uint32_t num_inputs() const { return num_inputs_; }
  uint32_t num_panels() const { return num_panels_; }
  uint64_t num_bytes() const { return elements_.size(); }

  // The panel's weights, as family() lays them out.
  const std::byte* panel(uint32_t index) const {
    return elements_.data() + index * panel_bytes(family_, num_inputs_);
  }

  // Row `output` of the matrix as F32. For embeddings.
  void read_row(uint32_t output, float* row /* [K] */) const;

 private:
  Status load_rows(const dyn_tensor& tensor, const std::string& name);
  Status load_parts(const MatrixSource& source, const std::string& name);
  Status reserve(const dyn_tensor& whole, Family family, const std::string& name);
  std::byte* writable_panel(uint32_t index) {
    return elements_.data() + index * panel_bytes(family_, num_inputs_);
  }

  Mapping elements_;  // [num_panels, panel_bytes]
  Family family_ = Family::kF32;
  uint32_t num_outputs_ = 0;
  uint32_t num_inputs_ = 0;
  uint32_t num_panels_ = 0;
};

}  // namespace dyn
