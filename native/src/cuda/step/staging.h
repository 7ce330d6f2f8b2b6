// Staging: a step's inputs in pinned memory and on the GPU, at the same places in every step, and its
// outputs likewise.

#pragma once

#include "cuda/attention/attention_plan.h"
#include "cuda/driver/device_arena.h"
#include "cuda/driver/stream.h"
#include "cuda/sample/sample_args.h"
#include "cuda/step/extent.h"
#include "device/step_input.h"
#include "device/step_limits.h"

namespace dyn::cuda {

// An array of the host and its copy on the GPU.
template <typename T>
struct Mirrored {
  T* host = nullptr;
  T* device = nullptr;
};

struct StepCounts {
  uint32_t num_tokens;
  uint32_t num_rows;
  uint32_t num_items;
  uint32_t num_splits;
};

class Staging {
 public:
  void place(const StepLimits& limits, const AttentionPlan::Shape& shape, PinnedArena* pinned,
             DeviceArena* device);

  // Plans the step, and says its extent: its own, or where `is_shared` that of a graph.
  void plan(const StepInput& input, bool is_shared);
  const StepExtent& extent() const { return extent_; }

  // Enqueues the copy of the planned step's inputs, the plan included.
  Status send(const StepInput& input, const Stream& stream);

  // Enqueues the copy of its outputs, which take() then hands to the batch.
  Status fetch(const StepInput& input, const Stream& stream);
  void take(const StepInput& input) const;

  // Sets what the sampling kernel reads and writes of the step.
  void describe(SampleArgs* args) const;

  const StepCounts* counts() const { return counts_.device; }
  const int32_t* token_ids() const { return token_ids_.device; }
  const int32_t* positions() const { return positions_.device; }
  const int32_t* slots() const { return slots_.device; }
  const int32_t* row_tokens() const { return row_tokens_.device; }
  const int32_t* block_tables() const { return block_tables_.device; }
  const AttentionTile* tiles() const { return tiles_.device; }
  const AttentionItem* items() const { return items_.device; }
  const uint32_t* splits() const { return splits_.device; }
  uint32_t max_parts() const { return max_parts_; }

 private:
  void stage_tables(const StepInput& input);
  void stage_rows(const StepInput& input);
  Status send_lists(const StepInput& input, const Stream& stream) const;

  StepLimits limits_ = {};
  AttentionPlan plan_;
  uint32_t max_parts_ = 0;
  StepExtent extent_ = {};
  bool has_tops_ = false;

  Mirrored<StepCounts> counts_;
  Mirrored<int32_t> token_ids_;     // [T]
  Mirrored<int32_t> positions_;     // [T]
  Mirrored<int32_t> slots_;         // [T]
  Mirrored<int32_t> block_tables_;  // [S, table stride]
  Mirrored<dyn_row> rows_;          // [R]
  Mirrored<int32_t> row_tokens_;    // [R]
  Mirrored<float> drops_;           // [R]
  Mirrored<AttentionTile> tiles_;
  Mirrored<AttentionItem> items_;
  Mirrored<uint32_t> splits_;

  // Copied from the batch as they are, as far as rows use them.
  int32_t* penalty_token_ids_ = nullptr;
  int32_t* penalty_counts_ = nullptr;
  int32_t* banned_token_ids_ = nullptr;
  int32_t* bias_token_ids_ = nullptr;
  float* biases_ = nullptr;
  uint32_t* masks_ = nullptr;

  Mirrored<int32_t> samples_;  // [3, R] ids, log-probabilities, ranks
  Mirrored<int32_t> tops_;     // [2, R, DYN_MAX_LOGPROBS] ids, log-probabilities
};

}  // namespace dyn::cuda
