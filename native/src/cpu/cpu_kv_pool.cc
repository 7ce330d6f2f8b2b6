#include "cpu/cpu_kv_pool.h"

#include <utility>

#include "base/checked.h"
#include "cpu/cpu_step.h"

namespace dyn {
namespace {

// In huge pages attention reads blocks with fewer misses of the TLB; but each layer takes a whole
// one, and another ahead of use. In a small pool, or where a page is hundreds of blocks, that is
// more than all that is used: 24 MB for a first request to the built-in model.
constexpr uint64_t kLeastHugeLayer = 8u << 20;
constexpr uint64_t kLeastHugeBlock = 8u << 10;

}  // namespace

Status CpuKvPool::open(const CpuModel& model, const dyn_kv_pool_config& config,
                       std::unique_ptr<DeviceKvPool>* pool) {
  auto opened = std::make_unique<CpuKvPool>(model, config);
  RETURN_IF_ERROR(opened->map());
  *pool = std::move(opened);
  return {};
}

Status CpuKvPool::count(uint64_t* num_bytes) const {
  uint64_t layer_bytes = 0;
  if (!checked_mul(config_.num_blocks, layers().first.block_bytes(), &layer_bytes) ||
      !checked_mul(layer_bytes, model_.config().num_layers, num_bytes)) {
    return out_of_memory("the KV pool needs more than 2^64 bytes; lower num_blocks");
  }
  return {};
}

Status CpuKvPool::measure(dyn_engine_sizes* sizes) const {
  uint64_t num_bytes = 0;
  RETURN_IF_ERROR(count(&num_bytes));
  sizes->kv_block = num_bytes / config_.num_blocks;
  sizes->kv_pool = Mapping::whole_pages(num_bytes);
  return {};
}

Status CpuKvPool::map() {
  uint64_t num_bytes = 0;
  RETURN_IF_ERROR(count(&num_bytes));
  const KvLayers layers = this->layers();
  const uint64_t block_bytes = layers.first.block_bytes();
  RETURN_IF_ERROR(Mapping::create(num_bytes, "the KV pool", &blocks_));
  if (layers.bytes_per_layer < kLeastHugeLayer || block_bytes < kLeastHugeBlock) return {};
  blocks_.use_huge_pages();
  pages_ahead_ = PagesAhead({.blocks = blocks_.data(),
                             .num_layers = model_.config().num_layers,
                             .num_blocks = config_.num_blocks,
                             .block_size = config_.block_size,
                             .block_bytes = block_bytes});
  return {};
}

Status CpuKvPool::discard(uint32_t first_block, uint32_t num_blocks) {
  const KvLayers layers = this->layers();
  const uint64_t block_bytes = layers.first.block_bytes();
  for (uint64_t at = 0; at < blocks_.size(); at += layers.bytes_per_layer) {
    blocks_.discard(at + first_block * block_bytes, num_blocks * block_bytes);
  }
  return {};
}

std::unique_ptr<DeviceStep> CpuKvPool::open_step() {
  return std::make_unique<CpuStep>(this);
}

KvLayers CpuKvPool::layers() const {
  const dyn_model_config& shape = model_.config();
  KvLayer first = make_kv_layer(static_cast<dyn_kv_dtype>(config_.kv_dtype), shape.num_kv_heads,
                                shape.head_size, config_.block_size);
  first.blocks = blocks_.data();
  return {.first = first, .bytes_per_layer = config_.num_blocks * first.block_bytes()};
}

}  // namespace dyn
