#include "graph/model_config.h"

#include <cmath>
#include <string>

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

Status check_quantization(uint32_t quantization) {
  if (quantization == DYN_QUANTIZATION_NONE || quantization == DYN_QUANTIZATION_Q8 ||
      quantization == DYN_QUANTIZATION_Q4) {
    return {};
  }
  return invalid_argument("no quantization has number " + std::to_string(quantization));
}

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

}  // namespace dyn
