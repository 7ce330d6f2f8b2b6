// CudaDevice: one NVIDIA GPU.

#pragma once

#include <memory>

#include "cuda/driver/context.h"
#include "cuda/module/kernels.h"
#include "device/device.h"

namespace dyn {

class CudaDevice final : public Device {
 public:
  // Errors: INVALID_ARGUMENT where there is no driver, none that is new enough, no such GPU, or one
  // that there are no kernels for.
  static Status open(uint32_t ordinal, const dyn_device_config& config,
                     std::shared_ptr<Device>* device);

  dyn_device_facts facts() const override;
  Status check_same(const dyn_device_config& config) const override;
  Status load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) override;
  Status measure_model(const ModelSource& source, dyn_model_sizes* sizes) override;
  Status measure_step(const ModelSource& source, const dyn_kv_pool_config& pool,
                      const StepLimits& limits, dyn_engine_sizes* sizes) override;

  const cuda::Context& context() const { return context_; }
  const cuda::Kernels& kernels() const { return kernels_; }
  uint32_t num_threads() const { return num_threads_; }  // That load.

 private:
  uint32_t ordinal_ = 0;
  uint32_t num_threads_ = 1;
  cuda::Context context_;
  cuda::Kernels kernels_;
};

}  // namespace dyn
