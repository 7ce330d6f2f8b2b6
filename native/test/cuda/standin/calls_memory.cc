// libcuda.so.1: memory and copies. Device memory is memory of the process, and its addresses are the same; small
// allocations are filled with ones, which are NaN to floats, large ones are zeros that take no room until written.

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "standin/device.h"
#include "standin/injected.h"

using standin::Device;
using standin::Entry;
using standin::injected;

namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kFilled = size_t{4} << 20;

uint64_t allocate(size_t bytes) {
  const size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* const place = std::aligned_alloc(kAlignment, size);
  if (place == nullptr) return 0;
  if (size <= kFilled) {
    std::memset(place, 0xff, size);
  } else {
    const size_t page = 4096;
    const uint64_t begin = (reinterpret_cast<uint64_t>(place) + page - 1) / page * page;
    const uint64_t end = (reinterpret_cast<uint64_t>(place) + size) / page * page;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return reinterpret_cast<uint64_t>(place);
}

CUresult allocate_host(void** pointer, size_t bytes) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (++entry.device.num_host_allocations == injected().host_oom_at)
    return CUDA_ERROR_OUT_OF_MEMORY;
  const uint64_t place = allocate(bytes);
  if (place == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  entry.device.memory.add(place, bytes);
  entry.device.host_ranges[place] = bytes;
  *pointer = reinterpret_cast<void*>(place);
  return CUDA_SUCCESS;
}

// A copy in a stream, of which at least one side is known.
CUresult copy_async(Entry& entry, uint64_t to, uint64_t from, size_t bytes, CUstream stream) {
  void* const target = reinterpret_cast<void*>(to);
  const void* const source = reinterpret_cast<const void*>(from);
  const auto run = [=] {
    std::memcpy(target, source, bytes);
    return CUDA_SUCCESS;
  };
  return entry.device.enqueue(stream, {{}, run});
}

CUresult copy_now(uint64_t to, uint64_t from, size_t bytes, uint64_t device_side) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (entry.device.is_capturing()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (!entry.device.is_mapped(device_side, bytes)) return CUDA_ERROR_INVALID_VALUE;
  const CUresult result = entry.device.drain(entry.lock, nullptr);
  if (result != CUDA_SUCCESS) return result;
  std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return CUDA_SUCCESS;
}

CUresult copy_later(uint64_t to, uint64_t from, size_t bytes, uint64_t device_side,
                    CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (!entry.device.is_mapped(device_side, bytes)) return CUDA_ERROR_INVALID_VALUE;
  return copy_async(entry, to, from, bytes, stream);
}

template <class Word>
CUresult fill_later(CUdeviceptr to, Word value, size_t count, CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (!entry.device.is_mapped(to, count * sizeof value)) return CUDA_ERROR_INVALID_VALUE;
  const auto run = [=] {
    Word* const words = reinterpret_cast<Word*>(to);
    for (size_t i = 0; i < count; ++i) words[i] = value;
    return CUDA_SUCCESS;
  };
  return entry.device.enqueue(stream, {{}, run});
}

uint64_t number(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

}  // namespace

extern "C" {

CUresult cuMemGetInfo(size_t* free, size_t* total) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  *total = injected().memory_bytes;
  *free = injected().memory_bytes - entry.device.used_bytes;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr* pointer, size_t bytes) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (entry.device.is_capturing()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  Device& device = entry.device;
  if (++device.num_allocations == injected().oom_at) return CUDA_ERROR_OUT_OF_MEMORY;
  if (bytes > injected().memory_bytes - device.used_bytes) return CUDA_ERROR_OUT_OF_MEMORY;
  const uint64_t place = allocate(bytes);
  if (place == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  device.memory.add(place, bytes);
  device.device_ranges[place] = bytes;
  device.used_bytes += bytes;
  *pointer = place;
  return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr pointer) {
  Entry entry;
  if (standin::is_device_thread) return CUDA_ERROR_NOT_PERMITTED;
  Device& device = entry.device;
  const auto found = device.device_ranges.find(pointer);
  if (found == device.device_ranges.end()) return CUDA_ERROR_INVALID_VALUE;
  device.drain(entry.lock, nullptr);  // As a GPU does: no kernel that runs loses its memory.
  device.memory.remove(pointer);
  device.used_bytes -= found->second;
  device.device_ranges.erase(found);
  std::free(reinterpret_cast<void*>(pointer));
  return device.lost;
}

CUresult cuMemHostAlloc(void** pointer, size_t bytes, unsigned int) {
  return allocate_host(pointer, bytes);
}

CUresult cuMemAllocHost(void** pointer, size_t bytes) {
  return allocate_host(pointer, bytes);
}

CUresult cuMemFreeHost(void* pointer) {
  Entry entry;
  if (standin::is_device_thread) return CUDA_ERROR_NOT_PERMITTED;
  Device& device = entry.device;
  if (device.host_ranges.erase(number(pointer)) == 0) return CUDA_ERROR_INVALID_VALUE;
  device.drain(entry.lock, nullptr);
  device.memory.remove(number(pointer));
  std::free(pointer);
  return device.lost;
}

CUresult cuMemHostGetDevicePointer(CUdeviceptr* device_pointer, void* pointer, unsigned int) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (!entry.device.is_mapped(number(pointer), 1)) return CUDA_ERROR_INVALID_VALUE;
  *device_pointer = number(pointer);
  return CUDA_SUCCESS;
}

CUresult cuMemHostRegister(void* pointer, size_t bytes, unsigned int) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (entry.device.is_mapped(number(pointer), 1)) return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  entry.device.memory.add(number(pointer), bytes);
  entry.device.host_ranges[number(pointer)] = bytes;
  return CUDA_SUCCESS;
}

CUresult cuMemHostUnregister(void* pointer) {
  Entry entry;
  if (entry.device.host_ranges.erase(number(pointer)) == 0)
    return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  entry.device.drain(entry.lock, nullptr);
  entry.device.memory.remove(number(pointer));
  return entry.device.lost;
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, size_t bytes) {
  return copy_now(to, number(from), bytes, to);
}

CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t bytes) {
  return copy_now(number(to), from, bytes, from);
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  return copy_later(to, number(from), bytes, to, stream);
}

CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy_later(number(to), from, bytes, from, stream);
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const bool is_mapped = entry.device.is_mapped(to, bytes) && entry.device.is_mapped(from, bytes);
  return is_mapped ? copy_async(entry, to, from, bytes, stream) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  return copy_async(entry, to, from, bytes, stream);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return fill_later<uint8_t>(to, value, count, stream);
}

CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream) {
  return fill_later<uint16_t>(to, value, count, stream);
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned int value, size_t count, CUstream stream) {
  return fill_later<uint32_t>(to, value, count, stream);
}

CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count) {
  return fill_later<uint8_t>(to, value, count, nullptr);
}

}  // extern "C"
