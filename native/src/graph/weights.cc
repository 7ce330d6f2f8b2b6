#include "graph/weights.h"

#include <cmath>
#include <string>

#include "cpu/attention/attention.h"
#include "cpu/phases/phases.h"
#include "graph/tensor_table.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxDimension = 1u << 20;  // Keeps a loop's number of items in 32 bits.
constexpr uint32_t kMaxLayers = 1u << 12;
constexpr uint32_t kMaxHeads = 1u << 10;

Status check_dimension(const char* name, uint32_t value, uint32_t max) {
  if (value >= 1 && value <= max) return {};
  return invalid_argument(std::string(name) + " is " + std::to_string(value) +
                          ", it must be within 1 and " + std::to_string(max));
}

Status check_rope(std::span<const double> frequencies) {
  for (const double frequency : frequencies) {
    if (!(frequency > 0) || !std::isfinite(frequency)) {
      return invalid_argument("rope_frequencies must be positive");
    }
  }
  return {};
}

Status check_quantization(uint32_t quantization) {
  if (quantization == DYN_QUANTIZATION_NONE || quantization == DYN_QUANTIZATION_Q8 ||
      quantization == DYN_QUANTIZATION_Q4) {
    return {};
  }
  return invalid_argument("no quantization has number " + std::to_string(quantization));
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

  void add_layer(uint32_t index, LayerWeights* layer) {
    add(DYN_ATTENTION_NORM, index, &layer->attention_norm);
    add(DYN_Q, index, &layer->q);
    add(DYN_K, index, &layer->k);
    add(DYN_V, index, &layer->v);
    if (config_.attention_bias == 1) {
      add(DYN_Q_BIAS, index, &layer->q_bias);
      add(DYN_K_BIAS, index, &layer->k_bias);
      add(DYN_V_BIAS, index, &layer->v_bias);
    }
    if (config_.qk_norm == 1) {
      add(DYN_Q_NORM, index, &layer->q_norm);
      add(DYN_K_NORM, index, &layer->k_norm);
    }
    add(DYN_O, index, &layer->o);
    add(DYN_MLP_NORM, index, &layer->mlp_norm);
    add(DYN_GATE, index, &layer->gate);
    add(DYN_UP, index, &layer->up);
    add(DYN_DOWN, index, &layer->down);
  }

 private:
  WeightSlot& add_tensor(dyn_role role, uint32_t layer) {
    return slots_->emplace_back(WeightSlot{.tensors = {table_.get(role, layer)},
                                           .name = TensorTable::name(role, layer),
                                           .matrix = nullptr,
                                           .vector = nullptr});
  }

  const dyn_model_config& config_;
  const TensorTable& table_;
  std::vector<WeightSlot>* const slots_;
};

}  // namespace

Status check_model_config(const dyn_model_config& config) {
  RETURN_IF_ERROR(check_dimension("vocab_size", config.vocab_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("hidden_size", config.hidden_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("intermediate_size", config.intermediate_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("num_layers", config.num_layers, kMaxLayers));
  RETURN_IF_ERROR(check_dimension("num_heads", config.num_heads, kMaxHeads));
  RETURN_IF_ERROR(check_dimension("num_kv_heads", config.num_kv_heads, config.num_heads));
  RETURN_IF_ERROR(check_dimension("head_size", config.head_size, kMaxHeadSize));
  RETURN_IF_ERROR(check_dimension("num_heads / num_kv_heads",
                                  config.num_heads / config.num_kv_heads, kMaxHeadGroup));
  RETURN_IF_ERROR(
      check_dimension("num_heads * head_size", config.num_heads * config.head_size, kMaxDimension));
  if (config.num_heads % config.num_kv_heads != 0) {
    return invalid_argument("num_heads must be a multiple of num_kv_heads");
  }
  if (config.head_size % 2 != 0) return invalid_argument("head_size must be even");
  if (config.tie_word_embeddings > 1) return invalid_argument("tie_word_embeddings is 0 or 1");
  if (config.attention_bias > 1) return invalid_argument("attention_bias is 0 or 1");
  if (config.qk_norm > 1) return invalid_argument("qk_norm is 0 or 1");
  if (config.rope_layout > DYN_ROPE_INTERLEAVED) {
    return invalid_argument("no rope layout has number " + std::to_string(config.rope_layout));
  }
  if (!(config.rms_norm_eps > 0)) return invalid_argument("rms_norm_eps must be positive");
  if (!(config.rope_magnitude > 0) || !std::isfinite(config.rope_magnitude)) {
    return invalid_argument("rope_magnitude must be positive");
  }
  return check_quantization(config.quantization);
}

Status Weights::create(const dyn_model_config& config, std::span<const double> rope_frequencies,
                       std::span<const dyn_tensor> tensors, Weights* weights,
                       std::vector<WeightSlot>* slots) {
  RETURN_IF_ERROR(check_rope(rope_frequencies));
  weights->rope_frequencies_.assign(rope_frequencies.begin(), rope_frequencies.end());
  TensorTable table;
  RETURN_IF_ERROR(TensorTable::create(config, tensors, &table));
  SlotList list(config, table, slots);
  list.add(DYN_EMBEDDING, 0, &weights->embedding_);
  list.add(DYN_FINAL_NORM, 0, &weights->final_norm_);
  weights->head_is_embedding_ = config.tie_word_embeddings == 1;
  if (!weights->head_is_embedding_) list.add(DYN_HEAD, 0, &weights->head_);
  weights->layers_.resize(config.num_layers);
  for (uint32_t index = 0; index < config.num_layers; ++index) {
    list.add_layer(index, &weights->layers_[index]);
  }
  return {};
}

Weights::Forms Weights::input_forms(const GemmKernels& kernels) const {
  Forms forms;
  for (const LayerWeights& layer : layers_) {
    for (const PackedMatrix* matrix : {&layer.q, &layer.k, &layer.v, &layer.gate, &layer.up}) {
      forms.normed.add(kernels.form(matrix->family()));
    }
    forms.attended.add(kernels.form(layer.o.family()));
    forms.activated.add(kernels.form(layer.down.family()));
  }
  forms.normed.add(kernels.form(head().family()));
  return forms;
}

}  // namespace dyn
