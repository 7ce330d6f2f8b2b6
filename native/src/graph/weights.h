// Weights: the packed tensors of a Llama-shaped decoder.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "cpu/gemm/gemm_input.h"
#include "pack/packed_matrix.h"

namespace dyn {

// Refuses shapes that the decoder cannot run.
Status check_model_config(const dyn_model_config& config);

struct LayerWeights {
  std::vector<float> attention_norm;  // [hidden]
  PackedMatrix q;                     // [num_heads * head_size, hidden]
  PackedMatrix k;                     // [num_kv_heads * head_size, hidden]
  PackedMatrix v;                     // [num_kv_heads * head_size, hidden]
  std::vector<float> q_bias;          // [num_heads * head_size]; empty where there is none
  std::vector<float> k_bias;          // [num_kv_heads * head_size]
  std::vector<float> v_bias;          // [num_kv_heads * head_size]
  std::vector<float> q_norm;          // [head_size]; empty where there is none
  std::vector<float> k_norm;          // [head_size]
  PackedMatrix o;                     // [hidden, num_heads * head_size]
  std::vector<float> mlp_norm;        // [hidden]
  PackedMatrix gate;                  // [intermediate, hidden]
  PackedMatrix up;                    // [intermediate, hidden]
  PackedMatrix down;                  // [hidden, intermediate]
};

class Weights {
 public:
  // Checks the table against the config, then reads and packs every tensor.
  static Status load(const dyn_model_config& config, std::span<const double> rope_frequencies,
                     std::span<const dyn_tensor> tensors, Weights* weights);

  const PackedMatrix& embedding() const { return embedding_; }  // [vocab, hidden]
  const std::vector<LayerWeights>& layers() const { return layers_; }
  const std::vector<float>& final_norm() const { return final_norm_; }  // [hidden]
  const std::vector<double>& rope_frequencies() const { return rope_frequencies_; }
  const PackedMatrix& head() const { return head_is_embedding_ ? embedding_ : head_; }

  // The forms in which `kernels` read the rows that go into some of the matrices.
  struct Forms {
    InputForms normed;     // Into q, k, v, gate, up and the head.
    InputForms attended;   // Into o.
    InputForms activated;  // Into down.
  };
  Forms input_forms(const GemmKernels& kernels) const;

 private:
  PackedMatrix embedding_;
  std::vector<LayerWeights> layers_;
  std::vector<float> final_norm_;
  std::vector<double> rope_frequencies_;  // [head_size / 2], radians a position
  PackedMatrix head_;
  bool head_is_embedding_ = false;
};

}  // namespace dyn
