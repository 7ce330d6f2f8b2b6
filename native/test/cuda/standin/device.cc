#include "standin/device.h"

#include <cstdio>
#include <cstdlib>

namespace standin {

thread_local bool has_context = false;
thread_local bool is_device_thread = false;

Device& Device::get() {
  // Never destroyed: its thread may run to the process's end.
  static Device* const device = new Device;
  return *device;
}

Device::Device() : thread_([this] { work(); }) {
  thread_.detach();
}

Stream* Device::find(CUstream handle) {
  if (handle == nullptr || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD)
    return default_.get();
  const auto found = streams.find(reinterpret_cast<Stream*>(handle));
  return found == streams.end() ? nullptr : found->second.get();
}

CUresult Device::enqueue(CUstream handle, Operation operation) {
  Stream* const stream = find(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capture != nullptr) {
    stream->capture->operations.push_back(std::move(operation));
    return CUDA_SUCCESS;
  }
  stream->queue.push_back(std::move(operation));
  changed.notify_all();
  return CUDA_SUCCESS;
}

CUresult Device::drain(std::unique_lock<std::mutex>& lock, Stream* stream) {
  const auto is_idle = [](const Stream& one) { return one.queue.empty() && !one.is_running; };
  changed.wait(lock, [&] {
    if (lost != CUDA_SUCCESS) return true;
    if (stream != nullptr) return is_idle(*stream);
    for (const auto& [key, one] : streams) {
      if (!is_idle(*one)) return false;
    }
    return is_idle(*default_);
  });
  return lost;
}

bool Device::is_capturing() const {
  for (const auto& [key, stream] : streams) {
    if (stream->capture != nullptr) return true;
  }
  return false;
}

void Device::lose(CUresult error, const std::string& reason) {
  if (lost != CUDA_SUCCESS) return;
  lost = error;
  why = reason;
  std::fprintf(stderr, "stand-in CUDA device: %s\n", reason.c_str());
  // All that waits is dropped: no copy, kernel or host function runs any more.
  default_->queue.clear();
  for (const auto& [key, stream] : streams) stream->queue.clear();
  changed.notify_all();
}

void Device::clear() {
  for (const auto& [begin, bytes] : device_ranges) {
    memory.remove(begin);
    std::free(reinterpret_cast<void*>(begin));
  }
  device_ranges.clear();
  used_bytes = 0;
  streams.clear();
  events.clear();
  graphs.clear();
  executables.clear();
  loaded.clear();
}

uint64_t Device::num_live() const {
  return device_ranges.size() + host_ranges.size() + streams.size() + events.size() +
         graphs.size() + executables.size() + loaded.size();
}

std::shared_ptr<Stream> Device::choose() {
  const auto is_ready = [](Stream& stream) {
    if (stream.queue.empty()) return false;
    const Operation& first = stream.queue.front();
    return !first.is_ready || first.is_ready();
  };
  if (is_ready(*default_)) return default_;
  for (const auto& [key, stream] : streams) {
    if (is_ready(*stream)) return stream;
  }
  return nullptr;
}

void Device::work() {
  is_device_thread = true;
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    std::shared_ptr<Stream> stream;
    changed.wait(lock, [&] { return (stream = choose()) != nullptr; });
    const Operation operation = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->is_running = true;
    lock.unlock();
    const CUresult result = operation.run();
    lock.lock();
    stream->is_running = false;
    if (result != CUDA_SUCCESS) lose(result, "the device is lost, as was asked for");
    changed.notify_all();
  }
}

}  // namespace standin
