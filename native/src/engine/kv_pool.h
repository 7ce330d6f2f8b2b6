// KvPool: the paged K and V of one model, for all layers. How a layer lies: kv_layer.h.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/mapping.h"
#include "base/status.h"
#include "cpu/pages_ahead.h"
#include "cpu/step/decoder.h"
#include "engine/model.h"

namespace dyn {

class KvPool {
 public:
  static Status create(std::shared_ptr<Model> model, const dyn_kv_pool_config& config,
                       std::shared_ptr<KvPool>* pool);

  // Whether a second opener of the key means the same pool.
  Status check_same(const Model& model, const dyn_kv_pool_config& config) const;

  // Gives the memory of these blocks back.
  Status discard(uint32_t first_block, uint32_t num_blocks) const;

  Model& model() const { return *model_; }
  const dyn_kv_pool_config& config() const { return config_; }
  KvLayers layers() const;

  // Before a step that writes to `slots`. Within a job of `threads`.
  void stay_ahead_of(std::span<const int32_t> slots, ThreadPool* threads) {
    pages_ahead_.stay_ahead_of(slots, threads);
  }

 private:
  std::shared_ptr<Model> model_;
  dyn_kv_pool_config config_ = {};
  Mapping blocks_;  // [num_layers, num_blocks, block_bytes]
  size_t bytes_per_layer_ = 0;
  PagesAhead pages_ahead_;  // Where they are huge.
};

}  // namespace dyn
