// Decoder: enqueues one forward pass over a ragged batch, from token ids to logits.
//
//     embed -> { norm, QKV | biases, norms, RoPE, write K V | attend | O + residual |
//                norm, gate up | SwiGLU | down + residual } * layers -> final norm, head
//
// Each name is one kernel. The residual stream and the sums are F32, what products read is BF16.

#pragma once

#include "cuda/attention/attention.h"
#include "cuda/device_weights.h"
#include "cuda/driver/device_arena.h"
#include "cuda/kv_layer.h"
#include "cuda/step/rope_table.h"
#include "cuda/step/staging.h"

namespace dyn::cuda {

// The pool's blocks on the GPU.
struct DeviceBlocks {
  uint16_t* first_layer;
  size_t layer_elements;
  KvPlace place;
};

class Decoder {
 public:
  // Its arguments must outlive it. `progress` is pinned: the GPU raises it with each norm.
  Decoder(const dyn_model_config& config, const DeviceWeights& weights, const Kernels& kernels)
      : config_(config), weights_(weights), kernels_(kernels) {}

  void place(const StepLimits& limits, uint32_t max_parts, DeviceArena* arena);

  // Zeroes what kernels read and never write.
  Status clear(const Stream& stream) const;

  // Computes the logits of the step that was sent.
  Status forward(const Staging& step, const DeviceBlocks& blocks, const RopeTable& rope,
                 uint32_t* progress, const Stream& stream) const;

  const float* logits() const { return logits_; }  // [R, vocab]

 private:
  struct Pass;

  Status embed(const Pass& pass) const;
  Status attention_block(const Pass& pass, size_t layer) const;
  Status mlp_block(const Pass& pass, const DeviceLayer& layer) const;
  Status head(const Pass& pass) const;
  Status norm(const Pass& pass, const float* weight, const RowCount& rows,
              const int32_t* tokens) const;
  Status prepare_heads(const Pass& pass, const DeviceLayer& layer, uint16_t* blocks) const;
  Status attend(const Pass& pass, uint16_t* blocks) const;

  const dyn_model_config& config_;
  const DeviceWeights& weights_;
  const Kernels& kernels_;
  uint64_t attended_bytes_ = 0;

  float* x_ = nullptr;           // [T, hidden], the residual stream
  Activations normed_;           // [max(T, R), hidden]
  float* q_ = nullptr;           // [T, num_heads, head_size]
  float* k_ = nullptr;           // [T, num_kv_heads, head_size]
  float* v_ = nullptr;           // [T, num_kv_heads, head_size]
  uint16_t* q_heads_ = nullptr;  // [T, num_heads, D]
  float* totals_ = nullptr;      // [T, num_heads, D]
  float* parts_ = nullptr;       // [parts, num_kv_heads, 16, D + 4]
  Activations attended_;         // [T, num_heads * head_size]
  float* gate_ = nullptr;        // [T, intermediate]
  float* up_ = nullptr;          // [T, intermediate]
  Activations activated_;        // [T, intermediate]
  float* logits_ = nullptr;      // [R, vocab]
};

}  // namespace dyn::cuda
