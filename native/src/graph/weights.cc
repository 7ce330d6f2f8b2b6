#include "graph/weights.h"

#include <cmath>
#include <string>

#include "graph/tensor_table.h"

namespace dyn {
namespace {

Status check_rope(std::span<const double> frequencies) {
  for (const double frequency : frequencies) {
    if (!(frequency >= 0) || !std::isfinite(frequency)) {
      return invalid_argument("rope_frequencies must be positive, or 0");
    }
  }
  return {};
}

// The head decides on every token, and the embedding is never summed: they keep 8 bits.
uint32_t quantization_of(const dyn_model_config& config, dyn_role role) {
  const bool is_vocabulary = role == DYN_EMBEDDING || role == DYN_HEAD;
  if (is_vocabulary && config.quantization == DYN_QUANTIZATION_Q4) return DYN_QUANTIZATION_Q8;
  return config.quantization;
}

// Lists the tensors of a model with the weights that they become, in the order of the image.
class SlotList {
 public:
  SlotList(const dyn_model_config& config, const TensorTable& table, std::vector<WeightSlot>* slots)
      : config_(config), table_(table), slots_(slots) {}

  void add(dyn_role role, uint32_t layer, PackedMatrix* matrix) {
    const MatrixSource source = table_.matrix(role, layer);
    *matrix = PackedMatrix::of(source, quantization_of(config_, role));
    WeightSlot& slot = add_tensor(role, layer);
    slot.matrix = matrix;
    if (source.scales == nullptr) return;
    slot.tensors.push_back(*source.zeros);
    slot.tensors.push_back(*source.scales);
  }

  void add(dyn_role role, uint32_t layer, std::span<const float>* vector) {
    add_tensor(role, layer).vector = vector;
  }

  void add_norm(dyn_role role, uint32_t layer, std::span<const float>* weight) {
    add(role, layer, weight);
    slots_->back().offset = config_.norm_offset == 1 ? 1.0f : 0.0f;
  }

  void add_layer(uint32_t index, LayerWeights* layer) {
    const bool has_norms_before = config_.norms != DYN_NORMS_BEHIND;
    const bool has_norms_behind = config_.norms != DYN_NORMS_BEFORE;
    if (has_norms_before) add_norm(DYN_ATTENTION_NORM, index, &layer->attention_norm);
    add(DYN_Q, index, &layer->q);
    add(DYN_K, index, &layer->k);
    add(DYN_V, index, &layer->v);
    if (config_.attention_bias == 1) {
      add(DYN_Q_BIAS, index, &layer->q_bias);
      add(DYN_K_BIAS, index, &layer->k_bias);
      add(DYN_V_BIAS, index, &layer->v_bias);
    }
    if (config_.qk_norm != DYN_QK_NORM_NONE) {
      add_norm(DYN_Q_NORM, index, &layer->q_norm);
      add_norm(DYN_K_NORM, index, &layer->k_norm);
    }
    add(DYN_O, index, &layer->o);
    if (has_norms_behind) add_norm(DYN_POST_ATTENTION_NORM, index, &layer->post_attention_norm);
    if (has_norms_before) add_norm(DYN_MLP_NORM, index, &layer->mlp_norm);
    add(DYN_GATE, index, &layer->gate);
    add(DYN_UP, index, &layer->up);
    add(DYN_DOWN, index, &layer->down);
    if (has_norms_behind) add_norm(DYN_POST_MLP_NORM, index, &layer->post_mlp_norm);
  }

 private:
  WeightSlot& add_tensor(dyn_role role, uint32_t layer) {
    return slots_->emplace_back(WeightSlot{.tensors = {table_.get(role, layer)},
                                           .name = TensorTable::name(role, layer),
                                           .matrix = nullptr,
                                           .vector = nullptr,
                                           .offset = 0.0f});
  }

  const dyn_model_config& config_;
  const TensorTable& table_;
  std::vector<WeightSlot>* const slots_;
};

}  // namespace

Status Weights::create(const dyn_model_config& config, std::span<const double> rope_frequencies,
                       std::span<const dyn_tensor> tensors, Weights* weights,
                       std::vector<WeightSlot>* slots) {
  RETURN_IF_ERROR(check_rope(rope_frequencies));
  weights->num_pairs_ = config.head_size / 2;
  weights->rope_frequencies_.assign(rope_frequencies.begin(), rope_frequencies.end());
  TensorTable table;
  RETURN_IF_ERROR(TensorTable::create(config, tensors, &table));
  SlotList list(config, table, slots);
  list.add(DYN_EMBEDDING, 0, &weights->embedding_);
  list.add_norm(DYN_FINAL_NORM, 0, &weights->final_norm_);
  weights->head_is_embedding_ = config.tie_word_embeddings == 1;
  if (!weights->head_is_embedding_) list.add(DYN_HEAD, 0, &weights->head_);
  weights->layers_.resize(config.num_layers);
  for (uint32_t index = 0; index < config.num_layers; ++index) {
    list.add_layer(index, &weights->layers_[index]);
  }
  return {};
}

}  // namespace dyn
