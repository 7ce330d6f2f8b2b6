#include "cuda/driver/driver.h"

#include <dlfcn.h>

#include <mutex>

namespace dyn::cuda {
namespace {

constexpr const char* kLibrary = "libcuda.so.1";

// By way of another macro, so that cuda.h's own are expanded: "cuMemAlloc_v2".
#define DYN_CUDA_TEXT(name) #name
#define DYN_CUDA_SYMBOL(name) DYN_CUDA_TEXT(name)

Status find_calls(void* library, Driver* driver) {
#define DYN_CUDA_FIND(name)                                                                  \
  driver->name = reinterpret_cast<decltype(&::name)>(                                        \
      reinterpret_cast<uintptr_t>(dlsym(library, DYN_CUDA_SYMBOL(name))));                   \
  if (driver->name == nullptr) {                                                             \
    return invalid_argument(std::string("the NVIDIA driver is too old: ") + kLibrary +       \
                            " has no " DYN_CUDA_SYMBOL(name) "; install a driver of CUDA " + \
                            version_text(kLeastDriver) + " or later");                       \
  }
  DYN_CUDA_CALLS(DYN_CUDA_FIND)
#undef DYN_CUDA_FIND
  return {};
}

Status begin(Driver* driver) {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return no_device(std::string("there is no NVIDIA driver (") + kLibrary + ")");
  }
  RETURN_IF_ERROR(find_calls(library, driver));
  const CUresult known = driver->cuDriverGetVersion(&driver->version);
  if (known == CUDA_SUCCESS && driver->version < kLeastDriver) {
    return invalid_argument("the NVIDIA driver is too old: it brings CUDA " +
                            version_text(driver->version) + ", at least " +
                            version_text(kLeastDriver) + " is needed");
  }
  const CUresult begun = driver->cuInit(0);
  if (begun == CUDA_ERROR_NO_DEVICE) return no_device("there is no NVIDIA GPU");
  if (begun == CUDA_SUCCESS) return {};
  return invalid_argument("the NVIDIA driver does not begin: " +
                          check(*driver, begun, "cuInit").message());
}

// True if nothing can be computed after `result` by this process on that GPU.
bool is_end(CUresult result) {
  switch (result) {
    case CUDA_ERROR_INVALID_VALUE:
    case CUDA_ERROR_OUT_OF_MEMORY:
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case CUDA_ERROR_NOT_FOUND:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Status find_driver(const Driver** driver) {
  static std::mutex mutex;
  static Driver found;
  static bool is_looked_for = false;
  static Status result;
  const std::lock_guard lock(mutex);
  if (!is_looked_for) result = begin(&found);
  is_looked_for = true;
  *driver = &found;
  return result;
}

Status check(const Driver& driver, CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return {};
  const char* name = nullptr;
  if (driver.cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr) name = "an error";
  const std::string text = std::string(what) + " says " + name;
  if (result == CUDA_ERROR_OUT_OF_MEMORY) return out_of_memory(text);
  return {is_end(result) ? DYN_DEVICE_LOST : DYN_INVALID_ARGUMENT, text};
}

}  // namespace dyn::cuda
