#include "cuda/driver/context.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kLeastCapability = 80;  // Products of BF16, and copies beside them.

std::string gpus_text(int count) {
  return count == 1 ? "1 GPU" : std::to_string(count) + " GPUs";
}

}  // namespace

Context::~Context() {
  if (context_ != nullptr && !is_given_up_) driver_->cuDevicePrimaryCtxRelease(device_);
}

Status Context::open(uint32_t ordinal) {
  RETURN_IF_ERROR(find_driver(&driver_));
  int count = 0;
  RETURN_IF_ERROR(check(*driver_, driver_->cuDeviceGetCount(&count), "cuDeviceGetCount"));
  if (count < 1) return no_device("there is no NVIDIA GPU that this process may see");
  if (ordinal >= static_cast<uint32_t>(count)) {
    return invalid_argument("there is no GPU " + std::to_string(ordinal) + ": this process sees " +
                            gpus_text(count) + ", from 0 on");
  }
  RETURN_IF_ERROR(
      check(*driver_, driver_->cuDeviceGet(&device_, static_cast<int>(ordinal)), "cuDeviceGet"));
  RETURN_IF_ERROR(learn_facts());
  if (facts_.capability < kLeastCapability) {
    return invalid_argument(facts_.name + " has compute capability " +
                            std::to_string(facts_.capability / 10) + "." +
                            std::to_string(facts_.capability % 10) + ", at least 8.0 is needed");
  }
  CUcontext context = nullptr;
  RETURN_IF_ERROR(check(*driver_, driver_->cuDevicePrimaryCtxRetain(&context, device_),
                        "cuDevicePrimaryCtxRetain"));
  context_ = context;
  return enter();
}

Status Context::enter() const {
  if (is_given_up_) {
    return {DYN_DEVICE_LOST, "the GPU hangs; end the process, and see what dmesg says of it"};
  }
  return check(*driver_, driver_->cuCtxSetCurrent(context_), "cuCtxSetCurrent");
}

Status Context::learn_facts() {
  char name[256] = {};
  RETURN_IF_ERROR(check(*driver_, driver_->cuDeviceGetName(name, sizeof(name) - 1, device_),
                        "cuDeviceGetName"));
  facts_.name = name;
  size_t memory_bytes = 0;
  RETURN_IF_ERROR(
      check(*driver_, driver_->cuDeviceTotalMem(&memory_bytes, device_), "cuDeviceTotalMem"));
  facts_.memory_bytes = memory_bytes;
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t integrated = 0;
  RETURN_IF_ERROR(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &major));
  RETURN_IF_ERROR(attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &minor));
  RETURN_IF_ERROR(attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED, &integrated));
  RETURN_IF_ERROR(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &facts_.num_processors));
  facts_.capability = major * 10 + minor;
  facts_.is_integrated = integrated != 0;
  return {};
}

Status Context::attribute(CUdevice_attribute which, uint32_t* value) const {
  int known = 0;
  RETURN_IF_ERROR(check(*driver_, driver_->cuDeviceGetAttribute(&known, which, device_),
                        "cuDeviceGetAttribute"));
  *value = static_cast<uint32_t>(known);
  return {};
}

}  // namespace dyn::cuda
