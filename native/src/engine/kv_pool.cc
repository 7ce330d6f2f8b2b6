#include "engine/kv_pool.h"

#include <string>
#include <type_traits>
#include <utility>

#include "base/checked.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxBlockSize = 1u << 16;

// In huge pages attention reads blocks with fewer misses of the TLB; but each layer takes a whole
// one, and another ahead of use. In a small pool, or where a page is hundreds of blocks, that is
// more than all that is used: 24 MB for a first request to the built-in model.
constexpr uint64_t kLeastHugeLayer = 8u << 20;
constexpr uint64_t kLeastHugeBlock = 8u << 10;

}  // namespace

static_assert(std::has_unique_object_representations_v<dyn_kv_pool_config>);

Status KvPool::create(std::shared_ptr<Model> model, const dyn_kv_pool_config& config,
                      std::shared_ptr<KvPool>* pool) {
  const dyn_model_config& shape = model->config();
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
  const KvLayer layer = make_kv_layer(static_cast<dyn_kv_dtype>(config.kv_dtype),
                                      shape.num_kv_heads, shape.head_size, config.block_size);
  uint64_t layer_bytes = 0;
  uint64_t num_bytes = 0;
  if (!checked_mul(config.num_blocks, layer.block_bytes(), &layer_bytes) ||
      !checked_mul(layer_bytes, shape.num_layers, &num_bytes)) {
    return out_of_memory("the KV pool needs more than 2^64 bytes; lower num_blocks");
  }
  auto created = std::make_shared<KvPool>();
  RETURN_IF_ERROR(Mapping::create(num_bytes, "the KV pool", &created->blocks_));
  created->model_ = std::move(model);
  created->config_ = config;
  created->bytes_per_layer_ = layer_bytes;
  if (layer_bytes >= kLeastHugeLayer && layer.block_bytes() >= kLeastHugeBlock) {
    created->blocks_.use_huge_pages();
    created->pages_ahead_ = PagesAhead({.blocks = created->blocks_.data(),
                                        .num_layers = shape.num_layers,
                                        .num_blocks = config.num_blocks,
                                        .block_size = config.block_size,
                                        .block_bytes = layer.block_bytes()});
  }
  *pool = std::move(created);
  return {};
}

Status KvPool::check_same(const Model& model, const dyn_kv_pool_config& config) const {
  if (&model == model_.get() && config.num_blocks == config_.num_blocks &&
      config.block_size == config_.block_size && config.kv_dtype == config_.kv_dtype) {
    return {};
  }
  return invalid_argument("the key is that of a pool with another model or shape");
}

Status KvPool::discard(uint32_t first_block, uint32_t num_blocks) const {
  if (first_block > config_.num_blocks || num_blocks > config_.num_blocks - first_block) {
    return invalid_argument("blocks are discarded that the pool does not have");
  }
  const uint64_t block_bytes = bytes_per_layer_ / config_.num_blocks;
  for (uint64_t at = 0; at < blocks_.size(); at += bytes_per_layer_) {
    blocks_.discard(at + first_block * block_bytes, num_blocks * block_bytes);
  }
  return {};
}

KvLayers KvPool::layers() const {
  const dyn_model_config& shape = model_->config();
  KvLayer first = make_kv_layer(static_cast<dyn_kv_dtype>(config_.kv_dtype), shape.num_kv_heads,
                                shape.head_size, config_.block_size);
  first.blocks = blocks_.data();
  return {.first = first, .bytes_per_layer = bytes_per_layer_};
}

}  // namespace dyn
