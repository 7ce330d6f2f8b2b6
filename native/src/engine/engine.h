// Engine: one worker's batch, and the step of a device that fills it with samples.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "base/arena.h"
#include "base/status.h"
#include "engine/kv_pool.h"

namespace dyn {

class Engine {
 public:
  static Status open(std::shared_ptr<KvPool> pool, const dyn_engine_config& config,
                     std::shared_ptr<Engine>* engine);

  // Memory that a pool and an engine on it would take. Takes none.
  static Status measure(Device* device, const ModelSource& source, const dyn_kv_pool_config& pool,
                        const dyn_engine_config& config, dyn_engine_sizes* sizes);

  Engine(std::shared_ptr<KvPool> pool, const StepLimits& limits);

  const dyn_batch& batch() const { return input_.batch; }

  // Checks the batch and hands it to the device. Once the device is lost, that is the answer.
  Status submit(const StepSize& size);
  Status wait(uint32_t timeout_us);

  // As DeviceStep::use_graphs.
  void use_graphs(bool are_used) { step_->use_graphs(are_used); }

  // Changes for as long as the device computes; 0 where no step is submitted. From any thread.
  uint64_t progress();

 private:
  enum class State { kIdle, kSubmitted, kLost };

  Status reserve();

  const std::shared_ptr<KvPool> pool_;
  const StepLimits limits_;
  Arena arena_;  // The batch.
  StepInput input_ = {};

  std::mutex mutex_;  // Guards state_.
  State state_ = State::kIdle;

  std::unique_ptr<DeviceStep> step_;  // Last, so that it ends before its batch does.
};

}  // namespace dyn
