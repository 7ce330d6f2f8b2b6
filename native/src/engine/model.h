// Model: a model on a device, the numbers that it was made for, and who opened it. It is there while
// the weights are still being loaded, so that its openers can be told how far that is.

#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "device/device.h"

namespace dyn {

class Model {
 public:
  // Checks everything but what the files hold, and begins to load. `opener` is the owner who asked.
  static Status open(std::shared_ptr<Device> device, uint32_t opener, const ModelSource& source,
                     std::shared_ptr<Model>* model);

  Model(std::shared_ptr<Device> device, uint32_t opener, const ModelSource& source);

  // As DeviceModel::wait.
  Status wait(uint32_t timeout_us, dyn_model_progress* progress);

  // No pool can be opened before.
  bool is_loaded() { return loaded_->is_loaded(); }

  // OK if a second opener of the key means the same model.
  Status check_same(const ModelSource& source) const;

  const dyn_model_config& config() const { return config_; }
  DeviceModel& on_device() const { return *loaded_; }

 private:
  const std::shared_ptr<Device> device_;
  const uint32_t opener_;
  const dyn_model_config config_;
  const std::vector<double> rope_frequencies_;
  std::unique_ptr<DeviceModel> loaded_;
};

}  // namespace dyn
