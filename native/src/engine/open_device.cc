#include "engine/open_device.h"

#include <string>
#include <type_traits>

#include "cpu/cpu_device.h"
#if defined(DYNAMO_HAS_CUDA)
#include "cuda/cuda_device.h"
#endif

namespace dyn {

static_assert(std::has_unique_object_representations_v<dyn_device_config>);
static_assert(std::has_unique_object_representations_v<dyn_device_facts>);

Status open_device(uint32_t kind, uint32_t ordinal, const dyn_device_config& config,
                   std::shared_ptr<Device>* device) {
#if defined(DYNAMO_HAS_CUDA)
  if (kind == DYN_DEVICE_CUDA) return CudaDevice::open(ordinal, config, device);
#else
  if (kind == DYN_DEVICE_CUDA) {
    return no_device("this dynamo was built without CUDA");
  }
#endif
  if (kind != DYN_DEVICE_CPU) {
    return invalid_argument("no kind of device has number " + std::to_string(kind));
  }
  if (ordinal != 0) {
    return invalid_argument("there is no CPU " + std::to_string(ordinal) + ": all of them are 0");
  }
  return CpuDevice::open(config, device);
}

}  // namespace dyn
