// CpuStep: the workspace of one engine on the CPU, and the step that fills its batch with samples.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/arena.h"
#include "cpu/cpu_kv_pool.h"
#include "cpu/sample/sampler.h"
#include "cpu/step/decoder.h"
#include "device/device.h"
#include "pool/thread_pool.h"

namespace dyn {

class CpuStep final : public DeviceStep {
 public:
  explicit CpuStep(CpuKvPool* pool);
  CpuStep(const CpuStep&) = delete;
  CpuStep& operator=(const CpuStep&) = delete;
  ~CpuStep() override;

  Status reserve(const StepLimits& limits) override;
  // Sets the sizes of the workspace by purpose, and of all of it as reserve() maps it.
  Status measure(const StepLimits& limits, dyn_engine_sizes* sizes);

  Status submit(const StepInput& input) override;
  Status wait(uint32_t timeout_us) override;
  void use_graphs(bool) override {}

  // A step that waits for the device goes on as those before it do.
  uint64_t progress() const override { return 1 + threads_.progress(); }

 private:
  void place(const StepLimits& limits, dyn_engine_sizes* sizes);
  void run();  // On the pool's leader.
  void sample_row(uint32_t row, uint32_t thread);
  void pool_row(uint32_t row);

  CpuKvPool* const pool_;
  ThreadPool& threads_;
  Decoder decoder_;
  std::vector<Sampler> samplers_;  // [num_threads]
  Arena arena_;

  size_t mask_words_ = 0;  // In one mask.
  StepInput input_ = {};
  Job job_;
  std::mutex mutex_;  // Guards is_done_.
  std::condition_variable done_;
  bool is_done_ = false;
};

}  // namespace dyn
