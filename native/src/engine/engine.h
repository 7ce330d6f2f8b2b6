// Engine: the workspace and the batch of one worker, and the step that fills it with samples.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/arena.h"
#include "base/status.h"
#include "cpu/sample/sampler.h"
#include "cpu/step/decoder.h"
#include "engine/batch.h"
#include "engine/kv_pool.h"
#include "pool/thread_pool.h"

namespace dyn {

class Engine {
 public:
  static Status create(std::shared_ptr<KvPool> pool, const dyn_engine_config& config,
                       std::shared_ptr<Engine>* engine);
  Engine(std::shared_ptr<KvPool> pool, const BatchLimits& limits);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();  // Drops a step that has not begun, and waits for one that has.

  const dyn_batch& batch() const { return batch_; }

  Status submit(const StepSize& size);
  Status wait(uint32_t timeout_us);

  // Changes for as long as the device computes; 0 where no step is submitted or the step is done.
  uint64_t progress();

 private:
  enum class State { kIdle, kSubmitted, kDone };

  Status reserve();
  void place();
  void run_step();  // On the pool's leader.
  void sample_row(uint32_t row, uint32_t thread);

  const std::shared_ptr<KvPool> pool_;
  const BatchLimits limits_;
  ThreadPool& threads_;
  Decoder decoder_;
  std::vector<Sampler> samplers_;  // [num_threads]
  Arena arena_;                    // The batch, and the samplers' scratch.
  dyn_batch batch_ = {};

  StepSize size_ = {};
  Job job_;
  std::mutex mutex_;  // Guards state_.
  std::condition_variable done_;
  State state_ = State::kIdle;
};

}  // namespace dyn
