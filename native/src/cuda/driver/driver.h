// Driver: the calls of libcuda.so.1 that this device uses. The library is looked for when a GPU is
// asked for, never linked, so that one build runs with and without a GPU. The types are cuda.h's:
// a wrong signature does not compile.

#pragma once

#include <cuda.h>

#include <cstdint>
#include <string>

#include "base/status.h"

namespace dyn::cuda {

// Every call, by the name that cuda.h gives it; its macros add the version.
#define DYN_CUDA_CALLS(CALL)        \
  CALL(cuInit)                      \
  CALL(cuDriverGetVersion)          \
  CALL(cuDeviceGetCount)            \
  CALL(cuDeviceGet)                 \
  CALL(cuDeviceGetName)             \
  CALL(cuDeviceGetAttribute)        \
  CALL(cuDeviceTotalMem)            \
  CALL(cuDevicePrimaryCtxRetain)    \
  CALL(cuDevicePrimaryCtxRelease)   \
  CALL(cuCtxSetCurrent)             \
  CALL(cuMemGetInfo)                \
  CALL(cuMemAlloc)                  \
  CALL(cuMemFree)                   \
  CALL(cuMemHostAlloc)              \
  CALL(cuMemFreeHost)               \
  CALL(cuMemcpyHtoDAsync)           \
  CALL(cuMemcpyDtoHAsync)           \
  CALL(cuMemsetD8Async)             \
  CALL(cuStreamCreate)              \
  CALL(cuStreamDestroy)             \
  CALL(cuStreamSynchronize)         \
  CALL(cuEventCreate)               \
  CALL(cuEventRecord)               \
  CALL(cuEventQuery)                \
  CALL(cuEventDestroy)              \
  CALL(cuLaunchKernel)              \
  CALL(cuLaunchHostFunc)            \
  CALL(cuStreamBeginCapture)        \
  CALL(cuStreamEndCapture)          \
  CALL(cuGraphInstantiateWithFlags) \
  CALL(cuGraphLaunch)               \
  CALL(cuGraphExecDestroy)          \
  CALL(cuGraphDestroy)              \
  CALL(cuModuleLoadData)            \
  CALL(cuModuleUnload)              \
  CALL(cuModuleGetFunction)         \
  CALL(cuGetErrorName)

struct Driver {
#define DYN_CUDA_MEMBER(name) decltype(&::name) name;
  DYN_CUDA_CALLS(DYN_CUDA_MEMBER)
#undef DYN_CUDA_MEMBER

  int version = 0;  // 12080 for 12.8: of CUDA that the driver brings.
};

// The oldest driver whose calls are as this library types them.
inline constexpr int kLeastDriver = 12000;

// "12.8" of 12080.
std::string version_text(int version);

// Sets *driver to the process's driver, which is found and begun once. An error says in one line
// why there is none: no library, none of a GPU, or one that is too old.
Status find_driver(const Driver** driver);

// OK, or what failed and the driver's name for it. An error that ends the context is DYN_DEVICE_LOST, and
// CUDA_ERROR_OUT_OF_MEMORY is DYN_OUT_OF_MEMORY.
Status check(const Driver& driver, CUresult result, const char* what);

}  // namespace dyn::cuda
