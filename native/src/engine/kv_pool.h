// KvPool: the paged K and V of one model, shared by the engines on it.

#pragma once

#include <memory>

#include "base/status.h"
#include "engine/model.h"

namespace dyn {

// Refuses what no device could have.
Status check_pool_config(const dyn_kv_pool_config& config);

class KvPool {
 public:
  static Status open(std::shared_ptr<Model> model, const dyn_kv_pool_config& config,
                     std::shared_ptr<KvPool>* pool);

  KvPool(std::shared_ptr<Model> model, const dyn_kv_pool_config& config);

  // OK if a second opener of the key means the same pool.
  Status check_same(const dyn_kv_pool_config& config) const;

  Status discard(uint32_t first_block, uint32_t num_blocks) const;

  const Model& model() const { return *model_; }
  const dyn_kv_pool_config& config() const { return config_; }
  DeviceKvPool& on_device() const { return *blocks_; }

 private:
  const std::shared_ptr<Model> model_;
  const dyn_kv_pool_config config_;
  std::unique_ptr<DeviceKvPool> blocks_;
};

}  // namespace dyn
