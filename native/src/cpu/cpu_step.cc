#include "cpu/cpu_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

namespace dyn {
namespace {

TokenLists lists_of(const dyn_batch& batch, const dyn_row& row, size_t mask_words) {
  std::span<const uint32_t> mask;
  if (row.mask > 0) mask = {batch.masks + (row.mask - 1) * mask_words, mask_words};
  return {.penalised_ids = {batch.penalty_token_ids + row.penalty_start, row.num_penalties},
          .counts = {batch.penalty_counts + row.penalty_start, row.num_penalties},
          .banned_ids = {batch.banned_token_ids + row.banned_start, row.num_banned},
          .biased_ids = {batch.bias_token_ids + row.bias_start, row.num_biases},
          .biases = {batch.biases + row.bias_start, row.num_biases},
          .mask = mask};
}

}  // namespace

CpuStep::CpuStep(CpuKvPool* pool)
    : pool_(pool),
      threads_(pool->model().device().threads()),
      decoder_(pool->model().config(), pool->model().weights(), pool->layers(),
               attention_kernels(pool->model().device().isa()),
               gemm_kernels(pool->model().device().isa()),
               rowwise_kernels(pool->model().device().isa()), &threads_),
      samplers_(threads_.num_threads(), Sampler(rowwise_kernels(pool->model().device().isa()))) {
  job_ = {.run = [](void* self) { static_cast<CpuStep*>(self)->run(); }, .self = this};
}

CpuStep::~CpuStep() {
  threads_.withdraw(&job_);
}

Status CpuStep::reserve(const StepLimits& limits) {
  dyn_engine_sizes sizes = {};
  place(limits, &sizes);
  RETURN_IF_ERROR(arena_.map("the workspace"));
  place(limits, &sizes);
  return {};
}

Status CpuStep::measure(const StepLimits& limits, dyn_engine_sizes* sizes) {
  place(limits, sizes);
  RETURN_IF_ERROR(arena_.check("the workspace"));
  sizes->workspace = Mapping::whole_pages(arena_.used());
  return {};
}

// Both passes of the arena go through here, and so does measure().
void CpuStep::place(const StepLimits& limits, dyn_engine_sizes* sizes) {
  auto since = [this, from = arena_.used()]() mutable {
    const uint64_t before = from;
    from = arena_.used();
    return from - before;
  };
  decoder_.place_attention(limits.max_size, limits.max_blocks, &arena_);
  sizes->attention = since();
  decoder_.place_activations(limits.max_size, &arena_);
  sizes->activations = since();
  decoder_.place_logits(limits.max_size, &arena_);
  sizes->logits = since();
  mask_words_ = limits.mask_words();
  const uint64_t max_changes =
      uint64_t{limits.max_penalties()} + DYN_MAX_BANNED_TOKENS + DYN_MAX_BIASES;
  for (Sampler& sampler : samplers_) sampler.place(limits.vocab_size, max_changes, &arena_);
  sizes->sampling = since();
}

Status CpuStep::submit(const StepInput& input) {
  input_ = input;
  is_done_ = false;  // No step runs.
  threads_.enqueue(&job_);
  return {};
}

Status CpuStep::wait(uint32_t timeout_us) {
  std::unique_lock lock(mutex_);
  const auto is_done = [this] { return is_done_; };
  if (timeout_us == DYN_WAIT_FOREVER) {
    done_.wait(lock, is_done);
  } else if (!done_.wait_for(lock, std::chrono::microseconds(timeout_us), is_done)) {
    return {DYN_TIMEOUT, "the step is not done yet"};
  }
  return {};
}

void CpuStep::run() {
  pool_->stay_ahead_of({input_.slots, input_.size.num_tokens}, &threads_);
  decoder_.forward(input_);
  threads_.parallel_for(input_.size.num_rows,
                        [this](uint32_t row, uint32_t thread) { sample_row(row, thread); });
  {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
  }
  done_.notify_all();
}

void CpuStep::sample_row(uint32_t row, uint32_t thread) {
  const dyn_batch& batch = input_.batch;
  const dyn_row& asked = batch.rows[row];
  if (asked.kind == DYN_ROW_POOL) return pool_row(row);
  const auto position = static_cast<uint64_t>(input_.positions[asked.token]) + 1;
  const size_t first_top = size_t{row} * DYN_MAX_LOGPROBS;
  const Sample sample = samplers_[thread].sample(
      decoder_.logits(row), {.row = asked,
                             .position = position,
                             .lists = lists_of(batch, asked, mask_words_),
                             .top_ids = {batch.top_ids + first_top, asked.num_logprobs},
                             .top_logprobs = {batch.top_logprobs + first_top, asked.num_logprobs}});
  batch.sampled_ids[row] = sample.id;
  batch.logprobs[row] = sample.logprob;
  batch.ranks[row] = sample.rank;
}

void CpuStep::pool_row(uint32_t row) {
  const dyn_batch& batch = input_.batch;
  const std::span<const float> hidden = decoder_.hidden_state(row);
  std::copy(hidden.begin(), hidden.end(), batch.hidden_states + row * hidden.size());
  const bool is_finite =
      std::all_of(hidden.begin(), hidden.end(), [](float value) { return std::isfinite(value); });
  batch.sampled_ids[row] = is_finite ? 0 : DYN_NO_SAMPLE;
  batch.logprobs[row] = 0;
  batch.ranks[row] = 0;
}

}  // namespace dyn
