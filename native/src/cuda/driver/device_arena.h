// DeviceArena: lays typed arrays out in one buffer of the GPU, or of pinned memory, in two passes
// like base/arena.h.

#pragma once

#include "base/checked.h"
#include "cuda/driver/memory.h"

namespace dyn::cuda {

// A template, since both kinds of memory are laid out alike.
template <typename Buffer>
class BufferArena {
 public:
  // Takes the memory that the arrays placed so far need. Place them once more, in the same order.
  Status take(const Context& context, const char* what) {
    RETURN_IF_ERROR(check(what));
    RETURN_IF_ERROR(Buffer::create(context, used_, what, &buffer_));
    used_ = 0;
    return {};
  }

  // An error if what was placed so far cannot be counted at all.
  Status check(const char* what) const {
    if (overflow_) return out_of_memory(std::string(what) + " needs more than 2^64 bytes");
    return {};
  }

  uint64_t used() const { return used_; }
  const Buffer& buffer() const { return buffer_; }

  // Sets *array to `count` elements, aligned to 256 bytes; to nullptr in the first pass.
  template <typename T>
  void place(uint64_t count, T** array) {
    *array = buffer_.size() == 0 ? nullptr : reinterpret_cast<T*>(address(used_));
    uint64_t num_bytes = 0;
    overflow_ |= !checked_mul(count, sizeof(T), &num_bytes) ||
                 !checked_add(num_bytes, kAlignment - 1, &num_bytes) ||
                 !checked_add(used_, num_bytes & ~(kAlignment - 1), &used_);
  }

 private:
  static constexpr uint64_t kAlignment = 256;

  uint64_t address(uint64_t offset) const {
    if constexpr (requires { buffer_.at(offset); }) {
      return buffer_.at(offset);
    } else {
      return reinterpret_cast<uint64_t>(buffer_.data()) + offset;
    }
  }

  Buffer buffer_;
  uint64_t used_ = 0;
  bool overflow_ = false;
};

using DeviceArena = BufferArena<DeviceBuffer>;
using PinnedArena = BufferArena<PinnedBuffer>;

// Place of an array of the GPU as the driver takes it.
template <typename T>
CUdeviceptr device_pointer(const T* array) {
  return reinterpret_cast<CUdeviceptr>(array);
}

}  // namespace dyn::cuda
