// Memory of a GPU and pinned memory of the host, freed with their owner.

#pragma once

#include <cstddef>
#include <utility>

#include "cuda/driver/context.h"

namespace dyn::cuda {

// Bytes on the GPU.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  // `what` names the memory in the error. 0 bytes are allowed and take nothing.
  static Status create(const Context& context, uint64_t num_bytes, const char* what,
                       DeviceBuffer* buffer);

  CUdeviceptr at(uint64_t offset) const { return data_ + offset; }
  uint64_t size() const { return size_; }

 private:
  const Context* context_ = nullptr;
  CUdeviceptr data_ = 0;
  uint64_t size_ = 0;
};

// Bytes of the host that a GPU reads and writes by itself.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  PinnedBuffer(PinnedBuffer&& other) noexcept;
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept;
  ~PinnedBuffer();

  static Status create(const Context& context, uint64_t num_bytes, const char* what,
                       PinnedBuffer* buffer);

  std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  const Context* context_ = nullptr;
  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace dyn::cuda
