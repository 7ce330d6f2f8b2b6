// libcuda.so.1: modules, functions and launches. A launch is the translated kernel, run by the device's thread; what the
// runner finds is the error of a launch that failed, and sticks.

#include <cstring>
#include <thread>

#include "runner/fault.h"
#include "runner/launch.h"
#include "standin/device.h"
#include "standin/fatbin.h"
#include "standin/injected.h"

using standin::Device;
using standin::Entry;
using standin::injected;
using standin::LoadedKernel;
using standin::LoadedModule;

namespace {

constexpr uint32_t kMaxDynamicBytes = 163 << 10;
constexpr uint32_t kMaxOtherGrid = 65535;
// A mutant that loops is stopped after about a second.
constexpr uint64_t kMutantSegments = uint64_t{1} << 23;

CUresult load(CUmodule* handle, const void* image) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Device& device = entry.device;
  const ptx::Module* const module = standin::find_module(image, &device.why);
  if (module == nullptr) return CUDA_ERROR_INVALID_IMAGE;
  auto loaded = std::make_unique<LoadedModule>();
  loaded->module = module;
  for (const ptx::GlobalVariable& variable : module->variables) {
    const uint64_t place = reinterpret_cast<uint64_t>(variable.place);
    if (!device.is_mapped(place, 1)) device.memory.add(place, variable.bytes);
  }
  *handle = reinterpret_cast<CUmodule>(loaded.get());
  device.loaded.emplace(loaded.get(), std::move(loaded));
  return CUDA_SUCCESS;
}

// True if a GPU would take a launch of this shape.
bool is_possible(const LoadedKernel& loaded, const ptx::Shape& shape) {
  for (const uint32_t size : shape.grid) {
    if (size == 0) return false;
  }
  const uint64_t threads = uint64_t{shape.block[0]} * shape.block[1] * shape.block[2];
  if (threads == 0 || threads > loaded.kernel->max_threads || shape.block[2] > 64) return false;
  if (shape.grid[1] > kMaxOtherGrid || shape.grid[2] > kMaxOtherGrid) return false;
  return shape.dynamic_shared_bytes + loaded.kernel->shared_bytes <=
         std::max(loaded.max_dynamic_bytes, uint32_t{48 << 10});
}

// A launch's end: its kernel, or an injected fault.
enum class Fate { kRuns, kIsLost, kHangs };

Fate fate_of(Device& device) {
  const bool is_lost = device.loses_next || device.num_launches == injected().lose_at;
  device.loses_next = false;
  if (is_lost) return Fate::kIsLost;
  return device.num_launches == injected().hang_at ? Fate::kHangs : Fate::kRuns;
}

CUresult run_kernel(Fate fate, const ptx::Kernel& kernel, const ptx::Shape& shape,
                    const std::vector<uint8_t>& parameters) {
  Device& device = Device::get();
  if (fate == Fate::kHangs) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  if (fate == Fate::kIsLost) return CUDA_ERROR_ECC_UNCORRECTABLE;
  ptx::MemoryMap memory;
  ptx::RunOptions options;
  {
    const std::lock_guard<std::mutex> lock(device.mutex);
    memory = device.memory;
    if (device.mutant != 0 && device.mutated_kernel == kernel.name) {
      options.mutant = device.mutant;
      options.is_reached = &device.is_mutant_reached;
      options.max_segments = kMutantSegments;
    }
  }
  options.checks = injected().checks_all ? ptx::Checks::kAll : ptx::Checks::kBounds;
  options.seed = injected().seed;
  try {
    ptx::launch(kernel, shape, parameters, memory, options);
  } catch (const ptx::Fault& fault) {
    const std::lock_guard<std::mutex> lock(device.mutex);
    device.lose(CUDA_ERROR_ILLEGAL_ADDRESS, fault.what());
  }
  return CUDA_SUCCESS;
}

CUresult launch(const CUlaunchConfig& config, CUfunction function, void** arguments) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  Device& device = entry.device;
  const auto& loaded = *reinterpret_cast<LoadedKernel*>(function);
  const ptx::Kernel& kernel = *loaded.kernel;
  const ptx::Shape shape = {{config.gridDimX, config.gridDimY, config.gridDimZ},
                            {config.blockDimX, config.blockDimY, config.blockDimZ},
                            config.sharedMemBytes};
  if (!is_possible(loaded, shape)) return CUDA_ERROR_INVALID_VALUE;
  ++device.num_launches;
  if (device.num_launches == injected().fail_launch_at) return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  const Fate fate = fate_of(device);
  std::vector<uint8_t> parameters(kernel.parameter_bytes);
  for (uint32_t i = 0; i < kernel.num_parameters; ++i) {
    const ptx::Parameter& parameter = kernel.parameters[i];
    std::memcpy(parameters.data() + parameter.offset, arguments[i], parameter.bytes);
  }
  const auto run = [fate, &kernel, shape, parameters = std::move(parameters)] {
    return run_kernel(fate, kernel, shape, parameters);
  };
  return device.enqueue(config.hStream, {{}, run});
}

}  // namespace

extern "C" {

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return load(module, image);
}

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int, CUjit_option*,
                            void**) {
  return load(module, image);
}

CUresult cuModuleUnload(CUmodule module) {
  Entry entry;
  entry.device.drain(entry.lock, nullptr);
  const size_t count = entry.device.loaded.erase(reinterpret_cast<LoadedModule*>(module));
  return count == 0 ? CUDA_ERROR_INVALID_HANDLE : entry.device.lost;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const auto found = entry.device.loaded.find(reinterpret_cast<LoadedModule*>(handle));
  if (found == entry.device.loaded.end()) return CUDA_ERROR_INVALID_HANDLE;
  LoadedModule& loaded = *found->second;
  for (const ptx::Kernel& kernel : loaded.module->kernels) {
    if (std::strcmp(kernel.name, name) != 0) continue;
    std::unique_ptr<LoadedKernel>& entry_of = loaded.kernels[name];
    if (entry_of == nullptr) entry_of = std::make_unique<LoadedKernel>(LoadedKernel{&kernel});
    *function = reinterpret_cast<CUfunction>(entry_of.get());
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuModuleGetGlobal(CUdeviceptr* pointer, size_t* bytes, CUmodule handle, const char* name) {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  const auto found = entry.device.loaded.find(reinterpret_cast<LoadedModule*>(handle));
  if (found == entry.device.loaded.end()) return CUDA_ERROR_INVALID_HANDLE;
  for (const ptx::GlobalVariable& variable : found->second->module->variables) {
    if (std::strcmp(variable.name, name) != 0) continue;
    if (pointer != nullptr) *pointer = reinterpret_cast<uint64_t>(variable.place);
    if (bytes != nullptr) *bytes = variable.bytes;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
  const auto& loaded = *reinterpret_cast<LoadedKernel*>(function);
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = static_cast<int>(loaded.kernel->max_threads);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = static_cast<int>(loaded.kernel->shared_bytes);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
      *value = static_cast<int>(loaded.kernel->local_bytes);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = static_cast<int>(loaded.max_dynamic_bytes);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = 64;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = 80;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  auto& loaded = *reinterpret_cast<LoadedKernel*>(function);
  if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return CUDA_ERROR_INVALID_VALUE;
  if (value < 0 || static_cast<uint32_t>(value) > kMaxDynamicBytes) return CUDA_ERROR_INVALID_VALUE;
  loaded.max_dynamic_bytes = static_cast<uint32_t>(value);
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* count, CUfunction, int block_size,
                                                     size_t) {
  if (block_size <= 0 || block_size > 1024) return CUDA_ERROR_INVALID_VALUE;
  *count = 2048 / block_size;
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                        unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                        unsigned int block_z, unsigned int shared_bytes, CUstream stream,
                        void** arguments, void** extra) {
  if (extra != nullptr) return CUDA_ERROR_INVALID_VALUE;
  CUlaunchConfig config = {};
  config.gridDimX = grid_x;
  config.gridDimY = grid_y;
  config.gridDimZ = grid_z;
  config.blockDimX = block_x;
  config.blockDimY = block_y;
  config.blockDimZ = block_z;
  config.sharedMemBytes = shared_bytes;
  config.hStream = stream;
  return launch(config, function, arguments);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** arguments,
                          void** extra) {
  return extra != nullptr ? CUDA_ERROR_INVALID_VALUE : launch(*config, function, arguments);
}

// For tests only: the mutations of a shipped kernel.
uint32_t dyn_standin_num_kernels() {
  size_t count = 0;
  for (const ptx::Module& module : ptx::modules()) count += module.kernels.size();
  return static_cast<uint32_t>(count);
}

const ptx::Kernel* dyn_standin_kernel(uint32_t index) {
  for (const ptx::Module& module : ptx::modules()) {
    if (index < module.kernels.size()) return &module.kernels[index];
    index -= static_cast<uint32_t>(module.kernels.size());
  }
  return nullptr;
}

}  // extern "C"
