// CpuKvPool: the blocks of K and V in the machine's memory. How a layer lies: kv_layer.h.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/mapping.h"
#include "cpu/attention/kv_layer.h"
#include "cpu/cpu_model.h"
#include "cpu/pages_ahead.h"
#include "device/device.h"

namespace dyn {

class CpuKvPool final : public DeviceKvPool {
 public:
  static Status open(const CpuModel& model, const dyn_kv_pool_config& config,
                     std::unique_ptr<DeviceKvPool>* pool);

  CpuKvPool(const CpuModel& model, const dyn_kv_pool_config& config)
      : model_(model), config_(config) {}

  Status discard(uint32_t first_block, uint32_t num_blocks) override;
  std::unique_ptr<DeviceStep> open_step() override;

  // Sets the sizes of a block and of the pool.
  Status measure(dyn_engine_sizes* sizes) const;

  const CpuModel& model() const { return model_; }
  KvLayers layers() const;

  // Before a step that writes to `slots`. Within a job of `threads`.
  void stay_ahead_of(std::span<const int32_t> slots, ThreadPool* threads) {
    pages_ahead_.stay_ahead_of(slots, threads);
  }

 private:
  Status count(uint64_t* num_bytes) const;
  Status map();

  const CpuModel& model_;
  const dyn_kv_pool_config config_;
  Mapping blocks_;          // [num_layers, num_blocks, block_bytes]
  PagesAhead pages_ahead_;  // Used if pages are huge.
};

}  // namespace dyn
