// CudaKvPool: the paged K and V of one model on a GPU, for all layers: [layer] of kv_layer.h.

#pragma once

#include <memory>

#include "cuda/cuda_model.h"
#include "cuda/driver/memory.h"
#include "cuda/step/decoder.h"
#include "device/device.h"

namespace dyn {

class CudaKvPool final : public DeviceKvPool {
 public:
  // Errors besides those of the seam: INVALID_ARGUMENT for blocks that are no multiple of 16 tokens,
  // and for another type than BF16.
  static Status open(const CudaModel& model, const dyn_kv_pool_config& config,
                     std::unique_ptr<DeviceKvPool>* pool);

  CudaKvPool(const CudaModel& model, const dyn_kv_pool_config& config)
      : model_(model), config_(config) {}

  // The GPU's memory is taken at open and kept: nothing is given back.
  Status discard(uint32_t first_block, uint32_t num_blocks) override;
  std::unique_ptr<DeviceStep> open_step() override;

  // Sets the pool's sizes.
  Status measure(dyn_engine_sizes* sizes) const;

  const CudaModel& model() const { return model_; }
  cuda::DeviceBlocks blocks() const;

 private:
  Status check_config() const;
  Status count(uint64_t* num_bytes) const;
  cuda::KvPlace place() const;

  const CudaModel& model_;
  const dyn_kv_pool_config config_;
  cuda::DeviceBuffer memory_;
};

}  // namespace dyn
