// CpuDevice: the CPU, with its one pool of compute threads.

#pragma once

#include <cstdint>
#include <memory>

#include "device/device.h"
#include "pool/thread_pool.h"

namespace dyn {

class CpuDevice final : public Device {
 public:
  // DYN_THREADS_ANY takes one thread per CPU that the process may use, DYN_ISA_ANY the best
  // instruction set.
  static Status open(const dyn_device_config& config, std::shared_ptr<Device>* device);

  dyn_device_facts facts() const override;
  Status check_same(const dyn_device_config& config) const override;
  Status load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) override;
  Status measure_model(const ModelSource& source, dyn_model_sizes* sizes) override;
  Status measure_step(const ModelSource& source, const dyn_kv_pool_config& pool,
                      const StepLimits& limits, dyn_engine_sizes* sizes) override;

  ThreadPool& threads() { return threads_; }
  dyn_isa isa() const { return isa_; }

 private:
  dyn_isa isa_ = DYN_ISA_PORTABLE;
  dyn_threads_by threads_by_ = DYN_THREADS_BY_CONFIGURATION;
  ThreadPool threads_;
};

}  // namespace dyn
