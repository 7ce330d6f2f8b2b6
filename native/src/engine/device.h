// Device: the CPU, with its one pool of compute threads.

#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "pool/thread_pool.h"

namespace dyn {

class Device {
 public:
  // DYN_THREADS_ANY takes one thread per CPU that the process may use, DYN_ISA_ANY the best
  // instruction set.
  static Status create(uint32_t num_threads, uint32_t isa, std::shared_ptr<Device>* device);

  // Whether a second opener who asks for `num_threads` and `isa` may share this device.
  Status check_same(uint32_t num_threads, uint32_t isa) const;

  ThreadPool& threads() { return threads_; }
  dyn_isa isa() const { return isa_; }
  dyn_threads_by threads_by() const { return threads_by_; }

 private:
  dyn_isa isa_ = DYN_ISA_PORTABLE;
  dyn_threads_by threads_by_ = DYN_THREADS_BY_CONFIGURATION;
  ThreadPool threads_;
};

}  // namespace dyn
