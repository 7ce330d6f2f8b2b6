#include "cpu/step/attention_plan.h"

#include <algorithm>

#include "base/checked.h"

namespace dyn {
namespace {

// An item longer than so small a part of a thread's share leaves others idle at the end.
constexpr uint32_t kItemsPerThread = 4;

// Tokens of the longest sequence for whose parts there is room.
constexpr uint32_t kSplitTokens = 8;

}  // namespace

void AttentionPlan::place(uint32_t max_tokens, uint32_t max_len, uint32_t padded_head_size,
                          Arena* arena) {
  // A tile attends to no more than its window and its own tokens, and a window may begin in a span.
  const uint64_t window = shape_.sliding_window == 0 ? max_len : shape_.sliding_window;
  const auto max_context =
      static_cast<uint32_t>(std::min(window + kMaxTileRows, uint64_t{max_len}));
  const uint32_t max_spans = ceil_div(max_context, kAttentionSpan) + 1;
  part_stride_ = part_stride(padded_head_size);
  const uint64_t max_parts = uint64_t{max_spans} * kSplitTokens;
  max_part_rows_ = max_parts * shape_.num_heads;
  arena->place(max_tokens, &tiles_);
  arena->place(max_tokens + max_parts, &items_);
  arena->place(max_parts, &splits_);
  arena->place(max_part_rows_ * part_stride_, &parts_);
}

// The last tiles first: they attend to the most.
void AttentionPlan::add_tiles(const dyn_batch& batch, uint32_t seq) {
  const auto first = static_cast<uint32_t>(batch.query_start_loc[seq]);
  auto end = static_cast<uint32_t>(batch.query_start_loc[seq + 1]);
  const uint32_t max_tokens = tile_tokens(shape_.num_heads / shape_.num_kv_heads);
  while (end > first) {
    const uint32_t num_tokens = std::min(max_tokens, end - first);
    end -= num_tokens;
    tiles_[num_tiles_++] = {
        .seq = seq, .first_token = end, .num_tokens = num_tokens, .parts = nullptr};
  }
}

void AttentionPlan::make(const StepInput& step) {
  num_tiles_ = 0;
  num_items_ = 0;
  num_splits_ = 0;
  for (uint32_t seq = 0; seq < step.size.num_seqs; ++seq) add_tiles(step.batch, seq);
  uint64_t num_spans = 0;
  for (uint32_t index = 0; index < num_tiles_; ++index) {
    num_spans += item(step, 0, tiles_[index], 0, nullptr, nullptr).num_spans();
  }
  uint64_t num_part_rows = 0;
  for (uint32_t index = 0; index < num_tiles_; ++index) {
    Tile& tile = tiles_[index];
    const AttentionItem whole = item(step, 0, tile, 0, nullptr, nullptr);
    const uint64_t num_rows = uint64_t{tile.num_tokens} * shape_.num_heads * whole.num_spans();
    const bool is_long = uint64_t{whole.num_spans()} * kItemsPerThread * shape_.num_threads >
                         num_spans * shape_.num_kv_heads;
    const bool is_split = is_long && shape_.num_threads > 1 && whole.num_spans() > 1 &&
                          num_part_rows + num_rows <= max_part_rows_;
    if (!is_split) {
      items_[num_items_++] = {.tile = index, .span = kWhole};
      continue;
    }
    tile.parts = parts_ + num_part_rows * part_stride_;
    num_part_rows += num_rows;
    splits_[num_splits_++] = index;
    for (uint32_t i = 0; i < whole.num_spans(); ++i) {
      items_[num_items_++] = {.tile = index, .span = whole.first_span() + i};
    }
  }
}

AttentionItem AttentionPlan::item(const StepInput& step, uint32_t max_blocks, const Tile& tile,
                                  uint32_t kv_head, const float* q, float* out) const {
  const uint32_t group_size = shape_.num_heads / shape_.num_kv_heads;
  const size_t q_stride = size_t{shape_.num_heads} * shape_.head_size;
  const size_t at = tile.first_token * q_stride + size_t{kv_head} * group_size * shape_.head_size;
  const uint32_t last_token = tile.first_token + tile.num_tokens - 1;
  return {.q = q == nullptr ? nullptr : q + at,
          .out = out == nullptr ? nullptr : out + at,
          .q_stride = q_stride,
          .num_tokens = tile.num_tokens,
          .group_size = group_size,
          .kv_head = kv_head,
          .block_table = step.batch.block_tables + size_t{tile.seq} * max_blocks,
          .context_len = static_cast<uint32_t>(step.positions[last_token]) + 1,
          .sliding_window = shape_.sliding_window,
          .scale = shape_.scale,
          .softcap = shape_.softcap};
}

float* AttentionPlan::parts(const Tile& tile, const AttentionItem& item) const {
  return tile.parts + size_t{item.kv_head} * item.num_spans() * span_stride(item);
}

}  // namespace dyn
