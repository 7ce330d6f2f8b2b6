// Context: the primary context of one GPU, for as long as the device is open. Any thread may use it
// after enter().

#pragma once

#include <atomic>

#include "cuda/driver/driver.h"

namespace dyn::cuda {

// Facts that do not change.
struct GpuFacts {
  std::string name;
  uint64_t memory_bytes;
  uint32_t capability;  // 90 for 9.0
  uint32_t num_processors;
  bool is_integrated;  // It shares its memory with the CPU.
};

class Context {
 public:
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  // Opens GPU `ordinal`, counted as CUDA_VISIBLE_DEVICES leaves them.
  Status open(uint32_t ordinal);

  // Makes the context the calling thread's. DYN_DEVICE_LOST once it was given up.
  Status enter() const;

  // The GPU computes without end. Each further call of the driver could wait for that, so none is
  // made: what lies on the GPU stays there until the process ends.
  void give_up() const { is_given_up_ = true; }

  const Driver& driver() const { return *driver_; }
  const GpuFacts& facts() const { return facts_; }

 private:
  Status learn_facts();
  Status attribute(CUdevice_attribute which, uint32_t* value) const;

  const Driver* driver_ = nullptr;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  GpuFacts facts_ = {};
  mutable std::atomic<bool> is_given_up_ = false;
};

}  // namespace dyn::cuda
