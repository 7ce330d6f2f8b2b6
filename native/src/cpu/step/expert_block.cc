#include "cpu/step/expert_block.h"

#include <algorithm>

#include "base/checked.h"
#include "cpu/step/panel_product.h"
#include "cpu/step/projection.h"

namespace dyn {
namespace {

// Items for each thread, so that those who are done early find more.
constexpr uint32_t kItemsPerThread = 8;

// Neighbouring panels: one of `count` equal parts of a matrix.
struct PanelRange {
  uint32_t first;
  uint32_t end;
};

PanelRange part_of(uint32_t num_panels, uint32_t index, uint32_t count) {
  const auto edge = [&](uint32_t i) {
    return static_cast<uint32_t>(uint64_t{num_panels} * i / count);
  };
  return {.first = edge(index), .end = edge(index + 1)};
}

}  // namespace

ExpertBlock::ExpertBlock(const dyn_model_config& config, const Weights& weights,
                         const GemmKernels& kernels, ThreadPool* pool)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      pool_(pool),
      plan_({.num_experts = config.num_experts,
             .num_per_token = config.num_experts_per_token,
             .norm_top_k = config.norm_top_k == 1}),
      gathered_(pool->num_threads(), GemmInput(kernels)),
      activated_(kernels) {}

void ExpertBlock::place(uint64_t max_tokens, Arena* arena) {
  InputForms into;
  InputForms between;
  for (const LayerWeights& layer : weights_.layers()) {
    for (const ExpertWeights& expert : layer.experts) {
      into.add(kernels_.form(expert.gate.format()));
      into.add(kernels_.form(expert.up.format()));
      between.add(kernels_.form(expert.down.format()));
    }
  }
  if (config_.num_experts == 0) return;
  plan_.place(max_tokens, arena);
  arena->place(max_tokens * config_.num_experts, &logits_);
  for (GemmInput& rows : gathered_) rows.place(into, kMaxGemmRows, config_.hidden_size, arena);
  activated_.place(between, max_tokens * config_.num_experts_per_token, config_.expert_size, arena);
}

void ExpertBlock::run(const LayerWeights& layer, const GemmInput& normed, uint32_t num_tokens,
                      float* x) {
  project(pool_, normed, num_tokens, {{&layer.router, logits_}});
  pool_->parallel_for(num_tokens, [&](uint32_t token, uint32_t) {
    float* logits = logits_ + size_t{token} * config_.num_experts;
    for (size_t i = 0; i < layer.router_bias.size(); ++i) logits[i] += layer.router_bias[i];
    plan_.choose(token, logits);
  });
  plan_.make(num_tokens);
  gate_and_up(layer, normed);
  down(layer, x);
}

void ExpertBlock::gate_and_up(const LayerWeights& layer, const GemmInput& normed) {
  const std::span<const ExpertPlan::Block> blocks = plan_.blocks();
  const auto num_blocks = static_cast<uint32_t>(blocks.size());
  if (num_blocks == 0) return;
  const uint32_t num_panels = layer.experts[0].gate.num_panels();
  const uint32_t num_parts =
      std::min(num_panels, ceil_div(kItemsPerThread * pool_->num_threads(), num_blocks));
  pool_->parallel_for(num_blocks * num_parts, [&](uint32_t index, uint32_t thread) {
    const ExpertPlan::Block& block = blocks[index / num_parts];
    const InputRows rows = rows_of(block, normed, thread);
    const PanelRange range = part_of(num_panels, index % num_parts, num_parts);
    for (uint32_t panel = range.first; panel < range.end; ++panel) {
      activate(layer.experts[block.expert], block, rows, panel);
    }
  });
}

// The block's rows in place, if no token of another expert lies between them; else a copy of them.
InputRows ExpertBlock::rows_of(const ExpertPlan::Block& block, const GemmInput& normed,
                               uint32_t thread) {
  const std::span<const uint32_t> tokens = plan_.tokens(block);
  if (tokens.back() - tokens.front() + 1 == tokens.size()) return normed.rows(tokens.front());
  GemmInput& gathered = gathered_[thread];
  for (size_t row = 0; row < tokens.size(); ++row) gathered.copy_row(row, normed, tokens[row]);
  return gathered.rows(0);
}

void ExpertBlock::activate(const ExpertWeights& expert, const ExpertPlan::Block& block,
                           const InputRows& rows, uint32_t panel) {
  float gates[kPanelOutputs];
  float ups[kPanelOutputs];
  multiply_panel(kernels_, expert.gate, panel, rows, block.num_rows, gates, kPanelWidth);
  multiply_panel(kernels_, expert.up, panel, rows, block.num_rows, ups, kPanelWidth);
  const uint32_t columns = panel_columns(expert.gate, panel);
  for (uint32_t m = 0; m < block.num_rows; ++m) {
    float* row = gates + size_t{m} * kPanelWidth;
    float* up = ups + size_t{m} * kPanelWidth;
    add_bias(expert.gate_bias, panel, columns, row);
    add_bias(expert.up_bias, panel, columns, up);
    apply_gate(kernels_, static_cast<dyn_activation>(config_.activation), row, up, columns);
    activated_.store(size_t{block.first_pair} + m, size_t{panel} * kPanelWidth, columns, row);
  }
}

void ExpertBlock::down(const LayerWeights& layer, float* x) {
  const uint32_t num_panels = layer.experts[0].down.num_panels();
  const uint32_t num_parts = std::min(num_panels, kItemsPerThread * pool_->num_threads());
  pool_->parallel_for(num_parts, [&](uint32_t index, uint32_t) {
    const PanelRange range = part_of(num_panels, index, num_parts);
    for (const ExpertPlan::Block& block : plan_.blocks()) {
      for (uint32_t panel = range.first; panel < range.end; ++panel) {
        add_down(layer.experts[block.expert], block, panel, x);
      }
    }
  });
}

void ExpertBlock::add_down(const ExpertWeights& expert, const ExpertPlan::Block& block,
                           uint32_t panel, float* x) const {
  const PackedMatrix& weights = expert.down;
  float y[kPanelOutputs];
  multiply_panel(kernels_, weights, panel, activated_.rows(block.first_pair), block.num_rows, y,
                 kPanelWidth);
  const uint32_t columns = panel_columns(weights, panel);
  const std::span<const uint32_t> tokens = plan_.tokens(block);
  const std::span<const float> counts = plan_.weights(block);
  for (uint32_t m = 0; m < block.num_rows; ++m) {
    float* row = x + size_t{tokens[m]} * config_.hidden_size + size_t{panel} * kPanelWidth;
    float* added = y + size_t{m} * kPanelWidth;
    add_bias(expert.down_bias, panel, columns, added);
    for (uint32_t n = 0; n < columns; ++n) row[n] += counts[m] * added[n];
  }
}

}  // namespace dyn
