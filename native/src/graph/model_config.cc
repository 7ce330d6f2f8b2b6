#include "graph/model_config.h"

#include <cmath>
#include <string>

namespace dyn {
namespace {

constexpr uint32_t kMaxDimension = 1u << 20;  // Keeps a loop's number of items in 32 bits.
constexpr uint32_t kMaxHeads = 1u << 10;

Status check_dimension(const char* name, uint32_t value, uint32_t max) {
  if (value >= 1 && value <= max) return {};
  return invalid_argument(std::string(name) + " is " + std::to_string(value) +
                          ", it must be within 1 and " + std::to_string(max));
}

Status check_quantization(uint32_t quantization) {
  if (quantization == DYN_QUANTIZATION_NONE || quantization == DYN_QUANTIZATION_Q8 ||
      quantization == DYN_QUANTIZATION_Q4) {
    return {};
  }
  return invalid_argument("no quantization has number " + std::to_string(quantization));
}

Status check_factor(const char* name, double value) {
  if (value >= 0 && std::isfinite(value)) return {};
  return invalid_argument(std::string(name) + " must be positive, or 0 where there is none");
}

Status check_choice(const char* name, uint32_t value, uint32_t last) {
  if (value <= last) return {};
  return invalid_argument(std::string(name) + " is " + std::to_string(value) +
                          ", the last that there is is " + std::to_string(last));
}

Status check_local_layers(const dyn_model_config& config) {
  for (uint32_t layer = config.num_layers; layer < DYN_MAX_LAYERS; ++layer) {
    if (layer_kind(config, layer) == LayerKind::kLocal) {
      return invalid_argument("local_layers names layer " + std::to_string(layer) +
                              ", which there is not");
    }
  }
  if (num_layer_kinds(config) == 1) {
    if (config.local_window == 0 && config.local_rope_magnitude == 0) return {};
    return invalid_argument("local_window and local_rope_magnitude are 0 where no layer is local");
  }
  if (config.local_rope_magnitude > 0 && std::isfinite(config.local_rope_magnitude)) return {};
  return invalid_argument("local_rope_magnitude must be positive where layers are local");
}

// Checks the steps in which families differ.
Status check_steps(const dyn_model_config& config) {
  RETURN_IF_ERROR(check_choice("qk_norm", config.qk_norm, DYN_QK_NORM_ROWS));
  RETURN_IF_ERROR(check_choice("norms", config.norms, DYN_NORMS_BEHIND));
  RETURN_IF_ERROR(check_choice("norm_offset", config.norm_offset, 1));
  RETURN_IF_ERROR(check_choice("activation", config.activation, DYN_ACTIVATION_GELU_TANH));
  RETURN_IF_ERROR(check_factor("embedding_scale", config.embedding_scale));
  RETURN_IF_ERROR(check_factor("attention_scale", config.attention_scale));
  RETURN_IF_ERROR(check_factor("attention_softcap", config.attention_softcap));
  RETURN_IF_ERROR(check_factor("logit_softcap", config.logit_softcap));
  if (config.qk_norm == DYN_QK_NORM_ROWS &&
      (config.rope_layout != DYN_ROPE_HALVES || config.attention_bias == 1)) {
    return invalid_argument("norms of whole rows of q and k are for rope_layout 0 without biases");
  }
  return check_local_layers(config);
}

}  // namespace

LayerKind layer_kind(const dyn_model_config& config, size_t layer) {
  return config.local_layers[layer / 64] >> (layer % 64) & 1 ? LayerKind::kLocal
                                                             : LayerKind::kOrdinary;
}

uint32_t num_layer_kinds(const dyn_model_config& config) {
  for (const uint64_t layers : config.local_layers) {
    if (layers != 0) return 2;
  }
  return 1;
}

uint32_t window_of(const dyn_model_config& config, LayerKind kind) {
  return kind == LayerKind::kLocal ? config.local_window : config.sliding_window;
}

double rope_magnitude_of(const dyn_model_config& config, LayerKind kind) {
  return kind == LayerKind::kLocal ? config.local_rope_magnitude : config.rope_magnitude;
}

float attention_scale_of(const dyn_model_config& config) {
  if (config.attention_scale > 0) return static_cast<float>(config.attention_scale);
  return 1.0f / std::sqrt(static_cast<float>(config.head_size));
}

Status check_model_config(const dyn_model_config& config) {
  RETURN_IF_ERROR(check_dimension("vocab_size", config.vocab_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("hidden_size", config.hidden_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("intermediate_size", config.intermediate_size, kMaxDimension));
  RETURN_IF_ERROR(check_dimension("num_layers", config.num_layers, DYN_MAX_LAYERS));
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
  if (config.rope_layout > DYN_ROPE_INTERLEAVED) {
    return invalid_argument("no rope layout has number " + std::to_string(config.rope_layout));
  }
  if (!(config.rms_norm_eps > 0)) return invalid_argument("rms_norm_eps must be positive");
  if (!(config.rope_magnitude > 0) || !std::isfinite(config.rope_magnitude)) {
    return invalid_argument("rope_magnitude must be positive");
  }
  RETURN_IF_ERROR(check_steps(config));
  return check_quantization(config.quantization);
}

}  // namespace dyn
