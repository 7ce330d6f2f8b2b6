// libcuda.so.1: streams, events, captures and graphs. A graph is the list of operations that a stream was given
// while it captured, with the arguments of its kernels as they were then.

#include "standin/device.h"

using standin::Device;
using standin::Entry;
using standin::Event;
using standin::Graph;
using standin::Stream;

namespace {

CUresult make_stream(CUstream* handle) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  auto stream = std::make_shared<Stream>();
  *handle = reinterpret_cast<CUstream>(stream.get());
  entry.device.streams.emplace(stream.get(), std::move(stream));
  return CUDA_SUCCESS;
}

Event* find_event(Device& device, CUevent handle) {
  const auto found = device.events.find(reinterpret_cast<Event*>(handle));
  return found == device.events.end() ? nullptr : found->second.get();
}

// Calls that wait break a capture, and say so.
CUresult refuse_in_capture(Stream& stream) {
  if (stream.capture == nullptr) return CUDA_SUCCESS;
  stream.is_capture_broken = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

}  // namespace

extern "C" {

CUresult cuStreamCreate(CUstream* stream, unsigned int) {
  return make_stream(stream);
}

CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned int, int) {
  return make_stream(stream);
}

CUresult cuStreamDestroy(CUstream handle) {
  Entry entry;
  Stream* const stream = entry.device.find(handle);
  if (handle == nullptr || stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  entry.device.drain(entry.lock, stream);
  entry.device.streams.erase(stream);
  return entry.device.lost;
}

CUresult cuStreamSynchronize(CUstream handle) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Stream* const stream = entry.device.find(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const CUresult refusal = refuse_in_capture(*stream);
  return refusal != CUDA_SUCCESS ? refusal : entry.device.drain(entry.lock, stream);
}

CUresult cuStreamQuery(CUstream handle) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Stream* const stream = entry.device.find(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const CUresult refusal = refuse_in_capture(*stream);
  if (refusal != CUDA_SUCCESS) return refusal;
  const bool is_idle = stream->queue.empty() && !stream->is_running;
  return is_idle ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned int) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Event* const event = find_event(entry.device, event_handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const uint64_t target = event->num_recorded;
  const auto is_ready = [=] { return event->num_done >= target; };
  return entry.device.enqueue(handle, {is_ready, [] { return CUDA_SUCCESS; }});
}

CUresult cuLaunchHostFunc(CUstream handle, CUhostFn function, void* data) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const auto run = [=] {
    function(data);
    return CUDA_SUCCESS;
  };
  return entry.device.enqueue(handle, {{}, run});
}

CUresult cuEventCreate(CUevent* handle, unsigned int) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  auto event = std::make_unique<Event>();
  *handle = reinterpret_cast<CUevent>(event.get());
  entry.device.events.emplace(event.get(), std::move(event));
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent handle) {
  Entry entry;
  Event* const event = find_event(entry.device, handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  entry.device.changed.wait(entry.lock, [&] {
    return entry.device.lost != CUDA_SUCCESS || event->num_done == event->num_recorded;
  });
  entry.device.events.erase(event);
  return entry.device.lost;
}

CUresult cuEventRecord(CUevent handle, CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Device& device = entry.device;
  Event* const event = find_event(device, handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  const uint64_t target = ++event->num_recorded;
  const auto run = [&device, event, target] {
    const std::lock_guard<std::mutex> lock(device.mutex);
    if (device.events.contains(event)) event->num_done = target;
    return CUDA_SUCCESS;
  };
  return device.enqueue(stream, {{}, run});
}

CUresult cuEventQuery(CUevent handle) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Event* const event = find_event(entry.device, handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  return event->num_done == event->num_recorded ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

CUresult cuEventSynchronize(CUevent handle) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Device& device = entry.device;
  Event* const event = find_event(device, handle);
  if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  device.changed.wait(entry.lock, [&] {
    return device.lost != CUDA_SUCCESS || event->num_done == event->num_recorded;
  });
  return device.lost;
}

CUresult cuStreamBeginCapture(CUstream handle, CUstreamCaptureMode) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Stream* const stream = entry.device.find(handle);
  if (handle == nullptr || stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = std::make_unique<Graph>();
  stream->is_capture_broken = false;
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Stream* const stream = entry.device.find(handle);
  if (stream == nullptr || stream->capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  std::unique_ptr<Graph> captured = std::move(stream->capture);
  *graph = nullptr;
  if (stream->is_capture_broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  *graph = reinterpret_cast<CUgraph>(captured.get());
  entry.device.graphs.emplace(captured.get(), std::move(captured));
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Stream* const stream = entry.device.find(handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  *status = stream->capture == nullptr  ? CU_STREAM_CAPTURE_STATUS_NONE
            : stream->is_capture_broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                        : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const auto found = entry.device.graphs.find(reinterpret_cast<Graph*>(graph));
  if (found == entry.device.graphs.end()) return CUDA_ERROR_INVALID_VALUE;
  auto copy = std::make_unique<Graph>(*found->second);
  *executable = reinterpret_cast<CUgraphExec>(copy.get());
  entry.device.executables.emplace(copy.get(), std::move(copy));
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const auto found = entry.device.executables.find(reinterpret_cast<Graph*>(executable));
  if (found == entry.device.executables.end()) return CUDA_ERROR_INVALID_VALUE;
  for (const standin::Operation& operation : found->second->operations) {
    const CUresult result = entry.device.enqueue(stream, operation);
    if (result != CUDA_SUCCESS) return result;
  }
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
  Entry entry;
  const size_t count = entry.device.executables.erase(reinterpret_cast<Graph*>(executable));
  return count == 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
  Entry entry;
  const size_t count = entry.device.graphs.erase(reinterpret_cast<Graph*>(graph));
  return count == 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

}  // extern "C"
