#include "cuda/cuda_device.h"

#include <algorithm>
#include <vector>

#include "cuda/cuda_kv_pool.h"
#include "cuda/cuda_model.h"
#include "cuda/cuda_step.h"
#include "pack/weight_image.h"
#include "pool/available_cpus.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxThreads = 64;

}  // namespace

Status CudaDevice::open(uint32_t ordinal, const dyn_device_config& config,
                        std::shared_ptr<Device>* device) {
  auto opened = std::make_shared<CudaDevice>();
  opened->ordinal_ = ordinal;
  opened->num_threads_ =
      std::min(config.num_threads == DYN_THREADS_ANY ? available_cpus().count : config.num_threads,
               kMaxThreads);
  RETURN_IF_ERROR(opened->context_.open(ordinal));
  RETURN_IF_ERROR(opened->kernels_.load(opened->context_));
  *device = std::move(opened);
  return {};
}

dyn_device_facts CudaDevice::facts() const {
  dyn_device_facts facts = {};
  const cuda::GpuFacts& gpu = context_.facts();
  facts.memory_bytes = gpu.memory_bytes;
  facts.kind = DYN_DEVICE_CUDA;
  facts.ordinal = ordinal_;
  facts.num_threads = num_threads_;
  facts.pack_version = kPackVersion;
  facts.capability = gpu.capability;
  facts.driver_version = static_cast<uint32_t>(context_.driver().version);
  facts.shares_memory = gpu.is_integrated ? 1 : 0;
  gpu.name.copy(facts.name, sizeof(facts.name) - 1);
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  if (context_.enter().ok() &&
      context_.driver().cuMemGetInfo(&free_bytes, &total_bytes) == CUDA_SUCCESS) {
    facts.free_bytes = free_bytes;
  }
  return facts;
}

// Threads and instruction sets are a CPU's.
Status CudaDevice::check_same(const dyn_device_config&) const {
  return {};
}

Status CudaDevice::load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) {
  return CudaModel::load(this, source, model);
}

Status CudaDevice::measure_model(const ModelSource& source, dyn_model_sizes* sizes) {
  CudaModel model(this, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(model.describe(source, &slots));
  *sizes = ModelLoader::measure(slots);
  return {};
}

Status CudaDevice::measure_step(const ModelSource& source, const dyn_kv_pool_config& pool,
                                const StepLimits& limits, dyn_engine_sizes* sizes) {
  CudaModel model(this, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(model.describe(source, &slots));
  CudaKvPool blocks(model, pool);
  RETURN_IF_ERROR(blocks.measure(sizes));
  return CudaStep(&blocks).measure(limits, sizes);
}

}  // namespace dyn
