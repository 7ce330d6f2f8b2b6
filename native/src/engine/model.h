// Model: the weights of one model on one device, and the numbers that they were made for. It is
// there while they are still being loaded, so that whoever waits can be told how far that is.

#pragma once

#include <memory>
#include <span>

#include "base/status.h"
#include "device/model_loader.h"
#include "engine/device.h"
#include "graph/weights.h"

namespace dyn {

class Model {
 public:
  // Checks everything but what the files hold, and begins to load. `opener` is the owner who asked.
  static Status open(std::shared_ptr<Device> device, uint32_t opener,
                     const dyn_model_config& config, std::span<const double> rope_frequencies,
                     std::span<const dyn_tensor> tensors, int cache_fd,
                     std::shared_ptr<Model>* model);

  // As ModelLoader::wait.
  Status wait(uint32_t timeout_us, dyn_model_progress* progress);

  // Before that, nobody may look at the weights.
  bool is_loaded() { return loader_->is_loaded(); }

  // Whether a second opener of the key means the same model.
  Status check_same(const dyn_model_config& config, std::span<const double> rope_frequencies) const;

  Device& device() const { return *device_; }
  const dyn_model_config& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  std::shared_ptr<Device> device_;
  dyn_model_config config_ = {};
  Weights weights_;
  uint32_t opener_ = 0;
  std::unique_ptr<ModelLoader> loader_;  // Holds the image that weights_ describe.
};

}  // namespace dyn
