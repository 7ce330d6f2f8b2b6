#include "cuda/cuda_kv_pool.h"

#include "base/checked.h"
#include "cuda/cuda_step.h"

namespace dyn {
namespace {

constexpr uint32_t kBlockUnit = 16;  // Positions of a step of the products.

}  // namespace

Status CudaKvPool::open(const CudaModel& model, const dyn_kv_pool_config& config,
                        std::unique_ptr<DeviceKvPool>* pool) {
  auto opened = std::make_unique<CudaKvPool>(model, config);
  RETURN_IF_ERROR(opened->check_config());
  uint64_t num_bytes = 0;
  RETURN_IF_ERROR(opened->count(&num_bytes));
  const cuda::Context& context = model.device().context();
  RETURN_IF_ERROR(cuda::DeviceBuffer::create(context, num_bytes, "the KV pool", &opened->memory_));
  cuda::Stream stream;
  RETURN_IF_ERROR(stream.open(context));
  RETURN_IF_ERROR(stream.zero(opened->memory_.at(0), num_bytes));
  RETURN_IF_ERROR(stream.wait());
  *pool = std::move(opened);
  return {};
}

Status CudaKvPool::check_config() const {
  if (config_.kv_dtype != DYN_KV_BF16) {
    return invalid_argument(
        "the CUDA device holds K and V as BF16 alone: set kv-cache-dtype to bfloat16");
  }
  if (config_.block_size % kBlockUnit != 0) {
    return invalid_argument("block_size is " + std::to_string(config_.block_size) +
                            ", the CUDA device needs a multiple of 16");
  }
  return {};
}

Status CudaKvPool::count(uint64_t* num_bytes) const {
  uint64_t layer_bytes = 0;
  if (!checked_mul(config_.num_blocks, place().block_elements() * sizeof(uint16_t), &layer_bytes) ||
      !checked_mul(layer_bytes, model_.config().num_layers, num_bytes)) {
    return out_of_memory("the KV pool needs more than 2^64 bytes; lower num_blocks");
  }
  return {};
}

Status CudaKvPool::measure(dyn_engine_sizes* sizes) const {
  RETURN_IF_ERROR(check_config());
  uint64_t num_bytes = 0;
  RETURN_IF_ERROR(count(&num_bytes));
  sizes->kv_block = num_bytes / config_.num_blocks;
  sizes->kv_pool = num_bytes;
  return {};
}

Status CudaKvPool::discard(uint32_t, uint32_t) {
  return {};
}

std::unique_ptr<DeviceStep> CudaKvPool::open_step() {
  return std::make_unique<CudaStep>(this);
}

cuda::KvPlace CudaKvPool::place() const {
  return {.num_kv_heads = model_.config().num_kv_heads,
          .padded_head_size = cuda::padded_head_size(model_.config().head_size),
          .block_size = config_.block_size};
}

cuda::DeviceBlocks CudaKvPool::blocks() const {
  return {.first_layer = reinterpret_cast<uint16_t*>(memory_.at(0)),
          .layer_elements = config_.num_blocks * place().block_elements(),
          .place = place()};
}

}  // namespace dyn
