#include "cuda/driver/memory.h"

namespace dyn::cuda {
namespace {

Status no_memory(const Context& context, const Status& status, uint64_t num_bytes, const char* what,
                 const char* where) {
  if (status.code() != DYN_OUT_OF_MEMORY) return status;
  return out_of_memory(std::string("no ") + std::to_string(num_bytes) + " bytes for " + what +
                       where + context.facts().name + "; lower the limits that size it");
}

}  // namespace

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : context_(other.context_),
      data_(std::exchange(other.data_, 0)),
      size_(std::exchange(other.size_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_ != 0 && context_->enter().ok()) context_->driver().cuMemFree(data_);
}

Status DeviceBuffer::create(const Context& context, uint64_t num_bytes, const char* what,
                            DeviceBuffer* buffer) {
  *buffer = DeviceBuffer();
  if (num_bytes == 0) return {};
  RETURN_IF_ERROR(context.enter());
  const Driver& driver = context.driver();
  const Status status = check(driver, driver.cuMemAlloc(&buffer->data_, num_bytes), "cuMemAlloc");
  if (!status.ok()) {
    buffer->data_ = 0;
    return no_memory(context, status, num_bytes, what, " on ");
  }
  buffer->context_ = &context;
  buffer->size_ = num_bytes;
  return {};
}

PinnedBuffer::PinnedBuffer(PinnedBuffer&& other) noexcept
    : context_(other.context_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

PinnedBuffer& PinnedBuffer::operator=(PinnedBuffer&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ != nullptr && context_->enter().ok()) context_->driver().cuMemFreeHost(data_);
}

Status PinnedBuffer::create(const Context& context, uint64_t num_bytes, const char* what,
                            PinnedBuffer* buffer) {
  *buffer = PinnedBuffer();
  if (num_bytes == 0) return {};
  RETURN_IF_ERROR(context.enter());
  const Driver& driver = context.driver();
  void* data = nullptr;
  const unsigned flags = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP;
  const Status status =
      check(driver, driver.cuMemHostAlloc(&data, num_bytes, flags), "cuMemHostAlloc");
  if (!status.ok()) return no_memory(context, status, num_bytes, what, " beside ");
  buffer->context_ = &context;
  buffer->data_ = static_cast<std::byte*>(data);
  buffer->size_ = num_bytes;
  return {};
}

}  // namespace dyn::cuda
