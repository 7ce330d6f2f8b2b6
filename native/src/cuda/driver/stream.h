// Stream: an order of work on a GPU, and the event that says how far it is.

#pragma once

#include "cuda/driver/context.h"

namespace dyn::cuda {

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();  // Waits for its work.

  Status open(const Context& context);

  Status copy_in(CUdeviceptr to, const void* from, uint64_t num_bytes) const;
  Status copy_out(void* to, CUdeviceptr from, uint64_t num_bytes) const;
  Status zero(CUdeviceptr to, uint64_t num_bytes) const;

  // Marks the end of what was enqueued; is_marked() then tells whether the GPU is there.
  Status mark() const;
  Status is_marked(bool* is_there) const;

  // Calls function(argument) on a thread of the driver's when the GPU is there. No call of the
  // driver may be made from it. A lost GPU never calls.
  Status then(CUhostFn function, void* argument) const;

  Status wait() const;

  CUstream get() const { return stream_; }

 private:
  const Context* context_ = nullptr;
  CUstream stream_ = nullptr;
  CUevent event_ = nullptr;
};

}  // namespace dyn::cuda
