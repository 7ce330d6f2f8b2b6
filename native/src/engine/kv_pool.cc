#include "engine/kv_pool.h"

#include <string>
#include <type_traits>
#include <utility>

#include "base/checked.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxBlockSize = 1u << 16;

}  // namespace

static_assert(std::has_unique_object_representations_v<dyn_kv_pool_config>);

Status check_pool_config(const dyn_kv_pool_config& config) {
  if (config.block_size == 0 || config.block_size > kMaxBlockSize) {
    return invalid_argument("block_size is " + std::to_string(config.block_size) +
                            ", it must be within 1 and " + std::to_string(kMaxBlockSize));
  }
  uint64_t num_slots = 0;
  if (config.num_blocks == 0 || !checked_mul(config.num_blocks, config.block_size, &num_slots) ||
      num_slots > INT32_MAX) {
    return invalid_argument("num_blocks is " + std::to_string(config.num_blocks) +
                            ", it must be at least 1 and make at most 2^31 - 1 slots");
  }
  if (config.kv_dtype > DYN_KV_INT8) {
    return invalid_argument("no type of K and V has number " + std::to_string(config.kv_dtype));
  }
  if (config.reserved != 0) return invalid_argument("reserved must be 0");
  return {};
}

Status KvPool::open(std::shared_ptr<Model> model, const dyn_kv_pool_config& config,
                    std::shared_ptr<KvPool>* pool) {
  RETURN_IF_ERROR(check_pool_config(config));
  auto opened = std::make_shared<KvPool>(std::move(model), config);
  RETURN_IF_ERROR(opened->model_->on_device().open_pool(config, &opened->blocks_));
  *pool = std::move(opened);
  return {};
}

KvPool::KvPool(std::shared_ptr<Model> model, const dyn_kv_pool_config& config)
    : model_(std::move(model)), config_(config) {}

Status KvPool::check_same(const dyn_kv_pool_config& config) const {
  if (config.num_blocks == config_.num_blocks && config.block_size == config_.block_size &&
      config.kv_dtype == config_.kv_dtype) {
    return {};
  }
  return invalid_argument("the key is that of a pool of another shape");
}

Status KvPool::discard(uint32_t first_block, uint32_t num_blocks) const {
  if (first_block > config_.num_blocks || num_blocks > config_.num_blocks - first_block) {
    return invalid_argument("blocks are discarded that the pool does not have");
  }
  return blocks_->discard(first_block, num_blocks);
}

}  // namespace dyn
