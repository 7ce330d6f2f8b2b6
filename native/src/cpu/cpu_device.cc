#include "cpu/cpu_device.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cpu/cpu_kv_pool.h"
#include "cpu/cpu_model.h"
#include "cpu/cpu_step.h"
#include "cpu/isa.h"
#include "pack/weight_image.h"
#include "pool/available_cpus.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxThreads = 1024;

// The machine's RAM; a control group may leave the process less.
uint64_t memory_bytes() {
  const long num_pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return num_pages > 0 && page > 0 ? static_cast<uint64_t>(num_pages) * static_cast<uint64_t>(page)
                                   : 0;
}

}  // namespace

Status CpuDevice::open(const dyn_device_config& config, std::shared_ptr<Device>* device) {
  uint32_t num_threads = config.num_threads;
  if (num_threads > kMaxThreads) {
    return invalid_argument("num_threads is " + std::to_string(num_threads) + ", at most " +
                            std::to_string(kMaxThreads) + " are possible");
  }
  auto opened = std::make_shared<CpuDevice>();
  if (num_threads == DYN_THREADS_ANY) {
    const AvailableCpus cpus = available_cpus();
    num_threads = std::min(cpus.count, kMaxThreads);
    opened->threads_by_ = cpus.by;
  }
  RETURN_IF_ERROR(choose_isa(config.isa, &opened->isa_));
  RETURN_IF_ERROR(opened->threads_.start(num_threads));
  *device = std::move(opened);
  return {};
}

dyn_device_facts CpuDevice::facts() const {
  dyn_device_facts facts = {};
  facts.memory_bytes = memory_bytes();
  facts.kind = DYN_DEVICE_CPU;
  facts.isa = isa_;
  facts.num_threads = threads_.num_threads();
  facts.pack_version = kPackVersion;
  facts.threads_by = threads_by_;
  return facts;
}

Status CpuDevice::check_same(const dyn_device_config& config) const {
  if (config.isa != DYN_ISA_ANY && config.isa != isa_) {
    return invalid_argument("the device uses one instruction set for all its engines");
  }
  const uint32_t num_threads = threads_.num_threads();
  if (config.num_threads == DYN_THREADS_ANY || config.num_threads == num_threads) return {};
  return invalid_argument(
      "the device runs " + std::to_string(num_threads) + " threads for all its engines, not " +
      std::to_string(config.num_threads) + "; give every worker the same number");
}

Status CpuDevice::load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) {
  return CpuModel::load(this, source, model);
}

Status CpuDevice::measure_model(const ModelSource& source, dyn_model_sizes* sizes) {
  CpuModel model(this, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(model.describe(source, &slots));
  *sizes = ModelLoader::measure(slots);
  return {};
}

Status CpuDevice::measure_step(const ModelSource& source, const dyn_kv_pool_config& pool,
                               const StepLimits& limits, dyn_engine_sizes* sizes) {
  CpuModel model(this, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(model.describe(source, &slots));
  CpuKvPool blocks(model, pool);
  RETURN_IF_ERROR(blocks.measure(sizes));
  return CpuStep(&blocks).measure(limits, sizes);
}

}  // namespace dyn
