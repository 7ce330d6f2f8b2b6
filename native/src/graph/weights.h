// Weights: the packed tensors of a Llama-shaped decoder.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "graph/model_config.h"
#include "pack/packed_matrix.h"

namespace dyn {

// All of these describe memory of the model's image.
struct LayerWeights {
  std::span<const float> attention_norm;  // [hidden]; empty where there is none
  PackedMatrix q;                         // [num_heads * head_size, hidden]
  PackedMatrix k;                         // [num_kv_heads * head_size, hidden]
  PackedMatrix v;                         // [num_kv_heads * head_size, hidden]
  std::span<const float> q_bias;          // [num_heads * head_size]; empty where there is none
  std::span<const float> k_bias;          // [num_kv_heads * head_size]
  std::span<const float> v_bias;          // [num_kv_heads * head_size]
  std::span<const float> q_norm;          // [head_size] or a row of q; empty where there is none
  std::span<const float> k_norm;          // [head_size] or a row of k
  PackedMatrix o;                         // [hidden, num_heads * head_size]
  std::span<const float> post_attention_norm;  // [hidden]; empty where there is none
  std::span<const float> mlp_norm;             // [hidden]; empty where there is none
  PackedMatrix gate;                           // [intermediate, hidden]
  PackedMatrix up;                             // [intermediate, hidden]
  PackedMatrix down;                           // [hidden, intermediate]
  std::span<const float> post_mlp_norm;        // [hidden]; empty where there is none
};

// The tensors that become one of the weights: a matrix or a vector of F32.
struct WeightSlot {
  std::vector<dyn_tensor> tensors;  // The whole; of a matrix in parts, its zeros and scales too.
  std::string name;
  PackedMatrix* matrix;            // Null for a vector.
  std::span<const float>* vector;  // Null for a matrix.
  float offset;                    // Is added to each element of a vector.

  uint64_t num_bytes() const {
    return matrix != nullptr ? matrix->num_bytes() : tensors[0].shape[0] * sizeof(float);
  }
  uint32_t num_items() const { return matrix != nullptr ? matrix->num_items() : 1; }
  MatrixSource source() const {
    if (tensors.size() == 1) return {.whole = &tensors[0], .zeros = nullptr, .scales = nullptr};
    return {.whole = &tensors[0], .zeros = &tensors[1], .scales = &tensors[2]};
  }
};

class Weights {
 public:
  // Checks the table against the config. The matrices know their shapes then; where all of them lie
  // is said, and what they hold is read, by way of `slots`, which point into `weights`.
  static Status create(const dyn_model_config& config, std::span<const double> rope_frequencies,
                       std::span<const dyn_tensor> tensors, Weights* weights,
                       std::vector<WeightSlot>* slots);

  const PackedMatrix& embedding() const { return embedding_; }  // [vocab, hidden]
  const std::vector<LayerWeights>& layers() const { return layers_; }
  std::span<const float> final_norm() const { return final_norm_; }  // [hidden]
  // [head_size / 2], radians a position
  std::span<const double> rope_frequencies(LayerKind kind) const {
    return std::span(rope_frequencies_).subspan(static_cast<size_t>(kind) * num_pairs_, num_pairs_);
  }
  const PackedMatrix& head() const { return head_is_embedding_ ? embedding_ : head_; }

 private:
  PackedMatrix embedding_;
  std::vector<LayerWeights> layers_;
  std::span<const float> final_norm_;
  size_t num_pairs_ = 0;                  // head_size / 2
  std::vector<double> rope_frequencies_;  // [num_layer_kinds, num_pairs]
  PackedMatrix head_;
  bool head_is_embedding_ = false;
};

}  // namespace dyn
