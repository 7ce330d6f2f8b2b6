// CudaStep: the workspace of one engine on a GPU, and the step that fills its batch with samples.
//
//     submit: copies in -> forward pass -> samples -> copies out -> mark, then a call of the host
//
// A step that decodes few sequences is captured the first time, and replayed when a step of its
// extent comes again.
//
//     wait:   that call, or a look at the mark now and then, since a lost GPU makes no calls

#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "cuda/cuda_kv_pool.h"
#include "cuda/driver/device_arena.h"
#include "cuda/driver/graph.h"
#include "cuda/driver/stream.h"
#include "cuda/step/decoder.h"
#include "cuda/step/rope_table.h"
#include "cuda/step/staging.h"
#include "device/device.h"

namespace dyn {

class CudaStep final : public DeviceStep {
 public:
  explicit CudaStep(CudaKvPool* pool);
  CudaStep(const CudaStep&) = delete;
  CudaStep& operator=(const CudaStep&) = delete;
  ~CudaStep() override;

  Status reserve(const StepLimits& limits) override;
  // Sets the sizes of the workspace by purpose, and of all of it as reserve() takes it.
  Status measure(const StepLimits& limits, dyn_engine_sizes* sizes);

  Status submit(const StepInput& input) override;
  Status wait(uint32_t timeout_us) override;
  void use_graphs(bool are_used) override { uses_graphs_ = are_used; }
  uint64_t progress() const override;

 private:
  void place(const StepLimits& limits, dyn_engine_sizes* sizes);
  bool is_graph(const StepInput& input) const;
  Status look(bool* is_done);
  Status enqueue();
  Status replay();
  Status compute() const;
  Status sample() const;
  void end();

  CudaKvPool* const pool_;
  const cuda::Kernels& kernels_;
  uint32_t vocab_size_;
  uint32_t num_sample_blocks_ = 0;

  cuda::DeviceArena device_;
  cuda::PinnedArena pinned_;
  cuda::Decoder decoder_;
  cuda::RopeTable rope_;
  cuda::Staging staging_;
  float* changed_ = nullptr;               // [sample blocks, vocab]
  cuda::Candidate* candidates_ = nullptr;  // [sample blocks, vocab]
  uint32_t* progress_ = nullptr;           // Pinned: the GPU raises it.

  std::chrono::steady_clock::time_point moved_ = {};  // When progress_ was seen to change,
  uint32_t seen_progress_ = 0;                        // and what it was then.
  bool is_submitted_ = false;

  StepInput input_ = {};
  std::mutex mutex_;  // Guards has_called_.
  std::condition_variable called_;
  bool has_called_ = false;

  bool uses_graphs_ = true;
  std::map<cuda::StepExtent, cuda::Graph> graphs_;

  cuda::Stream stream_;  // Last, so that it ends before what it works on.
};

}  // namespace dyn
