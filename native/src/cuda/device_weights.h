// DeviceWeights: where a model's weights lie on the GPU: in the image of the host, byte for byte.

#pragma once

#include <vector>

#include "cuda/gemm/gemm.h"
#include "graph/weights.h"

namespace dyn::cuda {

struct DeviceLayer {
  const float* attention_norm;
  DeviceMatrix q;
  DeviceMatrix k;
  DeviceMatrix v;
  const float* q_bias;  // These five: null where the model has none.
  const float* k_bias;
  const float* v_bias;
  const float* q_norm;
  const float* k_norm;
  DeviceMatrix o;
  const float* mlp_norm;
  DeviceMatrix gate;
  DeviceMatrix up;
  DeviceMatrix down;
};

struct DeviceWeights {
  DeviceMatrix embedding;
  std::vector<DeviceLayer> layers;
  const float* final_norm = nullptr;
  DeviceMatrix head;

  // The places of weights that lie in `image`, once that lies at `copy` on the GPU.
  static DeviceWeights of(const Weights& weights, const std::byte* image, CUdeviceptr copy);
};

}  // namespace dyn::cuda
