// CpuModel: a model's weights, packed for the CPU's instruction set.

#pragma once

#include <memory>
#include <vector>

#include "cpu/cpu_device.h"
#include "device/device.h"
#include "device/model_loader.h"
#include "graph/weights.h"

namespace dyn {

class CpuModel final : public DeviceModel {
 public:
  static Status load(CpuDevice* device, const ModelSource& source,
                     std::unique_ptr<DeviceModel>* model);

  CpuModel(CpuDevice* device, const dyn_model_config& config) : device_(device), config_(config) {}

  // Checks the table and learns the weights' shapes, without where they lie.
  Status describe(const ModelSource& source, std::vector<WeightSlot>* slots) {
    return Weights::create(config_, source.rope_frequencies, source.tensors, &weights_, slots);
  }

  Status wait(uint32_t timeout_us, dyn_model_progress* progress) override {
    return loader_->wait(timeout_us, progress);
  }
  bool is_loaded() override { return loader_->is_loaded(); }
  Status open_pool(const dyn_kv_pool_config& config, std::unique_ptr<DeviceKvPool>* pool) override;

  CpuDevice& device() const { return *device_; }
  const dyn_model_config& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  CpuDevice* const device_;
  const dyn_model_config config_;
  Weights weights_;
  std::unique_ptr<ModelLoader> loader_;  // Holds the image that weights_ describe.
};

}  // namespace dyn
