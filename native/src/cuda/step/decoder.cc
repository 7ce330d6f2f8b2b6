#include "cuda/step/decoder.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "cuda/rowwise/rowwise_args.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kRowThreads = 256;
constexpr uint32_t kSwigluOutputs = 1024;  // Outputs of a block.
constexpr uint32_t kRowUnit = 32;          // Inputs of a product are whole chunks of so many.

void place_rows(uint64_t num_rows, uint32_t size, Activations* rows, DeviceArena* arena) {
  rows->stride = round_up(size, kRowUnit);
  arena->place(num_rows * rows->stride, &rows->rows);
}

}  // namespace

// Arguments that the kernels of one step share.
struct Decoder::Pass {
  const Staging& step;
  const DeviceBlocks& blocks;
  const RopeTable& rope;
  uint32_t* progress;
  const Stream& stream;

  RowCount tokens() const { return {step.extent().num_tokens, &step.counts()->num_tokens}; }
  RowCount rows() const { return {step.extent().num_rows, &step.counts()->num_rows}; }
};

void Decoder::place(const StepLimits& limits, uint32_t max_parts, DeviceArena* arena) {
  const uint64_t num_tokens = limits.max_size.num_tokens;
  const uint64_t num_rows = limits.max_size.num_rows;
  const uint32_t q_size = config_.num_heads * config_.head_size;
  const uint64_t kv_size = uint64_t{config_.num_kv_heads} * config_.head_size;
  const uint64_t padded = padded_head_size(config_.head_size);
  const uint64_t padded_size = padded * config_.num_heads;
  arena->place(num_tokens * config_.hidden_size, &x_);
  place_rows(std::max(num_tokens, num_rows), config_.hidden_size, &normed_, arena);
  arena->place(num_tokens * q_size, &q_);
  arena->place(num_tokens * kv_size, &k_);
  arena->place(num_tokens * kv_size, &v_);
  arena->place(num_tokens * padded_size, &q_heads_);
  arena->place(num_tokens * padded_size, &totals_);
  arena->place(uint64_t{max_parts} * config_.num_kv_heads * kTileRows * (padded + 4), &parts_);
  place_rows(num_tokens, q_size, &attended_, arena);
  attended_bytes_ = num_tokens * attended_.stride * sizeof(uint16_t);
  arena->place(num_tokens * config_.intermediate_size, &gate_);
  arena->place(num_tokens * config_.intermediate_size, &up_);
  place_rows(num_tokens, config_.intermediate_size, &activated_, arena);
  arena->place(num_rows * config_.vocab_size, &logits_);
}

Status Decoder::clear(const Stream& stream) const {
  return stream.zero(device_pointer(attended_.rows), attended_bytes_);
}

Status Decoder::forward(const Staging& step, const DeviceBlocks& blocks, const RopeTable& rope,
                        uint32_t* progress, const Stream& stream) const {
  const Pass pass = {step, blocks, rope, progress, stream};
  RETURN_IF_ERROR(embed(pass));
  for (size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    RETURN_IF_ERROR(attention_block(pass, layer));
    RETURN_IF_ERROR(mlp_block(pass, weights_.layers[layer]));
  }
  return head(pass);
}

Status Decoder::embed(const Pass& pass) const {
  const EmbedArgs args = {.panels = weights_.embedding.panels,
                          .token_ids = pass.step.token_ids(),
                          .x = x_,
                          .num_tokens = pass.tokens().on_device,
                          .num_pairs = weights_.embedding.num_pairs(),
                          .hidden_size = config_.hidden_size};
  const Grid grid = {.x = pass.tokens().at_most, .y = 1, .threads = kRowThreads};
  return kernels_.launch(pass.stream, Kernel::kEmbed, grid, args);
}

Status Decoder::attention_block(const Pass& pass, size_t index) const {
  const DeviceLayer& layer = weights_.layers[index];
  uint16_t* blocks = pass.blocks.first_layer + index * pass.blocks.layer_elements;
  RETURN_IF_ERROR(norm(pass, layer.attention_norm, pass.tokens(), nullptr));
  RETURN_IF_ERROR(project(kernels_, pass.stream, normed_, pass.tokens(),
                          {{&layer.q, q_}, {&layer.k, k_}, {&layer.v, v_}}));
  RETURN_IF_ERROR(prepare_heads(pass, layer, blocks));
  RETURN_IF_ERROR(attend(pass, blocks));
  return project(kernels_, pass.stream, attended_, pass.tokens(), {{&layer.o, x_}}, true);
}

Status Decoder::mlp_block(const Pass& pass, const DeviceLayer& layer) const {
  RETURN_IF_ERROR(norm(pass, layer.mlp_norm, pass.tokens(), nullptr));
  RETURN_IF_ERROR(project(kernels_, pass.stream, normed_, pass.tokens(),
                          {{&layer.gate, gate_}, {&layer.up, up_}}));
  const SwigluArgs args = {.gate = gate_,
                           .up = up_,
                           .y = activated_.rows,
                           .num_tokens = pass.tokens().on_device,
                           .size = config_.intermediate_size,
                           .stride = activated_.stride};
  const Grid grid = {.x = pass.tokens().at_most,
                     .y = ceil_div(activated_.stride, kSwigluOutputs),
                     .threads = kRowThreads};
  RETURN_IF_ERROR(kernels_.launch(pass.stream, Kernel::kSwiglu, grid, args));
  return project(kernels_, pass.stream, activated_, pass.tokens(), {{&layer.down, x_}}, true);
}

Status Decoder::head(const Pass& pass) const {
  RETURN_IF_ERROR(norm(pass, weights_.final_norm, pass.rows(), pass.step.row_tokens()));
  return project(kernels_, pass.stream, normed_, pass.rows(), {{&weights_.head, logits_}});
}

Status Decoder::norm(const Pass& pass, const float* weight, const RowCount& rows,
                     const int32_t* tokens) const {
  const NormArgs args = {.x = x_,
                         .weight = weight,
                         .y = normed_.rows,
                         .tokens = tokens,
                         .num_rows = rows.on_device,
                         .progress = pass.progress,
                         .eps = static_cast<float>(config_.rms_norm_eps),
                         .hidden_size = config_.hidden_size,
                         .stride = normed_.stride};
  const Grid grid = {.x = rows.at_most, .y = 1, .threads = kRowThreads};
  return kernels_.launch(pass.stream, Kernel::kRmsNorm, grid, args);
}

Status Decoder::prepare_heads(const Pass& pass, const DeviceLayer& layer, uint16_t* blocks) const {
  const HeadsArgs args = {.q = q_,
                          .k = k_,
                          .v = v_,
                          .q_bias = layer.q_bias,
                          .k_bias = layer.k_bias,
                          .v_bias = layer.v_bias,
                          .q_norm = layer.q_norm,
                          .k_norm = layer.k_norm,
                          .angles = pass.rope.angles(),
                          .positions = pass.step.positions(),
                          .slots = pass.step.slots(),
                          .num_tokens = pass.tokens().on_device,
                          .q_to = q_heads_,
                          .blocks = blocks,
                          .eps = static_cast<float>(config_.rms_norm_eps),
                          .num_heads = config_.num_heads,
                          .num_kv_heads = config_.num_kv_heads,
                          .head_size = config_.head_size,
                          .padded_head_size = pass.blocks.place.padded_head_size,
                          .block_size = pass.blocks.place.block_size,
                          .is_interleaved = config_.rope_layout == DYN_ROPE_INTERLEAVED ? 1u : 0u};
  const Grid grid = {
      .x = pass.tokens().at_most, .y = config_.num_heads + 2 * config_.num_kv_heads, .threads = 32};
  return kernels_.launch(pass.stream, Kernel::kHeads, grid, args);
}

Status Decoder::attend(const Pass& pass, uint16_t* blocks) const {
  const StepExtent& extent = pass.step.extent();
  const AttentionArgs args = {
      .tiles = pass.step.tiles(),
      .items = pass.step.items(),
      .splits = pass.step.splits(),
      .num_items = &pass.step.counts()->num_items,
      .num_splits = &pass.step.counts()->num_splits,
      .q = q_heads_,
      .blocks = blocks,
      .block_tables = pass.step.block_tables(),
      .positions = pass.step.positions(),
      .out = attended_.rows,
      .totals = totals_,
      .parts = parts_,
      .scale = config_.attention_scale != 0
                   ? static_cast<float>(config_.attention_scale)
                   : 1.0f / std::sqrt(static_cast<float>(config_.head_size)),
      .num_heads = config_.num_heads,
      .num_kv_heads = config_.num_kv_heads,
      .head_size = config_.head_size,
      .block_size = pass.blocks.place.block_size,
      .max_blocks = extent.table_stride,
      .stride = attended_.stride,
      .sliding_window = config_.sliding_window};
  return cuda::attend(kernels_, pass.stream, extent.num_items, extent.num_splits, args);
}

}  // namespace dyn::cuda
