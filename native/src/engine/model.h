// Model: the weights of one model on one device, and the numbers that they were made for.

#pragma once

#include <memory>
#include <span>

#include "base/status.h"
#include "engine/device.h"
#include "graph/weights.h"

namespace dyn {

class Model {
 public:
  static Status load(std::shared_ptr<Device> device, const dyn_model_config& config,
                     std::span<const double> rope_frequencies, std::span<const dyn_tensor> tensors,
                     std::shared_ptr<Model>* model);

  // Whether a second opener of the key means the same model.
  Status check_same(const dyn_model_config& config, std::span<const double> rope_frequencies) const;

  Device& device() const { return *device_; }
  const dyn_model_config& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  std::shared_ptr<Device> device_;
  dyn_model_config config_ = {};
  Weights weights_;
};

}  // namespace dyn
