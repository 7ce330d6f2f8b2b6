// The device behind the calls: memory, streams in order, one thread that works them off, and the error
// that sticks once a kernel has failed.

#pragma once

#include <cuda.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runner/kernel.h"
#include "runner/memory_map.h"

namespace standin {

// One thing that a stream does. It may be kept in a graph and run many times.
struct Operation {
  std::function<bool()> is_ready;  // Empty: always. Called with the device's lock.
  std::function<CUresult()> run;   // Called without it.
};

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  std::deque<Operation> queue;
  bool is_running = false;         // Its first operation is.
  std::unique_ptr<Graph> capture;  // While it captures.
  bool is_capture_broken = false;
};

struct Event {
  uint64_t num_recorded = 0;
  uint64_t num_done = 0;
};

struct LoadedModule;

struct LoadedKernel {
  const ptx::Kernel* kernel;
  uint32_t max_dynamic_bytes = 48 << 10;
};

struct LoadedModule {
  const ptx::Module* module;
  std::map<std::string, std::unique_ptr<LoadedKernel>> kernels;
};

class Device {
 public:
  static Device& get();

  std::mutex mutex;
  std::condition_variable changed;

  // All of these with the lock.
  CUresult lost = CUDA_SUCCESS;  // Sticks.
  std::string why;
  bool recovers = false;  // With the next primary context.
  int num_retained = 0;   // Times that the primary context is held.
  ptx::MemoryMap memory;
  std::map<uint64_t, uint64_t> device_ranges;  // begin -> bytes
  std::map<uint64_t, uint64_t> host_ranges;    // Pinned, or registered.
  uint64_t used_bytes = 0;
  uint64_t num_allocations = 0;
  uint64_t num_host_allocations = 0;
  uint64_t num_launches = 0;
  bool loses_next = false;  // The next launch loses the device.
  std::string mutated_kernel;
  int mutant = 0;
  bool is_mutant_reached = false;
  std::map<Stream*, std::shared_ptr<Stream>> streams;  // Shared with a running operation.
  std::map<Event*, std::unique_ptr<Event>> events;
  std::map<Graph*, std::unique_ptr<Graph>> graphs;
  std::map<Graph*, std::unique_ptr<Graph>> executables;
  std::map<LoadedModule*, std::unique_ptr<LoadedModule>> loaded;

  // The stream behind a handle; null if there is none. 0 is the default stream.
  Stream* find(CUstream handle);
  // Puts an operation behind the others, or into the graph that the stream captures.
  CUresult enqueue(CUstream handle, Operation operation);
  // Blocks until the stream, or all of them if null, has nothing left, or the device is lost.
  CUresult drain(std::unique_lock<std::mutex>& lock, Stream* stream);
  bool is_capturing() const;
  // An error that all later calls return.
  void lose(CUresult error, const std::string& reason);
  // With the last release of the context: frees all that is left.
  void clear();
  uint64_t num_live() const;
  // True if the bytes lie in one allocation of the device or in pinned memory.
  bool is_mapped(uint64_t address, uint64_t bytes) const { return memory.contains(address, bytes); }

 private:
  Device();
  void work();
  std::shared_ptr<Stream> choose();

  std::shared_ptr<Stream> default_ = std::make_shared<Stream>();
  std::thread thread_;
};

// The context that the calling thread made current; the calls need one.
extern thread_local bool has_context;
// True in the thread that runs streams: a host function must not call the driver.
extern thread_local bool is_device_thread;

// The state in which most calls begin: a context, no error before. Holds the lock.
class Entry {
 public:
  Entry() : device(Device::get()), lock(device.mutex) {}
  CUresult error() const {
    if (is_device_thread) return CUDA_ERROR_NOT_PERMITTED;
    if (!has_context) return CUDA_ERROR_INVALID_CONTEXT;
    return device.lost;
  }
  Device& device;
  std::unique_lock<std::mutex> lock;
};

}  // namespace standin
