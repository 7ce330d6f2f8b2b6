#include "cuda/driver/stream.h"

namespace dyn::cuda {

Stream::~Stream() {
  if (context_ == nullptr || !context_->enter().ok()) return;
  const Driver& driver = context_->driver();
  if (stream_ != nullptr) driver.cuStreamSynchronize(stream_);
  if (event_ != nullptr) driver.cuEventDestroy(event_);
  if (stream_ != nullptr) driver.cuStreamDestroy(stream_);
}

Status Stream::open(const Context& context) {
  RETURN_IF_ERROR(context.enter());
  context_ = &context;
  const Driver& driver = context.driver();
  RETURN_IF_ERROR(
      check(driver, driver.cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate"));
  return check(driver, driver.cuEventCreate(&event_, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
}

Status Stream::copy_in(CUdeviceptr to, const void* from, uint64_t num_bytes) const {
  if (num_bytes == 0) return {};
  const Driver& driver = context_->driver();
  return check(driver, driver.cuMemcpyHtoDAsync(to, from, num_bytes, stream_), "cuMemcpyHtoDAsync");
}

Status Stream::copy_out(void* to, CUdeviceptr from, uint64_t num_bytes) const {
  if (num_bytes == 0) return {};
  const Driver& driver = context_->driver();
  return check(driver, driver.cuMemcpyDtoHAsync(to, from, num_bytes, stream_), "cuMemcpyDtoHAsync");
}

Status Stream::zero(CUdeviceptr to, uint64_t num_bytes) const {
  if (num_bytes == 0) return {};
  const Driver& driver = context_->driver();
  return check(driver, driver.cuMemsetD8Async(to, 0, num_bytes, stream_), "cuMemsetD8Async");
}

Status Stream::mark() const {
  const Driver& driver = context_->driver();
  return check(driver, driver.cuEventRecord(event_, stream_), "cuEventRecord");
}

Status Stream::is_marked(bool* is_there) const {
  const Driver& driver = context_->driver();
  const CUresult result = driver.cuEventQuery(event_);
  *is_there = result == CUDA_SUCCESS;
  return result == CUDA_ERROR_NOT_READY ? Status() : check(driver, result, "the step");
}

Status Stream::then(CUhostFn function, void* argument) const {
  const Driver& driver = context_->driver();
  return check(driver, driver.cuLaunchHostFunc(stream_, function, argument), "cuLaunchHostFunc");
}

Status Stream::wait() const {
  const Driver& driver = context_->driver();
  return check(driver, driver.cuStreamSynchronize(stream_), "cuStreamSynchronize");
}

}  // namespace dyn::cuda
