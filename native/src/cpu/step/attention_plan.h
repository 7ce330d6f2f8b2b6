// AttentionPlan: how one step's attention is cut into work items. Made once a step and used by
// every layer of a kind; what it says changes who computes what, and never a bit of the result.
//
// An item is a query tile, whole; or one span of a tile that attends to so much that a thread with
// all of it would keep the others waiting. Each is done for every KV head.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/arena.h"
#include "cpu/attention/attention.h"
#include "device/step_input.h"

namespace dyn {

class AttentionPlan {
 public:
  struct Shape {
    uint32_t num_heads;
    uint32_t num_kv_heads;
    uint32_t head_size;
    uint32_t sliding_window;
    float scale;    // Factor of the scores.
    float softcap;  // Cap of the scores; 0: none.
    uint32_t num_threads;
  };

  // Neighbouring tokens of one sequence.
  struct Tile {
    uint32_t seq;
    uint32_t first_token;
    uint32_t num_tokens;
    float* parts;  // Parts of its spans, for all KV heads; nullptr where it is not split.
  };

  struct Item {
    uint32_t tile;
    uint32_t span;  // kWhole where the tile is not split.
  };
  static constexpr uint32_t kWhole = UINT32_MAX;

  explicit AttentionPlan(const Shape& shape) : shape_(shape) {}

  // For steps of at most `max_tokens`, of sequences of at most `max_len`.
  void place(uint32_t max_tokens, uint32_t max_len, uint32_t padded_head_size, Arena* arena);

  void make(const StepInput& step);

  std::span<const Item> items() const { return {items_, num_items_}; }
  const Tile& tile(uint32_t index) const { return tiles_[index]; }
  // The tiles that are split: their parts must be merged.
  std::span<const uint32_t> splits() const { return {splits_, num_splits_}; }

  // The tile's attention for one KV head; q and out are the whole step's.
  AttentionItem item(const StepInput& step, uint32_t max_blocks, const Tile& tile, uint32_t kv_head,
                     const float* q, float* out) const;

  // First part of the tile for one KV head.
  float* parts(const Tile& tile, const AttentionItem& item) const;
  size_t span_stride(const AttentionItem& item) const {
    return size_t{item.num_rows()} * part_stride_;
  }

 private:
  void add_tiles(const dyn_batch& batch, uint32_t seq);

  const Shape shape_;
  size_t part_stride_ = 0;
  uint64_t max_part_rows_ = 0;
  uint32_t num_tiles_ = 0;
  uint32_t num_items_ = 0;
  uint32_t num_splits_ = 0;
  Tile* tiles_ = nullptr;       // [T]
  Item* items_ = nullptr;       // [T + parts]
  uint32_t* splits_ = nullptr;  // [parts]
  float* parts_ = nullptr;      // [max_part_rows_, part_stride_]
};

}  // namespace dyn
