// CudaModel: a model's weights on a GPU: packed on the host, then copied, by a thread of its own.

#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cuda/cuda_device.h"
#include "cuda/device_weights.h"
#include "cuda/driver/memory.h"
#include "device/device.h"
#include "device/model_loader.h"
#include "graph/weights.h"

namespace dyn {

class CudaModel final : public DeviceModel {
 public:
  // Errors besides those of the seam: INVALID_ARGUMENT for a format or a shape that there are no
  // kernels for.
  static Status load(CudaDevice* device, const ModelSource& source,
                     std::unique_ptr<DeviceModel>* model);

  CudaModel(CudaDevice* device, const dyn_model_config& config)
      : device_(device), config_(config) {}
  CudaModel(const CudaModel&) = delete;
  CudaModel& operator=(const CudaModel&) = delete;
  ~CudaModel() override;

  // Checks the table, and that there are kernels for all of it.
  Status describe(const ModelSource& source, std::vector<WeightSlot>* slots);

  Status wait(uint32_t timeout_us, dyn_model_progress* progress) override;
  bool is_loaded() override;
  Status open_pool(const dyn_kv_pool_config& config, std::unique_ptr<DeviceKvPool>* pool) override;

  CudaDevice& device() const { return *device_; }
  const dyn_model_config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const cuda::DeviceWeights& on_device() const { return device_weights_; }

 private:
  void run();

  CudaDevice* const device_;
  const dyn_model_config config_;
  Weights weights_;
  cuda::DeviceBuffer image_;
  cuda::DeviceWeights device_weights_;

  std::mutex mutex_;  // Guards the next five.
  // Holds the image that weights_ describe; null once that is on the GPU and in a file.
  std::unique_ptr<ModelLoader> loader_;
  dyn_model_progress last_progress_ = {};
  std::condition_variable ended_;
  bool has_ended_ = false;
  Status result_;

  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // Copies what the loader has packed.
};

}  // namespace dyn
