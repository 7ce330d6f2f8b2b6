// TensorTable: the caller's list of tensors, checked against the model's config: each tensor that
// the decoder needs is there once, with the shape and the bytes that it must have.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "pack/matrix_source.h"

namespace dyn {

inline constexpr uint32_t kNumRoles = DYN_POST_MLP_NORM + 1;

class TensorTable {
 public:
  static Status create(const dyn_model_config& config, std::span<const dyn_tensor> tensors,
                       TensorTable* table);

  const dyn_tensor& get(dyn_role role, uint32_t layer) const {
    return *rows_[layer][role][DYN_WHOLE];
  }

  MatrixSource matrix(dyn_role role, uint32_t layer) const {
    const Parts& parts = rows_[layer][role];
    return {.whole = parts[DYN_WHOLE], .zeros = parts[DYN_ZEROS], .scales = parts[DYN_SCALES]};
  }

  // Name of a tensor in an error: "layer 3 down".
  static std::string name(dyn_role role, uint32_t layer);

 private:
  Status add(const dyn_model_config& config, const dyn_tensor& tensor);
  Status check_complete(const dyn_model_config& config) const;

  using Parts = std::array<const dyn_tensor*, DYN_SCALES + 1>;

  Status check_parts(const Parts& parts, const std::string& name) const;

  // By layer and role. Tensors outside of the layers are in row 0.
  std::vector<std::array<Parts, kNumRoles>> rows_;
};

}  // namespace dyn
