#include "cpu/cpu_model.h"

#include <utility>
#include <vector>

#include "cpu/cpu_kv_pool.h"

namespace dyn {

Status CpuModel::load(CpuDevice* device, const ModelSource& source,
                      std::unique_ptr<DeviceModel>* model) {
  auto loaded = std::make_unique<CpuModel>(device, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(loaded->describe(source, &slots));
  const ImageKey key = {.model = source.config.key, .kind = DYN_DEVICE_CPU, .isa = device->isa()};
  const ImageFile file = {.fd = source.cache_fd, .load = source.config.load};
  const uint32_t num_threads = device->threads().num_threads();
  RETURN_IF_ERROR(ModelLoader::start(std::move(slots), key, num_threads, file, &loaded->loader_));
  *model = std::move(loaded);
  return {};
}

Status CpuModel::open_pool(const dyn_kv_pool_config& config, std::unique_ptr<DeviceKvPool>* pool) {
  return CpuKvPool::open(*this, config, pool);
}

}  // namespace dyn
