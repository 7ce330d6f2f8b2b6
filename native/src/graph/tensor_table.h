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

inline constexpr uint32_t kNumRoles = DYN_EXPERT_DOWN_BIAS + 1;
inline constexpr uint32_t kNumExpertRoles = 6;  // The last ones.

// Indices of the layer and the expert that a tensor is of; 0 where it is of none.
struct TensorPlace {
  uint32_t layer = 0;
  uint32_t expert = 0;
};

class TensorTable {
 public:
  static Status create(const dyn_model_config& config, std::span<const dyn_tensor> tensors,
                       TensorTable* table);

  const dyn_tensor& get(dyn_role role, const TensorPlace& place) const {
    return *parts(role, place)[DYN_WHOLE];
  }

  MatrixSource matrix(dyn_role role, const TensorPlace& place) const {
    const Parts& found = parts(role, place);
    return {.whole = found[DYN_WHOLE], .zeros = found[DYN_ZEROS], .scales = found[DYN_SCALES]};
  }

  bool has_experts(uint32_t layer) const {
    return layers_[layer].rows[DYN_ROUTER][DYN_WHOLE] != nullptr;
  }

  // Name of a tensor in an error: "layer 3 down", "layer 3 expert 17 down".
  static std::string name(dyn_role role, const TensorPlace& place);

 private:
  using Parts = std::array<const dyn_tensor*, DYN_SCALES + 1>;
  struct Layer {
    std::array<Parts, kNumRoles - kNumExpertRoles> rows;  // By role.
    // By expert; empty where no tensor of any was added.
    std::vector<std::array<Parts, kNumExpertRoles>> experts;
  };

  Status add(const dyn_model_config& config, const dyn_tensor& tensor);
  Status check_complete(const dyn_model_config& config) const;
  Status check_experts(const dyn_model_config& config, uint32_t layer) const;
  Status check_role(bool is_needed, dyn_role role, const TensorPlace& place) const;
  Status check_parts(const Parts& parts, const std::string& name) const;
  const Parts& parts(dyn_role role, const TensorPlace& place) const;

  std::vector<Layer> layers_;  // Tensors outside of the layers are in the first.
};

}  // namespace dyn
