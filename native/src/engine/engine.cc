#include "engine/engine.h"

#include <chrono>
#include <span>
#include <string>
#include <utility>

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

// What `start` cuts out of `ids` for row `row`.
std::span<const int32_t> row_of(const int32_t* ids, const int32_t* start, uint32_t row) {
  return {ids + start[row], ids + start[row + 1]};
}

}  // namespace

Status Engine::create(std::shared_ptr<KvPool> pool, const dyn_engine_config& config,
                      std::shared_ptr<Engine>* engine) {
  RETURN_IF_ERROR(check_limit("max_num_seqs", config.max_num_seqs, kMaxSeqs));
  RETURN_IF_ERROR(check_limit("max_num_rows", config.max_num_rows, kMaxSeqs));
  RETURN_IF_ERROR(check_limit("max_num_batched_tokens", config.max_num_batched_tokens, kMaxTokens));
  RETURN_IF_ERROR(check_limit("max_model_len", config.max_model_len, kMaxModelLen));
  const dyn_kv_pool_config& blocks = pool->config();
  const BatchLimits limits = {
      .max_size = {.num_seqs = config.max_num_seqs,
                   .num_tokens = config.max_num_batched_tokens,
                   .num_rows = config.max_num_rows},
      .max_model_len = config.max_model_len,
      .max_blocks = ceil_div(config.max_model_len, blocks.block_size),
      .num_blocks = blocks.num_blocks,
      .block_size = blocks.block_size,
      .vocab_size = pool->model().config().vocab_size,
  };
  auto created = std::make_shared<Engine>(std::move(pool), limits);
  RETURN_IF_ERROR(created->reserve());
  *engine = std::move(created);
  return {};
}

Engine::Engine(std::shared_ptr<KvPool> pool, const BatchLimits& limits)
    : pool_(std::move(pool)),
      limits_(limits),
      threads_(pool_->model().device().threads()),
      decoder_(pool_->model().config(), pool_->model().weights(), pool_->layers(),
               attention_kernels(pool_->model().device().isa()),
               gemm_kernels(pool_->model().device().isa()),
               rowwise_kernels(pool_->model().device().isa()), &threads_),
      samplers_(threads_.num_threads(), Sampler(rowwise_kernels(pool_->model().device().isa()))) {
  job_ = {.run = [](void* self) { static_cast<Engine*>(self)->run_step(); }, .self = this};
}

Engine::~Engine() {
  threads_.withdraw(&job_);
}

Status Engine::reserve() {
  RETURN_IF_ERROR(decoder_.reserve(limits_.max_size, limits_.max_blocks));
  place();
  RETURN_IF_ERROR(arena_.map("the batch"));
  place();
  return {};
}

void Engine::place() {
  place_batch(limits_, &arena_, &batch_);
  const uint64_t max_changes = uint64_t{limits_.max_model_len} + DYN_MAX_BANNED_TOKENS;
  for (Sampler& sampler : samplers_) sampler.place(limits_.vocab_size, max_changes, &arena_);
}

Status Engine::submit(const StepSize& size) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kIdle) return invalid_argument("wait for the submitted step first");
    RETURN_IF_ERROR(check_batch(batch_, size, limits_));
    size_ = size;
    state_ = State::kSubmitted;
  }
  threads_.enqueue(&job_);
  return {};
}

Status Engine::wait(uint32_t timeout_us) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kIdle) return invalid_argument("no step was submitted");
  const auto is_done = [this] { return state_ == State::kDone; };
  if (timeout_us == DYN_WAIT_FOREVER) {
    done_.wait(lock, is_done);
  } else if (!done_.wait_for(lock, std::chrono::microseconds(timeout_us), is_done)) {
    return {DYN_TIMEOUT, "the step is not done yet"};
  }
  state_ = State::kIdle;
  return {};
}

uint64_t Engine::progress() {
  const std::lock_guard lock(mutex_);
  // A step that waits for the device goes on as those before it do.
  return state_ == State::kSubmitted ? 1 + threads_.progress() : 0;
}

void Engine::run_step() {
  pool_->stay_ahead_of({batch_.slot_mapping, size_.num_tokens}, &threads_);
  decoder_.forward(batch_, size_);
  threads_.parallel_for(size_.num_rows,
                        [this](uint32_t row, uint32_t thread) { sample_row(row, thread); });
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kDone;
  }
  done_.notify_all();
}

void Engine::sample_row(uint32_t row, uint32_t thread) {
  const dyn_batch& batch = batch_;
  const int32_t position = batch.positions[batch.logits_rows[row]];
  const SampleParams params = {
      .temperature = batch.temperature[row],
      .top_p = batch.top_p[row],
      .min_p = batch.min_p[row],
      .top_k = batch.top_k[row],
      .seed = batch.seed[row],
      .position = static_cast<uint64_t>(position) + 1,
      .penalties = {.presence = batch.presence_penalty[row],
                    .frequency = batch.frequency_penalty[row],
                    .repetition = batch.repetition_penalty[row],
                    .token_ids = row_of(batch.penalty_token_ids, batch.penalty_start_loc, row),
                    .counts = row_of(batch.penalty_counts, batch.penalty_start_loc, row),
                    .banned_ids = row_of(batch.banned_token_ids, batch.banned_start_loc, row)},
  };
  const Sample sample =
      samplers_[thread].sample({decoder_.logits(row), limits_.vocab_size}, params);
  batch_.sampled_ids[row] = sample.id;
  batch_.logprobs[row] = sample.logprob;
}

}  // namespace dyn
