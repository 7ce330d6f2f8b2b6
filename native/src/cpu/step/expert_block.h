// ExpertBlock: the MLP of a layer with experts (mixture of experts, arXiv:1701.06538).
//
//     router | choose a token's experts | their rows, by expert |
//     h = silu(gate_e x) * (up_e x), for each expert e | x += weight * down_e h
//
// Each bar is the end of a loop that the pool's threads share; rows are sorted by the leader alone.
// An item of the first big loop is a block of an expert's rows and some of its panels, so that few
// tokens with few experts keep all threads busy. One of the second is some columns of the output,
// for all experts in turn: no two threads add to one number.
//
// Bound of few tokens: the bytes of each expert that any of them chose, read once. Bound of many:
// 6 * k * hidden * expert_size operations a token, k its experts, in blocks of T * k / E rows.
//
// Bits: a token's experts and weights follow from its own row; an expert's product of a row does
// not depend on its neighbours (gemm.h); a token's experts are added in the order of their numbers.

#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "cpu/gemm/gemm_input.h"
#include "cpu/step/expert_plan.h"
#include "graph/weights.h"
#include "pool/thread_pool.h"

namespace dyn {

class ExpertBlock {
 public:
  // Its arguments must outlive it.
  ExpertBlock(const dyn_model_config& config, const Weights& weights, const GemmKernels& kernels,
              ThreadPool* pool);

  // Takes nothing for a model without experts.
  void place(uint64_t max_tokens, Arena* arena);

  // Within a job of the pool only.
  void run(const LayerWeights& layer, const GemmInput& normed /* [T, hidden] */,
           uint32_t num_tokens, float* x /* [T, hidden], the residual stream */);

 private:
  void gate_and_up(const LayerWeights& layer, const GemmInput& normed);
  InputRows rows_of(const ExpertPlan::Block& block, const GemmInput& normed, uint32_t thread);
  void activate(const ExpertWeights& expert, const ExpertPlan::Block& block, const InputRows& rows,
                uint32_t panel);
  void down(const LayerWeights& layer, float* x);
  void add_down(const ExpertWeights& expert, const ExpertPlan::Block& block, uint32_t panel,
                float* x) const;

  const dyn_model_config& config_;
  const Weights& weights_;
  const GemmKernels& kernels_;
  ThreadPool* const pool_;
  ExpertPlan plan_;
  float* logits_ = nullptr;          // [T, E]
  std::vector<GemmInput> gathered_;  // [num_threads] of [kMaxGemmRows, hidden]
  GemmInput activated_;              // [T * k, expert_size], by pair
};

}  // namespace dyn
