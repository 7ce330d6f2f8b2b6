// Decoder: one forward pass over a ragged batch. Families are switches of the one graph: biases,
// norms of q and k, the order of a head's elements, norms before and behind a block, the activation,
// and layers that are local.
//
//     embed -> { norm, QKV | biases, norms, RoPE, write K V | attend | O, norm + residual |
//                norm, gate up SwiGLU | down, norm + residual } * layers -> final norm, head
//
// A layer with experts has them (expert_block.h) in place of gate, up and down.
//
// Each arrow and bar is one loop that the pool's threads share. Only the rows that will be sampled
// pass the head. Letters as in dynamo_engine.h: T tokens, S sequences, R rows of logits.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/arena.h"
#include "cpu/attention/attention.h"
#include "cpu/gemm/gemm_input.h"
#include "cpu/rowwise/rowwise.h"
#include "cpu/step/attention_plan.h"
#include "cpu/step/expert_block.h"
#include "cpu/step/projection.h"
#include "graph/weights.h"
#include "pool/thread_pool.h"

namespace dyn {

class Decoder {
 public:
  // Its arguments must outlive it.
  Decoder(const dyn_model_config& config, const Weights& weights, const KvLayers& kv,
          const AttentionKernels& attention, const GemmKernels& gemm, const RowwiseKernels& rowwise,
          ThreadPool* pool);

  // Lays the workspace out for `limits` (`max_blocks` per sequence), in both passes of the arena.
  void place_attention(const StepSize& limits, uint32_t max_blocks, Arena* arena);
  void place_activations(const StepSize& limits, Arena* arena);
  void place_logits(const StepSize& limits, Arena* arena);

  // Computes the logits of the batch's rows. Within a job of the pool only.
  void forward(const StepInput& step);

  std::span<float> logits(uint32_t row) const {
    return {logits_ + size_t{row} * config_.vocab_size, config_.vocab_size};
  }

  // The input of the head for a row, [hidden].
  std::span<const float> hidden_state(uint32_t row) const {
    return {normed_ + size_t{row} * config_.hidden_size, config_.hidden_size};
  }

 private:
  void embed(const StepInput& step);
  void attention_block(const StepInput& step, size_t layer);
  void mlp_block(uint32_t num_tokens, const LayerWeights& weights);
  void add_block(const GemmInput& input, uint32_t num_tokens, const Projection& projection,
                 std::span<const float> norm);
  void head(const StepInput& step);
  void cap_logits(uint32_t num_rows);
  void norm_rows(std::span<const float> weight, uint32_t num_rows);
  void norm_row(size_t token, std::span<const float> weight, size_t to_row);
  void prepare_and_store(const StepInput& step, size_t layer);
  void norm_whole(std::span<const float> weight, float* row);
  void attend(const StepInput& step, size_t layer);

  // State of a step that layers of one kind share.
  struct Attention {
    AttentionPlan plan;
    float* cosines = nullptr;  // [T, head_size / 2]
    float* sines = nullptr;    // [T, head_size / 2]
  };

  Attention& attention_of(size_t layer) {
    return attentions_[static_cast<size_t>(layer_kind(config_, layer))];
  }

  const dyn_model_config& config_;
  const Weights& weights_;
  const KvLayers kv_;
  const AttentionKernels& attention_;
  const RowwiseKernels& rowwise_;
  ThreadPool* const pool_;
  const uint32_t q_size_;    // num_heads * head_size
  const uint32_t kv_size_;   // num_kv_heads * head_size
  uint32_t max_blocks_ = 0;  // M

  std::vector<Attention> attentions_;        // [num_layer_kinds]
  std::vector<AttentionScratch> scratches_;  // [num_threads]

  float* x_ = nullptr;         // [T, hidden], the residual stream
  float* normed_ = nullptr;    // [T, hidden]
  GemmInput normed_input_;     // [T, hidden]
  float* q_ = nullptr;         // [T, num_heads, head_size]
  float* k_ = nullptr;         // [T, num_kv_heads, head_size]
  float* v_ = nullptr;         // [T, num_kv_heads, head_size]
  float* attended_ = nullptr;  // [T, num_heads, head_size]
  GemmInput attended_input_;   // [T, num_heads * head_size]
  GemmInput activated_;        // [T, intermediate]
  ExpertBlock experts_;
  float* logits_ = nullptr;  // [R, vocab]
};

}  // namespace dyn
