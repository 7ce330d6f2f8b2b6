#include "cuda/step/staging.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/checked.h"

namespace dyn::cuda {
namespace {

template <typename T>
void place_both(uint64_t count, Mirrored<T>* array, PinnedArena* pinned, DeviceArena* device) {
  pinned->place(count, &array->host);
  device->place(count, &array->device);
}

template <typename T>
Status send_array(const Mirrored<T>& array, uint64_t count, const Stream& stream) {
  return stream.copy_in(device_pointer(array.device), array.host, count * sizeof(T));
}

template <typename T>
Status send_list(T* to, const T* from, uint64_t count, const Stream& stream) {
  return stream.copy_in(device_pointer(to), from, count * sizeof(T));
}

// The logit this far below the largest is where min-p leaves nothing.
float drop_of(const dyn_row& row) {
  return row.min_p > 0 ? -std::log(row.min_p) : std::numeric_limits<float>::infinity();
}

}  // namespace

void Staging::place(const StepLimits& limits, const AttentionPlan::Shape& shape,
                    PinnedArena* pinned, DeviceArena* device) {
  limits_ = limits;
  const auto [num_seqs, num_tokens, num_rows] = limits.max_size;
  const uint32_t max_tiles = AttentionPlan::max_tiles(shape, num_tokens);
  max_parts_ = AttentionPlan::max_parts(limits);
  const uint64_t rows = num_rows;
  place_both(1, &counts_, pinned, device);
  place_both(num_tokens, &token_ids_, pinned, device);
  place_both(num_tokens, &positions_, pinned, device);
  place_both(num_tokens, &slots_, pinned, device);
  place_both(uint64_t{num_seqs} * limits.max_blocks, &block_tables_, pinned, device);
  place_both(rows, &rows_, pinned, device);
  place_both(rows, &row_tokens_, pinned, device);
  place_both(rows, &drops_, pinned, device);
  place_both(max_tiles, &tiles_, pinned, device);
  place_both(uint64_t{max_tiles} + max_parts_, &items_, pinned, device);
  place_both(max_parts_, &splits_, pinned, device);
  device->place(rows * limits.max_penalties(), &penalty_token_ids_);
  device->place(rows * limits.max_penalties(), &penalty_counts_);
  device->place(rows * DYN_MAX_BANNED_TOKENS, &banned_token_ids_);
  device->place(rows * DYN_MAX_BIASES, &bias_token_ids_);
  device->place(rows * DYN_MAX_BIASES, &biases_);
  device->place(rows * limits.mask_words(), &masks_);
  place_both(rows * 3, &samples_, pinned, device);
  place_both(rows * 2 * DYN_MAX_LOGPROBS, &tops_, pinned, device);
  plan_ = AttentionPlan(shape, {.tiles = tiles_.host,
                                .items = items_.host,
                                .splits = splits_.host,
                                .max_parts = max_parts_});
}

void Staging::plan(const StepInput& input, bool is_shared) {
  plan_.make(input);
  const uint32_t longest = static_cast<uint32_t>(
      *std::max_element(input.batch.seq_lens, input.batch.seq_lens + input.size.num_seqs));
  extent_ = {.num_tokens = input.size.num_tokens,
             .num_rows = input.size.num_rows,
             .num_items = plan_.num_items(),
             .num_splits = plan_.num_splits(),
             .table_stride = ceil_div(longest, limits_.block_size)};
  if (is_shared) extent_ = extent_.rounded(limits_.max_blocks);
}

Status Staging::send(const StepInput& input, const Stream& stream) {
  const auto [num_seqs, num_tokens, num_rows] = input.size;
  stage_tables(input);
  stage_rows(input);
  std::copy_n(input.batch.token_ids, num_tokens, token_ids_.host);
  std::copy_n(input.positions, num_tokens, positions_.host);
  std::copy_n(input.slots, num_tokens, slots_.host);
  *counts_.host = {.num_tokens = num_tokens,
                   .num_rows = num_rows,
                   .num_items = plan_.num_items(),
                   .num_splits = plan_.num_splits()};
  RETURN_IF_ERROR(send_array(counts_, 1, stream));
  RETURN_IF_ERROR(send_array(token_ids_, num_tokens, stream));
  RETURN_IF_ERROR(send_array(positions_, num_tokens, stream));
  RETURN_IF_ERROR(send_array(slots_, num_tokens, stream));
  RETURN_IF_ERROR(send_array(block_tables_, uint64_t{num_seqs} * extent_.table_stride, stream));
  RETURN_IF_ERROR(send_array(rows_, num_rows, stream));
  RETURN_IF_ERROR(send_array(row_tokens_, num_rows, stream));
  RETURN_IF_ERROR(send_array(drops_, num_rows, stream));
  RETURN_IF_ERROR(send_array(tiles_, plan_.num_tiles(), stream));
  RETURN_IF_ERROR(send_array(items_, plan_.num_items(), stream));
  RETURN_IF_ERROR(send_array(splits_, plan_.num_splits(), stream));
  return send_lists(input, stream);
}

// Block tables as short as the extent has them.
void Staging::stage_tables(const StepInput& input) {
  const uint32_t stride = extent_.table_stride;
  for (uint32_t seq = 0; seq < input.size.num_seqs; ++seq) {
    const auto seq_len = static_cast<uint32_t>(input.batch.seq_lens[seq]);
    int32_t* to = block_tables_.host + size_t{seq} * stride;
    const int32_t* from = input.batch.block_tables + size_t{seq} * limits_.max_blocks;
    std::fill(std::copy_n(from, ceil_div(seq_len, limits_.block_size), to), to + stride, 0);
  }
}

void Staging::stage_rows(const StepInput& input) {
  has_tops_ = false;
  for (uint32_t i = 0; i < input.size.num_rows; ++i) {
    const dyn_row& row = input.batch.rows[i];
    rows_.host[i] = row;
    row_tokens_.host[i] = row.token;
    drops_.host[i] = drop_of(row);
    has_tops_ |= row.num_logprobs > 0;
  }
}

Status Staging::send_lists(const StepInput& input, const Stream& stream) const {
  uint32_t penalties = 0;
  uint32_t banned = 0;
  uint32_t biases = 0;
  uint32_t masks = 0;
  for (uint32_t i = 0; i < input.size.num_rows; ++i) {
    const dyn_row& row = input.batch.rows[i];
    if (row.num_penalties > 0) {
      penalties = std::max(penalties, row.penalty_start + row.num_penalties);
    }
    if (row.num_banned > 0) banned = std::max(banned, row.banned_start + row.num_banned);
    if (row.num_biases > 0) biases = std::max(biases, row.bias_start + row.num_biases);
    masks = std::max(masks, row.mask);
  }
  const dyn_batch& batch = input.batch;
  RETURN_IF_ERROR(send_list(penalty_token_ids_, batch.penalty_token_ids, penalties, stream));
  RETURN_IF_ERROR(send_list(penalty_counts_, batch.penalty_counts, penalties, stream));
  RETURN_IF_ERROR(send_list(banned_token_ids_, batch.banned_token_ids, banned, stream));
  RETURN_IF_ERROR(send_list(bias_token_ids_, batch.bias_token_ids, biases, stream));
  RETURN_IF_ERROR(send_list(biases_, batch.biases, biases, stream));
  return send_list(masks_, batch.masks, uint64_t{masks} * limits_.mask_words(), stream);
}

Status Staging::fetch(const StepInput& input, const Stream& stream) {
  if (input.size.num_rows == 0) return {};
  const uint64_t rows = limits_.max_size.num_rows;
  RETURN_IF_ERROR(
      stream.copy_out(samples_.host, device_pointer(samples_.device), rows * 3 * sizeof(int32_t)));
  if (!has_tops_) return {};
  return stream.copy_out(tops_.host, device_pointer(tops_.device),
                         rows * 2 * DYN_MAX_LOGPROBS * sizeof(int32_t));
}

void Staging::take(const StepInput& input) const {
  const uint64_t rows = limits_.max_size.num_rows;
  const uint32_t num_rows = input.size.num_rows;
  const dyn_batch& batch = input.batch;
  std::memcpy(batch.sampled_ids, samples_.host, num_rows * sizeof(int32_t));
  std::memcpy(batch.logprobs, samples_.host + rows, num_rows * sizeof(float));
  std::memcpy(batch.ranks, samples_.host + 2 * rows, num_rows * sizeof(int32_t));
  if (!has_tops_) return;
  const int32_t* ids = tops_.host;
  const int32_t* logprobs = tops_.host + rows * DYN_MAX_LOGPROBS;
  for (uint32_t row = 0; row < num_rows; ++row) {
    const size_t first = size_t{row} * DYN_MAX_LOGPROBS;
    const size_t num_bytes = batch.rows[row].num_logprobs * sizeof(int32_t);
    std::memcpy(batch.top_ids + first, ids + first, num_bytes);
    std::memcpy(batch.top_logprobs + first, logprobs + first, num_bytes);
  }
}

void Staging::describe(SampleArgs* args) const {
  const uint64_t rows = limits_.max_size.num_rows;
  args->rows = rows_.device;
  args->positions = positions_.device;
  args->drops = drops_.device;
  args->num_rows = &counts_.device->num_rows;
  args->penalty_token_ids = penalty_token_ids_;
  args->penalty_counts = penalty_counts_;
  args->banned_token_ids = banned_token_ids_;
  args->bias_token_ids = bias_token_ids_;
  args->biases = biases_;
  args->masks = masks_;
  args->sampled_ids = samples_.device;
  args->logprobs = reinterpret_cast<float*>(samples_.device + rows);
  args->ranks = samples_.device + 2 * rows;
  args->top_ids = tops_.device;
  args->top_logprobs = reinterpret_cast<float*>(tops_.device + rows * DYN_MAX_LOGPROBS);
  args->mask_words = limits_.mask_words();
}

}  // namespace dyn::cuda
