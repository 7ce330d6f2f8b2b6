#include "cuda/device_weights.h"

namespace dyn::cuda {

DeviceWeights DeviceWeights::of(const Weights& weights, const std::byte* image, CUdeviceptr copy) {
  const auto place_of = [&](const void* at) {
    return copy + static_cast<CUdeviceptr>(static_cast<const std::byte*>(at) - image);
  };
  const auto matrix = [&](const PackedMatrix& of) {
    return DeviceMatrix{.panels = reinterpret_cast<const uint32_t*>(place_of(of.panel(0))),
                        .num_outputs = of.num_outputs(),
                        .num_inputs = of.num_inputs()};
  };
  const auto vector = [&](std::span<const float> of) -> const float* {
    return of.empty() ? nullptr : reinterpret_cast<const float*>(place_of(of.data()));
  };
  DeviceWeights placed;
  placed.embedding = matrix(weights.embedding());
  placed.final_norm = vector(weights.final_norm());
  placed.head = matrix(weights.head());
  for (const LayerWeights& layer : weights.layers()) {
    placed.layers.push_back({.attention_norm = vector(layer.attention_norm),
                             .q = matrix(layer.q),
                             .k = matrix(layer.k),
                             .v = matrix(layer.v),
                             .q_bias = vector(layer.q_bias),
                             .k_bias = vector(layer.k_bias),
                             .v_bias = vector(layer.v_bias),
                             .q_norm = vector(layer.q_norm),
                             .k_norm = vector(layer.k_norm),
                             .o = matrix(layer.o),
                             .mlp_norm = vector(layer.mlp_norm),
                             .gate = matrix(layer.gate),
                             .up = matrix(layer.up),
                             .down = matrix(layer.down)});
  }
  return placed;
}

}  // namespace dyn::cuda
