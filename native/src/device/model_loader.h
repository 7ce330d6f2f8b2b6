// ModelLoader: fills a model's image, on threads of its own, so that steps of other models go on.
//
//   cache file, if it is whole --read, check--> image, ready
//   the model's files --------read, pack--> image, sealed, ready (to be written to a file)
//
// The loader reads copies of the caller's descriptors.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "graph/weights.h"
#include "pack/weight_image.h"
#include "pool/thread_pool.h"

namespace dyn {

// Places of an image, and how it is taken from there.
struct ImageFile {
  int fd;         // -1: nowhere.
  uint32_t load;  // dyn_load
};

class ModelLoader {
 public:
  static Status start(std::vector<WeightSlot> slots, const ImageKey& key, uint32_t num_threads,
                      const ImageFile& file, std::unique_ptr<ModelLoader>* loader);
  // Memory of the image of such weights.
  static dyn_model_sizes measure(const std::vector<WeightSlot>& slots);

  ModelLoader(std::vector<WeightSlot> slots, const ImageKey& key, uint64_t body_bytes);
  ModelLoader(const ModelLoader&) = delete;
  ModelLoader& operator=(const ModelLoader&) = delete;
  ~ModelLoader();  // Ends a load that is not done, within one panel's time.

  // Blocks until the load has ended, or for timeout_us, and says how it stands. The result is that
  // of the load.
  Status wait(uint32_t timeout_us, dyn_model_progress* progress);

  bool is_loaded();

 private:
  // A thread packs one at a time: an item of a matrix, or a whole vector.
  struct Item {
    const WeightSlot* slot;
    uint64_t slot_offset;  // The slot's, in the image's body.
    uint32_t index;        // Among the slot's items.
  };

  uint64_t largest_panel() const;
  Status copy_descriptors();
  void close_descriptors();
  void run();  // On the leader of the loader's threads.
  Status load();
  bool load_cached();
  Status pack_all();
  Item item(uint32_t index) const;
  Status pack(const Item& item, uint32_t thread);
  void fail(uint32_t item, Status status);
  void place();

  std::vector<WeightSlot> slots_;
  std::vector<uint64_t> offsets_;     // [num_slots] in the image's body
  std::vector<uint32_t> first_item_;  // [num_slots + 1]
  std::vector<int> descriptors_;      // To be closed when the load has ended.
  ImageFile file_ = {.fd = -1, .load = 0};
  WeightImage image_;

  std::vector<std::vector<std::byte>> rows_;  // [num_threads] scratch
  std::atomic<uint64_t> num_bytes_done_ = 0;
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable ended_;
  bool has_ended_ = false;
  Status result_;
  uint32_t source_ = DYN_WEIGHTS_PACKED;
  uint32_t failed_item_ = UINT32_MAX;

  Job job_;
  std::unique_ptr<ThreadPool> threads_;  // Last, so that it ends first.
};

}  // namespace dyn
