// Device: the CPU, with its one pool of compute threads.

#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "pool/thread_pool.h"

namespace dyn {

class Device {
 public:
  // DYN_THREADS_ANY takes one thread per CPU that the process may use.
  static Status create(uint32_t num_threads, std::shared_ptr<Device>* device);

  // Whether a second opener who asks for `num_threads` may share this device.
  Status check_same(uint32_t num_threads) const;

  ThreadPool& threads() { return threads_; }

 private:
  ThreadPool threads_;
};

}  // namespace dyn
