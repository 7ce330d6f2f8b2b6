#include "engine/model.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace dyn {

static_assert(std::has_unique_object_representations_v<dyn_tensor>);
static_assert(sizeof(dyn_model_config) == (8 + DYN_MAX_LAYERS / 64) * 8 + 18 * 4, "no padding");

Status Model::open(std::shared_ptr<Device> device, uint32_t opener, const ModelSource& source,
                   std::shared_ptr<Model>* model) {
  auto opened = std::make_shared<Model>(std::move(device), opener, source);
  RETURN_IF_ERROR(opened->device_->load(source, &opened->loaded_));
  *model = std::move(opened);
  return {};
}

Model::Model(std::shared_ptr<Device> device, uint32_t opener, const ModelSource& source)
    : device_(std::move(device)),
      opener_(opener),
      config_(source.config),
      rope_frequencies_(source.rope_frequencies.begin(), source.rope_frequencies.end()) {}

Status Model::wait(uint32_t timeout_us, dyn_model_progress* progress) {
  Status status = loaded_->wait(timeout_us, progress);
  progress->opener = opener_;
  return status;
}

Status Model::check_same(const ModelSource& source) const {
  dyn_model_config same = source.config;
  same.load = config_.load;
  if (std::memcmp(&same, &config_, sizeof(same)) == 0 &&
      std::ranges::equal(source.rope_frequencies, rope_frequencies_)) {
    return {};
  }
  return invalid_argument("the key is that of a model with another config");
}

}  // namespace dyn
