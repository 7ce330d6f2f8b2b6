#include "cuda/attention/attention_plan.h"

#include <algorithm>

#include "base/checked.h"
#include "graph/spans.h"

namespace dyn::cuda {
namespace {

// Warps that keep a processor's loads in flight. With fewer in all, spans go to warps of their own.
constexpr uint32_t kWarpsPerProcessor = 8;

// Long sequences whose spans there is always room for, and spans beside.
constexpr uint32_t kLongSequences = 4;
constexpr uint32_t kMoreParts = 64;

// Query heads of a KV head are cut so that each tile has as many as the others, but for the last.
uint32_t heads_per_tile(const AttentionPlan::Shape& shape) {
  return std::min(shape.num_heads / shape.num_kv_heads, kTileRows);
}

}  // namespace

uint32_t AttentionPlan::max_tiles(const Shape& shape, uint32_t num_tokens) {
  return num_tokens * ceil_div(shape.num_heads / shape.num_kv_heads, heads_per_tile(shape));
}

uint32_t AttentionPlan::max_parts(const StepLimits& limits) {
  return kLongSequences * (ceil_div(limits.max_model_len, kAttentionSpan) + 1) + kMoreParts;
}

void AttentionPlan::find_spans(const StepInput& step, AttentionTile* tile) const {
  const auto begin_of = [this](uint32_t end) {
    const uint32_t window = shape_.sliding_window;
    return window == 0 || end <= window ? 0 : end - window;
  };
  const auto first_end = static_cast<uint32_t>(step.positions[tile->first_token]) + 1;
  const uint32_t last_end = first_end + tile->num_tokens - 1;
  tile->first_span = begin_of(first_end) / kAttentionSpan;
  tile->num_spans = (last_end - 1) / kAttentionSpan + 1 - tile->first_span;
}

// The last tokens first: they attend to the most.
void AttentionPlan::add_tiles(const StepInput& step, uint32_t seq) {
  const auto first = static_cast<uint32_t>(step.batch.query_start_loc[seq]);
  auto end = static_cast<uint32_t>(step.batch.query_start_loc[seq + 1]);
  const uint32_t group = shape_.num_heads / shape_.num_kv_heads;
  const uint32_t num_heads = heads_per_tile(shape_);
  while (end > first) {
    const uint32_t num_tokens = std::min(kTileRows / num_heads, end - first);
    end -= num_tokens;
    for (uint32_t head = 0; head < group; head += num_heads) {
      AttentionTile& tile = room_.tiles[num_tiles_++];
      tile = {.seq = seq,
              .first_token = end,
              .num_tokens = num_tokens,
              .first_head = head,
              .num_heads = std::min(num_heads, group - head),
              .first_span = 0,
              .num_spans = 0,
              .first_part = kWhole};
      find_spans(step, &tile);
    }
  }
}

void AttentionPlan::make(const StepInput& step) {
  num_tiles_ = 0;
  num_items_ = 0;
  num_splits_ = 0;
  for (uint32_t seq = 0; seq < step.size.num_seqs; ++seq) add_tiles(step, seq);
  const uint64_t num_warps = uint64_t{num_tiles_} * shape_.num_kv_heads;
  const bool is_idle = num_warps < uint64_t{kWarpsPerProcessor} * shape_.num_processors;
  uint32_t num_parts = 0;
  for (uint32_t index = 0; index < num_tiles_; ++index) {
    AttentionTile& tile = room_.tiles[index];
    const bool is_split =
        is_idle && tile.num_spans > 1 && num_parts + tile.num_spans <= room_.max_parts;
    if (!is_split) {
      room_.items[num_items_++] = {.tile = index, .span = kWhole};
      continue;
    }
    tile.first_part = num_parts;
    num_parts += tile.num_spans;
    room_.splits[num_splits_++] = index;
    for (uint32_t i = 0; i < tile.num_spans; ++i) {
      room_.items[num_items_++] = {.tile = index, .span = tile.first_span + i};
    }
  }
}

}  // namespace dyn::cuda
