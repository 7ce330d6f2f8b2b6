#include "cpu/step/decoder.h"

#include <algorithm>

#include "base/checked.h"
#include "cpu/rowwise/rowwise.h"
#include "cpu/step/projection.h"

namespace dyn {
namespace {

// The forms in which `kernels` read the rows that go into some of the matrices.
struct Forms {
  InputForms normed;     // Into q, k, v, gate, up and the head.
  InputForms attended;   // Into o.
  InputForms activated;  // Into down.
};

Forms input_forms(const Weights& weights, const GemmKernels& kernels) {
  Forms forms;
  for (const LayerWeights& layer : weights.layers()) {
    for (const PackedMatrix* matrix : {&layer.q, &layer.k, &layer.v, &layer.gate, &layer.up}) {
      forms.normed.add(kernels.form(matrix->format()));
    }
    forms.attended.add(kernels.form(layer.o.format()));
    forms.activated.add(kernels.form(layer.down.format()));
  }
  forms.normed.add(kernels.form(weights.head().format()));
  return forms;
}

AttentionPlan::Shape plan_shape(const dyn_model_config& config, LayerKind kind,
                                uint32_t num_threads) {
  return {.num_heads = config.num_heads,
          .num_kv_heads = config.num_kv_heads,
          .head_size = config.head_size,
          .sliding_window = window_of(config, kind),
          .scale = attention_scale_of(config),
          .softcap = static_cast<float>(config.attention_softcap),
          .num_threads = num_threads};
}

constexpr uint32_t kCapPiece = 4096;  // Logits that a thread caps at a time.

}  // namespace

Decoder::Decoder(const dyn_model_config& config, const Weights& weights, const KvLayers& kv,
                 const AttentionKernels& attention, const GemmKernels& gemm,
                 const RowwiseKernels& rowwise, ThreadPool* pool)
    : config_(config),
      weights_(weights),
      kv_(kv),
      attention_(attention),
      rowwise_(rowwise),
      pool_(pool),
      q_size_(config.num_heads * config.head_size),
      kv_size_(config.num_kv_heads * config.head_size),
      scratches_(pool->num_threads()),
      normed_input_(gemm),
      attended_input_(gemm),
      activated_(gemm) {
  for (uint32_t kind = 0; kind < num_layer_kinds(config); ++kind) {
    const auto shape = plan_shape(config, static_cast<LayerKind>(kind), pool->num_threads());
    attentions_.push_back({.plan = AttentionPlan(shape)});
  }
}

void Decoder::place_attention(const StepSize& limits, uint32_t max_blocks, Arena* arena) {
  max_blocks_ = max_blocks;
  for (Attention& attention : attentions_) {
    attention.plan.place(limits.num_tokens, max_blocks_ * kv_.first.block_size,
                         kv_.first.padded_head_size, arena);
  }
  for (AttentionScratch& scratch : scratches_) scratch.place(kv_.first, arena);
}

void Decoder::place_activations(const StepSize& limits, Arena* arena) {
  const uint64_t num_tokens = limits.num_tokens;
  const uint64_t num_pairs = config_.head_size / 2;
  for (Attention& attention : attentions_) {
    arena->place(num_tokens * num_pairs, &attention.cosines);
    arena->place(num_tokens * num_pairs, &attention.sines);
  }
  arena->place(num_tokens * config_.hidden_size, &x_);
  arena->place(num_tokens * config_.hidden_size, &normed_);
  arena->place(num_tokens * q_size_, &q_);
  arena->place(num_tokens * kv_size_, &k_);
  arena->place(num_tokens * kv_size_, &v_);
  arena->place(num_tokens * q_size_, &attended_);
  const Forms forms = input_forms(weights_, normed_input_.kernels());
  normed_input_.place(forms.normed, num_tokens, config_.hidden_size, arena);
  attended_input_.place(forms.attended, num_tokens, q_size_, arena);
  activated_.place(forms.activated, num_tokens, config_.intermediate_size, arena);
}

void Decoder::place_logits(const StepSize& limits, Arena* arena) {
  arena->place(uint64_t{limits.num_rows} * config_.vocab_size, &logits_);
}

void Decoder::forward(const StepInput& step) {
  for (Attention& attention : attentions_) attention.plan.make(step);
  embed(step);
  for (size_t layer = 0; layer < weights_.layers().size(); ++layer) {
    attention_block(step, layer);
    mlp_block(step.size.num_tokens, weights_.layers()[layer]);
  }
  head(step);
}

void Decoder::embed(const StepInput& step) {
  const size_t num_pairs = config_.head_size / 2;
  const auto scale = static_cast<float>(config_.embedding_scale);
  pool_->parallel_for(step.size.num_tokens, [&](uint32_t token, uint32_t) {
    float* x = x_ + size_t{token} * config_.hidden_size;
    weights_.embedding().read_row(static_cast<uint32_t>(step.batch.token_ids[token]), x);
    if (scale != 0) {
      for (size_t i = 0; i < config_.hidden_size; ++i) x[i] *= scale;
    }
    const auto position = static_cast<uint32_t>(step.positions[token]);
    for (size_t kind = 0; kind < attentions_.size(); ++kind) {
      const Attention& attention = attentions_[kind];
      rope_angles(position, weights_.rope_frequencies(static_cast<LayerKind>(kind)),
                  rope_magnitude_of(config_, static_cast<LayerKind>(kind)),
                  attention.cosines + token * num_pairs, attention.sines + token * num_pairs);
    }
  });
}

void Decoder::attention_block(const StepInput& step, size_t layer) {
  const uint32_t num_tokens = step.size.num_tokens;
  const LayerWeights& weights = weights_.layers()[layer];
  norm_rows(weights.attention_norm, num_tokens);
  project(pool_, normed_input_, num_tokens, {{&weights.q, q_}, {&weights.k, k_}, {&weights.v, v_}});
  prepare_and_store(step, layer);
  attend(step, layer);
  pool_->parallel_for(num_tokens, [&](uint32_t token, uint32_t) {
    attended_input_.store(token, 0, q_size_, attended_ + size_t{token} * q_size_);
  });
  add_block(attended_input_, num_tokens, weights.o, weights.post_attention_norm);
}

void Decoder::mlp_block(uint32_t num_tokens, const LayerWeights& weights) {
  norm_rows(weights.mlp_norm, num_tokens);
  const auto activation = static_cast<dyn_activation>(config_.activation);
  project_gated(pool_, normed_input_, num_tokens, {weights.gate, weights.up, activation},
                &activated_);
  add_block(activated_, num_tokens, weights.down, weights.post_mlp_norm);
}

// x += norm(input matrix^T); `norm` is empty where there is none.
void Decoder::add_block(const GemmInput& input, uint32_t num_tokens, const PackedMatrix& matrix,
                        std::span<const float> norm) {
  if (norm.empty()) return project_and_add(pool_, input, num_tokens, {&matrix, x_});
  const size_t hidden = config_.hidden_size;
  project(pool_, input, num_tokens, {{&matrix, normed_}});
  pool_->parallel_for(num_tokens, [&](uint32_t token, uint32_t) {
    float* block = normed_ + token * hidden;
    float* x = x_ + token * hidden;
    rowwise_.rms_norm(block, norm.data(), config_.hidden_size,
                      static_cast<float>(config_.rms_norm_eps), block);
    for (size_t i = 0; i < hidden; ++i) x[i] += block[i];
  });
}

void Decoder::head(const StepInput& step) {
  const uint32_t num_rows = step.size.num_rows;
  pool_->parallel_for(num_rows, [&](uint32_t row, uint32_t) {
    norm_row(static_cast<size_t>(step.batch.rows[row].token), weights_.final_norm(), row);
  });
  project(pool_, normed_input_, num_rows, {{&weights_.head(), logits_}});
  if (config_.logit_softcap > 0) cap_logits(num_rows);
}

void Decoder::cap_logits(uint32_t num_rows) {
  const auto cap = static_cast<float>(config_.logit_softcap);
  const uint32_t num_pieces = ceil_div(config_.vocab_size, kCapPiece);
  pool_->parallel_for(num_rows * num_pieces, [&](uint32_t index, uint32_t) {
    const std::span<float> row = logits(index / num_pieces);
    const size_t first = size_t{index % num_pieces} * kCapPiece;
    float* piece = row.data() + first;
    rowwise_.soft_cap(piece, std::min<size_t>(kCapPiece, row.size() - first), cap, piece);
  });
}

void Decoder::norm_rows(std::span<const float> weight, uint32_t num_rows) {
  pool_->parallel_for(num_rows, [&](uint32_t row, uint32_t) { norm_row(row, weight, row); });
}

// The residual stream of a token as row `to_row` of the next product's input; normed, unless `weight`
// is empty.
void Decoder::norm_row(size_t token, std::span<const float> weight, size_t to_row) {
  const size_t hidden = config_.hidden_size;
  if (weight.empty()) return normed_input_.store(to_row, 0, hidden, x_ + token * hidden);
  float* normed = normed_ + to_row * hidden;
  rowwise_.rms_norm(x_ + token * hidden, weight.data(), config_.hidden_size,
                    static_cast<float>(config_.rms_norm_eps), normed);
  normed_input_.store(to_row, 0, hidden, normed);
}

// Norms q or k of a token as a whole, if its norm is of whole rows.
void Decoder::norm_whole(std::span<const float> weight, float* row) {
  if (config_.qk_norm != DYN_QK_NORM_ROWS) return;
  rowwise_.rms_norm(row, weight.data(), static_cast<uint32_t>(weight.size()),
                    static_cast<float>(config_.rms_norm_eps), row);
}

void Decoder::prepare_and_store(const StepInput& step, size_t layer) {
  const LayerWeights& weights = weights_.layers()[layer];
  const Attention& attention = attention_of(layer);
  const KvLayer kv = kv_.at(layer);
  const size_t num_pairs = config_.head_size / 2;
  const auto steps = [this](std::span<const float> norm) {
    return HeadSteps{.norm = config_.qk_norm == DYN_QK_NORM_HEADS ? norm.data() : nullptr,
                     .eps = static_cast<float>(config_.rms_norm_eps),
                     .is_interleaved = config_.rope_layout == DYN_ROPE_INTERLEAVED};
  };
  const auto bias = [](std::span<const float> vector) {
    return vector.empty() ? nullptr : vector.data();
  };
  const HeadSteps q_steps = steps(weights.q_norm);
  const HeadSteps k_steps = steps(weights.k_norm);
  pool_->parallel_for(step.size.num_tokens, [&](uint32_t token, uint32_t) {
    const float* cosines = attention.cosines + token * num_pairs;
    const float* sines = attention.sines + token * num_pairs;
    float* q = q_ + size_t{token} * q_size_;
    float* k = k_ + size_t{token} * kv_size_;
    float* v = v_ + size_t{token} * kv_size_;
    norm_whole(weights.q_norm, q);
    norm_whole(weights.k_norm, k);
    rowwise_.prepare_heads(q_steps, bias(weights.q_bias), cosines, sines, config_.num_heads,
                           config_.head_size, q);
    rowwise_.prepare_heads(k_steps, bias(weights.k_bias), cosines, sines, config_.num_kv_heads,
                           config_.head_size, k);
    for (size_t i = 0; i < weights.v_bias.size(); ++i) v[i] += weights.v_bias[i];
    write_kv(kv, static_cast<uint32_t>(step.slots[token]), k, v);
  });
}

void Decoder::attend(const StepInput& step, size_t layer) {
  const AttentionPlan& plan = attention_of(layer).plan;
  const KvLayer kv = kv_.at(layer);
  const std::span<const AttentionPlan::Item> items = plan.items();
  const auto num_items = static_cast<uint32_t>(items.size());
  // All tiles of one KV head, then those of the next: neighbours find their K and V in the cache.
  pool_->parallel_for(num_items * config_.num_kv_heads, [&](uint32_t index, uint32_t thread) {
    const AttentionPlan::Item& item = items[index % num_items];
    const AttentionPlan::Tile& tile = plan.tile(item.tile);
    const AttentionItem whole =
        plan.item(step, max_blocks_, tile, index / num_items, q_, attended_);
    if (item.span == AttentionPlan::kWhole) {
      attention_.attend(kv, whole, scratches_[thread]);
    } else {
      attention_.attend_span(
          kv, whole, item.span, scratches_[thread],
          plan.parts(tile, whole) + (item.span - whole.first_span()) * plan.span_stride(whole));
    }
  });
  const std::span<const uint32_t> splits = plan.splits();
  const auto num_splits = static_cast<uint32_t>(splits.size());
  pool_->parallel_for(num_splits * config_.num_kv_heads, [&](uint32_t index, uint32_t thread) {
    const AttentionPlan::Tile& tile = plan.tile(splits[index % num_splits]);
    const AttentionItem whole =
        plan.item(step, max_blocks_, tile, index / num_splits, q_, attended_);
    attention_.merge_spans(kv, whole, plan.parts(tile, whole), scratches_[thread]);
  });
}

}  // namespace dyn
