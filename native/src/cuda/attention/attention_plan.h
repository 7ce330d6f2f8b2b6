// AttentionPlan: how one step's attention is cut into tiles and items. Made once a step on the host
// and used by every layer; what it says changes which warp computes what, and never a bit of the
// result.

#pragma once

#include "cuda/attention/attention_args.h"
#include "device/step_input.h"
#include "device/step_limits.h"

namespace dyn::cuda {

class AttentionPlan {
 public:
  struct Shape {
    uint32_t num_heads;
    uint32_t num_kv_heads;
    uint32_t sliding_window;
    uint32_t num_processors;  // The GPU's.
  };

  // The arrays that the plan is written to, and what there is room for.
  struct Room {
    AttentionTile* tiles;
    AttentionItem* items;
    uint32_t* splits;
    uint32_t max_parts;
  };

  AttentionPlan() = default;
  AttentionPlan(const Shape& shape, const Room& room) : shape_(shape), room_(room) {}

  void make(const StepInput& step);

  uint32_t num_tiles() const { return num_tiles_; }
  uint32_t num_items() const { return num_items_; }
  uint32_t num_splits() const { return num_splits_; }

  // Tiles of a step of so many tokens, at most.
  static uint32_t max_tiles(const Shape& shape, uint32_t num_tokens);
  // Parts that the split tiles of a step may have together.
  static uint32_t max_parts(const StepLimits& limits);

 private:
  void add_tiles(const StepInput& step, uint32_t seq);
  void find_spans(const StepInput& step, AttentionTile* tile) const;

  Shape shape_ = {};
  Room room_ = {};
  uint32_t num_tiles_ = 0;
  uint32_t num_items_ = 0;
  uint32_t num_splits_ = 0;
};

}  // namespace dyn::cuda
