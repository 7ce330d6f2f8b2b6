#include "cuda/cuda_model.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "cuda/attention/attention.h"
#include "cuda/cuda_kv_pool.h"
#include "cuda/upload.h"

namespace dyn {
namespace {

constexpr uint32_t kSliceUs = 20'000;  // Between two looks at whether the load is to end.

// The first switch of the decoder that there is no kernel for; null where there is none.
const char* missing_of(const dyn_model_config& config) {
  for (const uint64_t layers : config.local_layers) {
    if (layers != 0) return "layers with windows of their own";
  }
  if (config.embedding_scale != 0 && config.embedding_scale != 1) return "scaled embeddings";
  if (config.attention_softcap != 0 || config.logit_softcap != 0) return "soft caps";
  if (config.qk_norm == DYN_QK_NORM_ROWS) return "norms over whole rows of q and k";
  if (config.norms != DYN_NORMS_BEFORE) return "norms behind attention and MLP";
  return config.activation != DYN_ACTIVATION_SILU ? "other activations than SiLU" : nullptr;
}

Status check_formats(const std::vector<WeightSlot>& slots) {
  for (const WeightSlot& slot : slots) {
    if (slot.matrix == nullptr || slot.matrix->format() == PackedFormat::kBf16) continue;
    return invalid_argument(slot.name +
                            ": the CUDA device has products of BF16 alone, and this is stored, or "
                            "quantized, as another type");
  }
  return {};
}

}  // namespace

Status CudaModel::load(CudaDevice* device, const ModelSource& source,
                       std::unique_ptr<DeviceModel>* model) {
  auto loaded = std::make_unique<CudaModel>(device, source.config);
  std::vector<WeightSlot> slots;
  RETURN_IF_ERROR(loaded->describe(source, &slots));
  const ImageKey key = {.model = source.config.key, .kind = DYN_DEVICE_CUDA, .isa = 0};
  const ImageFile file = {.fd = source.cache_fd, .load = source.config.load};
  RETURN_IF_ERROR(
      ModelLoader::start(std::move(slots), key, device->num_threads(), file, &loaded->loader_));
  try {
    loaded->thread_ = std::thread([self = loaded.get()] { self->run(); });
  } catch (const std::system_error&) {
    return out_of_memory("no thread can be made that copies weights to the GPU");
  }
  *model = std::move(loaded);
  return {};
}

CudaModel::~CudaModel() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Status CudaModel::describe(const ModelSource& source, std::vector<WeightSlot>* slots) {
  if (config_.head_size > cuda::kLargestHeadSize) {
    return invalid_argument("head_size is " + std::to_string(config_.head_size) +
                            ", the CUDA device has attention for at most " +
                            std::to_string(cuda::kLargestHeadSize));
  }
  if (const char* missing = missing_of(config_); missing != nullptr) {
    return invalid_argument(std::string("the CUDA device has no kernels for ") + missing +
                            ", which this family has");
  }
  RETURN_IF_ERROR(
      Weights::create(config_, source.rope_frequencies, source.tensors, &weights_, slots));
  return check_formats(*slots);
}

Status CudaModel::wait(uint32_t timeout_us, dyn_model_progress* progress) {
  std::unique_lock lock(mutex_);
  const auto has_ended = [this] { return has_ended_; };
  if (timeout_us == DYN_WAIT_FOREVER) {
    ended_.wait(lock, has_ended);
  } else {
    ended_.wait_for(lock, std::chrono::microseconds(timeout_us), has_ended);
  }
  if (has_ended_) {
    *progress = last_progress_;
    return result_;
  }
  Status loaded = loader_->wait(0, progress);
  progress->image = nullptr;
  if (loaded.code() == DYN_TIMEOUT) return loaded;
  return {DYN_TIMEOUT, "the weights are not on the GPU yet"};
}

bool CudaModel::is_loaded() {
  const std::lock_guard lock(mutex_);
  return has_ended_ && result_.ok();
}

void CudaModel::run() {
  dyn_model_progress progress = {};
  Status result;
  do {
    result = loader_->wait(kSliceUs, &progress);
  } while (result.code() == DYN_TIMEOUT && !stopping_);
  if (result.ok()) {
    const auto* image = static_cast<const std::byte*>(progress.image);
    result = cuda::upload(device_->context(), image, progress.num_bytes, stopping_, &image_);
    if (result.ok()) device_weights_ = cuda::DeviceWeights::of(weights_, image, image_.at(0));
  }
  // An image that was not read from a file may still be written to one.
  std::unique_ptr<ModelLoader> dropped;
  if (!result.ok() || progress.source == DYN_WEIGHTS_CACHED) progress.image = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (progress.image == nullptr) dropped = std::move(loader_);
    has_ended_ = true;
    last_progress_ = progress;
    result_ = std::move(result);
  }
  ended_.notify_all();
}

Status CudaModel::open_pool(const dyn_kv_pool_config& config, std::unique_ptr<DeviceKvPool>* pool) {
  return CudaKvPool::open(*this, config, pool);
}

}  // namespace dyn
