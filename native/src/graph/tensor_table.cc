#include "graph/tensor_table.h"

#include "base/checked.h"
#include "pack/dtype.h"
#include "pack/packed_format.h"

namespace dyn {
namespace {

constexpr const char* kRoleNames[kNumRoles] = {
    "embedding",
    "final norm",
    "head",
    "attention norm",
    "q",
    "k",
    "v",
    "o",
    "mlp norm",
    "gate",
    "up",
    "down",
    "q bias",
    "k bias",
    "v bias",
    "q norm",
    "k norm",
    "post attention norm",
    "post mlp norm",
};

struct Shape {
  uint32_t rank;
  uint64_t rows;
  uint64_t columns;
};

bool is_in_layer(uint32_t role) {
  return role >= DYN_ATTENTION_NORM;
}

// True if a model of this config has such a tensor.
bool is_part(const dyn_model_config& config, uint32_t role) {
  switch (role) {
    case DYN_HEAD:
      return config.tie_word_embeddings == 0;
    case DYN_Q_BIAS:
    case DYN_K_BIAS:
    case DYN_V_BIAS:
      return config.attention_bias == 1;
    case DYN_Q_NORM:
    case DYN_K_NORM:
      return config.qk_norm != DYN_QK_NORM_NONE;
    case DYN_ATTENTION_NORM:
    case DYN_MLP_NORM:
      return config.norms != DYN_NORMS_BEHIND;
    case DYN_POST_ATTENTION_NORM:
    case DYN_POST_MLP_NORM:
      return config.norms != DYN_NORMS_BEFORE;
    default:
      return true;
  }
}

Shape expected_shape(const dyn_model_config& config, dyn_role role) {
  const uint64_t hidden = config.hidden_size;
  const uint64_t q = uint64_t{config.num_heads} * config.head_size;
  const uint64_t kv = uint64_t{config.num_kv_heads} * config.head_size;
  switch (role) {
    case DYN_EMBEDDING:
    case DYN_HEAD:
      return {2, config.vocab_size, hidden};
    case DYN_Q:
      return {2, q, hidden};
    case DYN_K:
    case DYN_V:
      return {2, kv, hidden};
    case DYN_O:
      return {2, hidden, q};
    case DYN_GATE:
    case DYN_UP:
      return {2, config.intermediate_size, hidden};
    case DYN_DOWN:
      return {2, hidden, config.intermediate_size};
    case DYN_Q_BIAS:
      return {1, q, 1};
    case DYN_K_BIAS:
    case DYN_V_BIAS:
      return {1, kv, 1};
    case DYN_Q_NORM:
      return {1, config.qk_norm == DYN_QK_NORM_ROWS ? q : config.head_size, 1};
    case DYN_K_NORM:
      return {1, config.qk_norm == DYN_QK_NORM_ROWS ? kv : config.head_size, 1};
    case DYN_FINAL_NORM:
    case DYN_ATTENTION_NORM:
    case DYN_MLP_NORM:
    case DYN_POST_ATTENTION_NORM:
    case DYN_POST_MLP_NORM:
      break;
  }
  return {1, hidden, 1};
}

std::string shape_text(uint32_t rank, uint64_t rows, uint64_t columns) {
  return "[" + std::to_string(rows) + (rank == 2 ? ", " + std::to_string(columns) : "") + "]";
}

// Turns the shape of a matrix into that of its scales or zero points.
Status shape_of_part(const dyn_tensor& tensor, const std::string& name, Shape* shape) {
  if (shape->rank != 2) return not_loadable(name + ": a vector has no parts");
  const uint64_t num_groups = tensor.shape[0];
  if (num_groups == 0 || shape->columns % num_groups != 0 ||
      shape->columns / num_groups % kGroupSize != 0) {
    return not_loadable(name + ": " + std::to_string(num_groups) + " groups of " +
                        std::to_string(shape->columns) +
                        " inputs are not of a multiple of 32 inputs each");
  }
  *shape = {2, num_groups, shape->rows};
  return {};
}

Status check_extent(const dyn_model_config& config, const dyn_tensor& tensor,
                    const std::string& name) {
  Shape shape = expected_shape(config, static_cast<dyn_role>(tensor.role));
  if (tensor.part != DYN_WHOLE) RETURN_IF_ERROR(shape_of_part(tensor, name, &shape));
  if (tensor.rank != shape.rank || tensor.shape[0] != shape.rows ||
      tensor.shape[1] != shape.columns) {
    return not_loadable(
        name + ": the shape is " + shape_text(tensor.rank, tensor.shape[0], tensor.shape[1]) +
        ", the config asks for " + shape_text(shape.rank, shape.rows, shape.columns));
  }
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  if (shape.rank == 1 && !is_float(dtype)) {
    return not_loadable(name + ": is a vector in blocks, it must be F32, F16 or BF16");
  }
  if (tensor.part == DYN_SCALES && !is_float(dtype)) {
    return not_loadable(name + ": must be F32, F16 or BF16");
  }
  if (shape.columns % block_size_of(dtype) != 0) {
    return not_loadable(name + ": rows of " + std::to_string(shape.columns) +
                        " are no whole number of blocks of " +
                        std::to_string(block_size_of(dtype)));
  }
  const uint64_t num_bytes = shape.rows * row_bytes_of(dtype, shape.columns);
  if (tensor.num_bytes != num_bytes) {
    return not_loadable(name + ": has " + std::to_string(tensor.num_bytes) + " bytes, its shape " +
                        "takes " + std::to_string(num_bytes));
  }
  uint64_t end = 0;
  if (!checked_add(tensor.offset, tensor.num_bytes, &end) || end > INT64_MAX) {
    return not_loadable(name + ": lies beyond the end of any file, at byte " +
                        std::to_string(tensor.offset));
  }
  return {};
}

}  // namespace

std::string TensorTable::name(dyn_role role, uint32_t layer) {
  return (is_in_layer(role) ? "layer " + std::to_string(layer) + " " : "") + kRoleNames[role];
}

Status TensorTable::create(const dyn_model_config& config, std::span<const dyn_tensor> tensors,
                           TensorTable* table) {
  table->rows_.assign(config.num_layers, {});
  for (const dyn_tensor& tensor : tensors) RETURN_IF_ERROR(table->add(config, tensor));
  return table->check_complete(config);
}

Status TensorTable::add(const dyn_model_config& config, const dyn_tensor& tensor) {
  if (tensor.role >= kNumRoles) {
    return invalid_argument("no tensor has role " + std::to_string(tensor.role));
  }
  if (tensor.layer >= (is_in_layer(tensor.role) ? config.num_layers : 1)) {
    return invalid_argument(std::string(kRoleNames[tensor.role]) + ": there is no layer " +
                            std::to_string(tensor.layer));
  }
  const std::string name = TensorTable::name(static_cast<dyn_role>(tensor.role), tensor.layer) +
                           (tensor.part == DYN_ZEROS    ? " zeros"
                            : tensor.part == DYN_SCALES ? " scales"
                                                        : "");
  if (tensor.part > DYN_SCALES) {
    return invalid_argument(name + ": no part has number " + std::to_string(tensor.part));
  }
  if (!is_dtype(tensor.dtype)) {
    return invalid_argument(name + ": no dtype has number " + std::to_string(tensor.dtype));
  }
  RETURN_IF_ERROR(check_extent(config, tensor, name));
  const dyn_tensor*& entry = rows_[tensor.layer][tensor.role][tensor.part];
  if (entry != nullptr) return not_loadable(name + ": is in the table twice");
  entry = &tensor;
  return {};
}

Status TensorTable::check_complete(const dyn_model_config& config) const {
  for (uint32_t layer = 0; layer < config.num_layers; ++layer) {
    for (uint32_t role = 0; role < kNumRoles; ++role) {
      if (layer > 0 && !is_in_layer(role)) continue;
      const bool is_needed = is_part(config, role);
      const Parts& parts = rows_[layer][role];
      const bool is_there = parts[DYN_WHOLE] != nullptr;
      const std::string name = TensorTable::name(static_cast<dyn_role>(role), layer);
      if (is_needed && !is_there) return not_loadable(name + ": is missing");
      if (!is_needed && is_there) {
        return not_loadable(name + ": is in the table, but the config says that there is none");
      }
      RETURN_IF_ERROR(check_parts(parts, name));
    }
  }
  return {};
}

Status TensorTable::check_parts(const Parts& parts, const std::string& name) const {
  const dyn_tensor* whole = parts[DYN_WHOLE];
  const dyn_tensor* zeros = parts[DYN_ZEROS];
  const dyn_tensor* scales = parts[DYN_SCALES];
  if (whole == nullptr || !is_in_parts(whole->dtype)) {
    if (zeros == nullptr && scales == nullptr) return {};
    return not_loadable(name + ": has zeros or scales, but is not of a type that takes them");
  }
  if (zeros == nullptr) return not_loadable(name + " zeros: is missing");
  if (scales == nullptr) return not_loadable(name + " scales: is missing");
  if (zeros->dtype != whole->dtype || zeros->shape[0] != scales->shape[0]) {
    return not_loadable(name + ": its zeros are of another type or number of groups");
  }
  return {};
}

}  // namespace dyn
