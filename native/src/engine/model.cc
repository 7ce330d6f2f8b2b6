#include "engine/model.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace dyn {

static_assert(std::has_unique_object_representations_v<dyn_tensor>);
static_assert(sizeof(dyn_model_config) == 3 * 8 + 14 * 4, "no padding");

Status Model::open(std::shared_ptr<Device> device, uint32_t opener, const dyn_model_config& config,
                   std::span<const double> rope_frequencies, std::span<const dyn_tensor> tensors,
                   int cache_fd, std::shared_ptr<Model>* model) {
  auto opened = std::make_shared<Model>();
  opened->device_ = std::move(device);
  opened->config_ = config;
  opened->opener_ = opener;
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(Weights::create(config, rope_frequencies, tensors, &opened->weights_, &slots));
  const ImageKey key = {.model = config.key, .isa = opened->device_->isa()};
  const ImageFile file = {.fd = cache_fd, .load = config.load};
  const uint32_t num_threads = opened->device_->threads().num_threads();
  RETURN_IF_ERROR(ModelLoader::start(std::move(slots), key, num_threads, file, &opened->loader_));
  *model = std::move(opened);
  return {};
}

Status Model::wait(uint32_t timeout_us, dyn_model_progress* progress) {
  Status status = loader_->wait(timeout_us, progress);
  progress->opener = opener_;
  return status;
}

Status Model::check_same(const dyn_model_config& config,
                         std::span<const double> rope_frequencies) const {
  dyn_model_config same = config;
  same.load = config_.load;
  if (std::memcmp(&same, &config_, sizeof(same)) == 0 &&
      std::ranges::equal(rope_frequencies, weights_.rope_frequencies())) {
    return {};
  }
  return invalid_argument("the key is that of a model with another config");
}

}  // namespace dyn
