#include "device/model_loader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <unordered_map>
#include <utility>

#include "pack/tensor_reader.h"

namespace dyn {
namespace {

constexpr uint64_t kCacheLine = 64;

// Begin of each slot in the body, and the end of the body.
std::vector<uint64_t> lay_out(const std::vector<WeightSlot>& slots, uint64_t* end) {
  std::vector<uint64_t> offsets;
  offsets.reserve(slots.size());
  *end = 0;
  for (const WeightSlot& slot : slots) {
    offsets.push_back(*end);
    *end += (slot.num_bytes() + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
  return offsets;
}

}  // namespace

Status ModelLoader::start(std::vector<WeightSlot> slots, const ImageKey& key, uint32_t num_threads,
                          const ImageFile& file, std::unique_ptr<ModelLoader>* loader) {
  uint64_t body_bytes = 0;
  std::vector<uint64_t> offsets = lay_out(slots, &body_bytes);
  auto started = std::make_unique<ModelLoader>(std::move(slots), key, body_bytes);
  started->offsets_ = std::move(offsets);
  started->rows_.assign(num_threads, std::vector<std::byte>(started->largest_panel()));
  started->file_ = file;
  RETURN_IF_ERROR(started->copy_descriptors());
  started->threads_ = std::make_unique<ThreadPool>();
  RETURN_IF_ERROR(started->threads_->start(num_threads));
  started->threads_->enqueue(&started->job_);
  *loader = std::move(started);
  return {};
}

dyn_model_sizes ModelLoader::measure(const std::vector<WeightSlot>& slots) {
  uint64_t body_bytes = 0;
  lay_out(slots, &body_bytes);
  const WeightImage image({}, body_bytes);
  return {.weights = body_bytes, .image = Mapping::whole_pages(image.num_bytes())};
}

ModelLoader::ModelLoader(std::vector<WeightSlot> slots, const ImageKey& key, uint64_t body_bytes)
    : slots_(std::move(slots)), image_(key, body_bytes) {
  uint32_t num_items = 0;
  for (const WeightSlot& slot : slots_) {
    first_item_.push_back(num_items);
    num_items += slot.num_items();
  }
  first_item_.push_back(num_items);
  job_ = {.run = [](void* self) { static_cast<ModelLoader*>(self)->run(); }, .self = this};
}

// Bytes of the rows that the largest panel is packed from.
uint64_t ModelLoader::largest_panel() const {
  uint64_t largest = 0;
  for (const WeightSlot& slot : slots_) {
    const dyn_tensor& whole = slot.tensors[0];
    if (slot.num_items() > 1) {
      largest = std::max(largest, whole.num_bytes / whole.shape[0] * kPanelWidth);
    }
  }
  return largest;
}

ModelLoader::~ModelLoader() {
  stopping_ = true;
  if (threads_ != nullptr) threads_->withdraw(&job_);
  close_descriptors();
}

// The caller may close its own at any time, and the system may give their numbers to other files.
Status ModelLoader::copy_descriptors() {
  std::unordered_map<int, int> copies;
  for (WeightSlot& slot : slots_) {
    for (dyn_tensor& tensor : slot.tensors) {
      const auto [entry, is_new] = copies.emplace(tensor.fd, -1);
      if (is_new) {
        entry->second = fcntl(tensor.fd, F_DUPFD_CLOEXEC, 0);
        if (entry->second < 0) return not_loadable(slot.name + ": its file is not open");
        descriptors_.push_back(entry->second);
      }
      tensor.fd = entry->second;
    }
  }
  if (file_.fd < 0) return {};
  file_.fd = fcntl(file_.fd, F_DUPFD_CLOEXEC, 0);
  if (file_.fd >= 0) descriptors_.push_back(file_.fd);
  return {};
}

void ModelLoader::close_descriptors() {
  for (const int descriptor : descriptors_) close(descriptor);
  descriptors_.clear();
}

Status ModelLoader::wait(uint32_t timeout_us, dyn_model_progress* progress) {
  std::unique_lock lock(mutex_);
  const auto has_ended = [this] { return has_ended_; };
  if (timeout_us == DYN_WAIT_FOREVER) {
    ended_.wait(lock, has_ended);
  } else {
    ended_.wait_for(lock, std::chrono::microseconds(timeout_us), has_ended);
  }
  *progress = {.num_bytes = image_.num_bytes(),
               .num_bytes_done = num_bytes_done_.load(),
               .image = has_ended_ && result_.ok() ? image_.data() : nullptr,
               .source = source_,
               .opener = 0};
  if (!has_ended_) return {DYN_TIMEOUT, "the model is not loaded yet"};
  threads_.reset();
  return result_;
}

bool ModelLoader::is_loaded() {
  const std::lock_guard lock(mutex_);
  return has_ended_ && result_.ok();
}

void ModelLoader::run() {
  Status result = load();
  close_descriptors();
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    result_ = std::move(result);
  }
  ended_.notify_all();
}

Status ModelLoader::load() {
  if (load_cached()) {
    const std::lock_guard lock(mutex_);
    source_ = DYN_WEIGHTS_CACHED;
  } else {
    if (file_.load & DYN_LOAD_IMAGE_ONLY) {
      return not_loadable(
          "the file of packed weights is damaged, or not of this model; copy the image again, or "
          "make it anew with dynamo pack");
    }
    RETURN_IF_ERROR(image_.create());
    RETURN_IF_ERROR(pack_all());
  }
  place();
  return {};
}

bool ModelLoader::load_cached() {
  const bool is_mapped = file_.load & DYN_LOAD_MAP;
  const auto access = is_mapped ? WeightImage::Access::kMap : WeightImage::Access::kRead;
  if (file_.fd < 0 || !image_.open(file_.fd, access)) return false;
  std::atomic<bool> is_whole = true;
  threads_->parallel_for(image_.num_chunks(), [&](uint32_t index, uint32_t) {
    if (!is_whole || stopping_) return;
    if (!image_.read_chunk(file_.fd, index)) is_whole = false;
    num_bytes_done_ += image_.chunk_bytes(index);
  });
  if (!is_whole) num_bytes_done_ = 0;
  return is_whole;
}

Status ModelLoader::pack_all() {
  threads_->parallel_for(first_item_.back(), [this](uint32_t index, uint32_t thread) {
    if (stopping_) return;
    Status status = pack(item(index), thread);
    if (!status.ok()) fail(index, std::move(status));
  });
  rows_.clear();
  if (stopping_) {
    const std::lock_guard lock(mutex_);
    return failed_item_ == UINT32_MAX ? not_loadable("the load was stopped") : result_;
  }
  threads_->parallel_for(image_.num_chunks(),
                         [this](uint32_t index, uint32_t) { image_.seal_chunk(index); });
  image_.seal();
  return {};
}

ModelLoader::Item ModelLoader::item(uint32_t index) const {
  const auto next = std::upper_bound(first_item_.begin(), first_item_.end(), index);
  const auto slot = static_cast<size_t>(next - first_item_.begin()) - 1;
  return {.slot = &slots_[slot], .slot_offset = offsets_[slot], .index = index - first_item_[slot]};
}

Status ModelLoader::pack(const Item& item, uint32_t thread) {
  const WeightSlot& slot = *item.slot;
  std::byte* to = image_.body() + item.slot_offset;
  num_bytes_done_ += slot.num_bytes() / slot.num_items();
  try {
    if (slot.matrix == nullptr) {
      return read_vector(slot.tensors[0], slot.name, slot.offset, reinterpret_cast<float*>(to));
    }
    return slot.matrix->pack_item(slot.source(), slot.name, item.index, &rows_[thread],
                                  to + item.index * slot.matrix->bytes_per_item());
  } catch (const std::bad_alloc&) {  // c_api cannot: this is another thread.
    return out_of_memory(slot.name + ": no memory to read it into");
  }
}

// The first failure in the order of the image wins, as far as others have not been begun.
void ModelLoader::fail(uint32_t item, Status status) {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (item > failed_item_) return;
  failed_item_ = item;
  result_ = std::move(status);
}

void ModelLoader::place() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const std::byte* at = image_.body() + offsets_[i];
    const WeightSlot& slot = slots_[i];
    if (slot.matrix != nullptr) {
      slot.matrix->place(at);
    } else {
      *slot.vector = {reinterpret_cast<const float*>(at), slot.tensors[0].shape[0]};
    }
  }
}

}  // namespace dyn
