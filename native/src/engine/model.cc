#include "engine/model.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace dyn {

static_assert(std::has_unique_object_representations_v<dyn_tensor>);
static_assert(sizeof(dyn_model_config) == 3 * 8 + 14 * 4, "no padding");

Status Model::load(std::shared_ptr<Device> device, const dyn_model_config& config,
                   std::span<const double> rope_frequencies, std::span<const dyn_tensor> tensors,
                   std::shared_ptr<Model>* model) {
  auto loaded = std::make_shared<Model>();
  loaded->device_ = std::move(device);
  loaded->config_ = config;
  RETURN_IF_ERROR(Weights::load(config, rope_frequencies, tensors, &loaded->weights_));
  *model = std::move(loaded);
  return {};
}

Status Model::check_same(const dyn_model_config& config,
                         std::span<const double> rope_frequencies) const {
  if (std::memcmp(&config, &config_, sizeof(config)) == 0 &&
      std::ranges::equal(rope_frequencies, weights_.rope_frequencies())) {
    return {};
  }
  return invalid_argument("the key is that of a model with another config");
}

}  // namespace dyn
