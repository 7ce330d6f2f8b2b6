#include "engine/engine.h"

#include <string>
#include <type_traits>
#include <utility>

#include "base/checked.h"
#include "engine/batch.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxSeqs = 1u << 16;
constexpr uint32_t kMaxTokens = 1u << 20;  // Keeps a loop's number of items in 32 bits.
constexpr uint32_t kMaxModelLen = 1u << 24;

Status check_limit(const char* name, uint32_t value, uint32_t max) {
  if (value >= 1 && value <= max) return {};
  return invalid_argument(std::string(name) + " is " + std::to_string(value) +
                          ", it must be within 1 and " + std::to_string(max));
}

// Checks the config, and what it means for a pool and a model.
Status step_limits(const dyn_engine_config& config, const dyn_kv_pool_config& pool,
                   const dyn_model_config& model, StepLimits* limits) {
  RETURN_IF_ERROR(check_limit("max_num_seqs", config.max_num_seqs, kMaxSeqs));
  RETURN_IF_ERROR(check_limit("max_num_rows", config.max_num_rows, kMaxSeqs));
  RETURN_IF_ERROR(check_limit("max_num_batched_tokens", config.max_num_batched_tokens, kMaxTokens));
  RETURN_IF_ERROR(check_limit("max_model_len", config.max_model_len, kMaxModelLen));
  *limits = {.max_size = {.num_seqs = config.max_num_seqs,
                          .num_tokens = config.max_num_batched_tokens,
                          .num_rows = config.max_num_rows},
             .max_model_len = config.max_model_len,
             .max_blocks = ceil_div(config.max_model_len, pool.block_size),
             .num_blocks = pool.num_blocks,
             .block_size = pool.block_size,
             .vocab_size = model.vocab_size,
             .hidden_size = model.hidden_size};
  return {};
}

// A lost device stays lost.
Status device_lost() {
  return {DYN_DEVICE_LOST, "the device is lost; close what is open on it"};
}

}  // namespace

static_assert(std::has_unique_object_representations_v<dyn_engine_config>);

Status Engine::open(std::shared_ptr<KvPool> pool, const dyn_engine_config& config,
                    std::shared_ptr<Engine>* engine) {
  StepLimits limits = {};
  RETURN_IF_ERROR(step_limits(config, pool->config(), pool->model().config(), &limits));
  auto opened = std::make_shared<Engine>(std::move(pool), limits);
  RETURN_IF_ERROR(opened->reserve());
  *engine = std::move(opened);
  return {};
}

Status Engine::measure(Device* device, const ModelSource& source, const dyn_kv_pool_config& pool,
                       const dyn_engine_config& config, dyn_engine_sizes* sizes) {
  RETURN_IF_ERROR(check_pool_config(pool));
  StepLimits limits = {};
  RETURN_IF_ERROR(step_limits(config, pool, source.config, &limits));
  *sizes = {};
  RETURN_IF_ERROR(device->measure_step(source, pool, limits, sizes));
  Arena arena;
  StepInput input = {};
  place_batch(limits, &arena, &input);
  RETURN_IF_ERROR(arena.check("the batch"));
  sizes->batch = arena.used();
  sizes->workspace += Mapping::whole_pages(arena.used());
  return {};
}

Engine::Engine(std::shared_ptr<KvPool> pool, const StepLimits& limits)
    : pool_(std::move(pool)), limits_(limits), step_(pool_->on_device().open_step()) {}

Status Engine::reserve() {
  RETURN_IF_ERROR(step_->reserve(limits_));
  place_batch(limits_, &arena_, &input_);
  RETURN_IF_ERROR(arena_.map("the batch"));
  place_batch(limits_, &arena_, &input_);
  return {};
}

Status Engine::submit(const StepSize& size) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kLost) return device_lost();
  if (state_ == State::kSubmitted) return invalid_argument("wait for the submitted step first");
  input_.size = size;
  RETURN_IF_ERROR(check_batch(limits_, &input_));
  Status status = step_->submit(input_);
  if (status.ok()) state_ = State::kSubmitted;
  if (status.code() == DYN_DEVICE_LOST) state_ = State::kLost;
  return status;
}

Status Engine::wait(uint32_t timeout_us) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kLost) return device_lost();
    if (state_ == State::kIdle) return invalid_argument("no step was submitted");
  }
  Status status = step_->wait(timeout_us);
  if (status.code() == DYN_TIMEOUT) return status;
  const std::lock_guard lock(mutex_);
  state_ = status.code() == DYN_DEVICE_LOST ? State::kLost : State::kIdle;
  return status;
}

uint64_t Engine::progress() {
  const std::lock_guard lock(mutex_);
  return state_ == State::kSubmitted ? step_->progress() : 0;
}

}  // namespace dyn
