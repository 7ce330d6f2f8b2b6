// libcuda.so.1: the driver, its devices and contexts, and what errors are called. cuda.h gives the signatures,
// so that one that differs does not compile.

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "standin/device.h"
#include "standin/injected.h"

using standin::Device;
using standin::Entry;
using standin::injected;

namespace {

bool is_started = false;

struct ErrorText {
  const char* name;
  const char* text;
};

const std::map<CUresult, ErrorText>& error_texts() {
#define TEXT(name, text) \
  {                      \
    name, {              \
#name, text        \
    }                    \
  }
  static const std::map<CUresult, ErrorText> all = {
      TEXT(CUDA_SUCCESS, "no error"),
      TEXT(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
      TEXT(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
      TEXT(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
      TEXT(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
      TEXT(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
      TEXT(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
      TEXT(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
      TEXT(CUDA_ERROR_NO_BINARY_FOR_GPU,
           "no kernel image is available for execution on the device"),
      TEXT(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
      TEXT(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
      TEXT(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
      TEXT(CUDA_ERROR_NOT_READY, "device not ready"),
      TEXT(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
      TEXT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
      TEXT(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the memory is registered"),
      TEXT(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED,
           "pointer does not correspond to registered memory"),
      TEXT(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
      TEXT(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
      TEXT(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
           "operation not permitted when stream is capturing"),
      TEXT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
           "operation failed due to a previous error during capture"),
      TEXT(CUDA_ERROR_UNKNOWN, "unknown error"),
  };
#undef TEXT
  return all;
}

bool is_device(CUdevice device) {
  return device >= 0 && device < injected().num_devices;
}

const std::map<CUdevice_attribute, int>& attributes() {
  static const std::map<CUdevice_attribute, int> all = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, injected().capability / 10},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, injected().capability % 10},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 4},
      {CU_DEVICE_ATTRIBUTE_INTEGRATED, injected().is_integrated ? 1 : 0},
      {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 163 << 10},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 164 << 10},
      {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
      {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 4 << 20},
      {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
      {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
      {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 256},
      {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
      {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
      {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 1},
      {CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, 0},
      {CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, 0},
  };
  return all;
}

}  // namespace

extern "C" {

CUresult cuInit(unsigned int flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (injected().has_no_device || injected().num_devices == 0) return CUDA_ERROR_NO_DEVICE;
  is_started = true;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int* version) {
  *version = injected().driver_version;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char** name) {
  const auto found = error_texts().find(error);
  *name = found == error_texts().end() ? "CUDA_ERROR" : found->second.name;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char** text) {
  const auto found = error_texts().find(error);
  *text = found == error_texts().end() ? "an error" : found->second.text;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  if (!is_started) return CUDA_ERROR_NOT_INITIALIZED;
  *count = injected().num_devices;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  if (!is_started) return CUDA_ERROR_NOT_INITIALIZED;
  if (!is_device(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (length <= 0) return CUDA_ERROR_INVALID_VALUE;
  std::strncpy(name, "stand-in for a GPU", static_cast<size_t>(length));
  name[length - 1] = '\0';
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  std::memset(uuid, 0, sizeof *uuid);
  uuid->bytes[15] = static_cast<char>(device);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  const auto found = attributes().find(attribute);
  if (found == attributes().end()) return CUDA_ERROR_INVALID_VALUE;
  *value = found->second;
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem(size_t* bytes, CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  *bytes = injected().memory_bytes;
  return CUDA_SUCCESS;
}

// Contexts. All devices are one: the engine uses one of them.
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  if (!is_started) return CUDA_ERROR_NOT_INITIALIZED;
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.num_retained == 0 && (injected().recovers || all.recovers)) all.lost = CUDA_SUCCESS;
  if (all.lost != CUDA_SUCCESS) return all.lost;
  ++all.num_retained;
  *context = reinterpret_cast<CUcontext>(&all);
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  Device& all = Device::get();
  std::unique_lock<std::mutex> lock(all.mutex);
  if (all.num_retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (all.num_retained == 1) {
    all.drain(lock, nullptr);
    all.clear();
  }
  --all.num_retained;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  standin::has_context = context != nullptr;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* context) {
  *context = standin::has_context ? reinterpret_cast<CUcontext>(&Device::get()) : nullptr;
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent(CUcontext context) {
  return cuCtxSetCurrent(context);
}

CUresult cuCtxPopCurrent(CUcontext* context) {
  if (context != nullptr) cuCtxGetCurrent(context);
  return cuCtxSetCurrent(nullptr);
}

CUresult cuCtxSynchronize() {
  Entry entry;
  if (entry.error() != CUDA_SUCCESS) return entry.error();
  if (entry.device.is_capturing()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  return entry.device.drain(entry.lock, nullptr);
}

CUresult cuGetProcAddress(const char* symbol, void** function, int, cuuint64_t,
                          CUdriverProcAddressQueryResult* status) {
  const std::string name = symbol;
  *function = dlsym(RTLD_DEFAULT, (name + "_v2").c_str());
  if (*function == nullptr) *function = dlsym(RTLD_DEFAULT, symbol);
  const bool is_found = *function != nullptr;
  if (status != nullptr)
    *status = is_found ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  return is_found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

// For tests only: why the device is lost, and how many objects nothing has freed.
const char* dyn_standin_why() {
  static thread_local std::string copy;
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  copy = all.why;
  return copy.c_str();
}

// The next launch loses the device; a new primary context, once all are released, has it back.
void dyn_standin_lose_next() {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.loses_next = true;
  all.recovers = true;
}

// Puts the mutation of this number into a kernel, for all later launches; 0 is none.
void dyn_standin_set_mutant(const char* kernel, int number) {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.mutated_kernel = kernel;
  all.mutant = number;
  all.is_mutant_reached = false;
  all.recovers = true;
}

// True if a lane came to the mutation since it was set.
bool dyn_standin_is_mutant_reached() {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return all.is_mutant_reached;
}

uint64_t dyn_standin_num_live() {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return all.num_live() + static_cast<uint64_t>(all.num_retained);
}

uint64_t dyn_standin_num_allocations() {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return all.num_allocations;
}

uint64_t dyn_standin_num_launches() {
  Device& all = Device::get();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return all.num_launches;
}

}  // extern "C"
