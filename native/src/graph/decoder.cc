#include "graph/decoder.h"

#include "cpu/phases/phases.h"
#include "graph/projection.h"
#include "graph/rope.h"

namespace dyn {

Decoder::Decoder(const dyn_model_config& config, const Weights& weights, const KvLayers& kv,
                 const GemmKernels& kernels, ThreadPool* pool)
    : config_(config),
      weights_(weights),
      kv_(kv),
      pool_(pool),
      q_size_(config.num_heads * config.head_size),
      kv_size_(config.num_kv_heads * config.head_size),
      rope_frequencies_(rope_frequencies(config)),
      normed_input_(kernels),
      attended_input_(kernels),
      activated_(kernels) {}

Status Decoder::reserve(const StepSize& limits, uint32_t max_blocks) {
  max_blocks_ = max_blocks;
  place(limits);
  RETURN_IF_ERROR(arena_.map("the workspace"));
  place(limits);
  return {};
}

void Decoder::place(const StepSize& limits) {
  const uint64_t num_tokens = limits.num_tokens;
  const uint64_t num_pairs = config_.head_size / 2;
  arena_.place(num_tokens, &seq_of_token_);
  arena_.place(num_tokens * num_pairs, &cosines_);
  arena_.place(num_tokens * num_pairs, &sines_);
  arena_.place(num_tokens * config_.hidden_size, &x_);
  arena_.place(num_tokens * config_.hidden_size, &normed_);
  arena_.place(num_tokens * q_size_, &q_);
  arena_.place(num_tokens * kv_size_, &k_);
  arena_.place(num_tokens * kv_size_, &v_);
  arena_.place(num_tokens * q_size_, &attended_);
  const Weights::Forms forms = weights_.input_forms(normed_input_.kernels());
  normed_input_.place(forms.normed, num_tokens, config_.hidden_size, &arena_);
  attended_input_.place(forms.attended, num_tokens, q_size_, &arena_);
  activated_.place(forms.activated, num_tokens, config_.intermediate_size, &arena_);
  arena_.place(uint64_t{limits.num_rows} * config_.vocab_size, &logits_);
}

void Decoder::forward(const dyn_batch& batch, const StepSize& size) {
  embed(batch, size);
  for (size_t layer = 0; layer < weights_.layers().size(); ++layer) {
    attention_block(batch, size.num_tokens, layer);
    mlp_block(size.num_tokens, weights_.layers()[layer]);
  }
  head(batch, size.num_rows);
}

void Decoder::embed(const dyn_batch& batch, const StepSize& size) {
  for (uint32_t seq = 0; seq < size.num_seqs; ++seq) {
    std::fill(seq_of_token_ + batch.query_start_loc[seq],
              seq_of_token_ + batch.query_start_loc[seq + 1], static_cast<int32_t>(seq));
  }
  const uint32_t num_pairs = config_.head_size / 2;
  pool_->parallel_for(size.num_tokens, [&](uint32_t token, uint32_t) {
    weights_.embedding().read_row(static_cast<uint32_t>(batch.token_ids[token]),
                                  x_ + size_t{token} * config_.hidden_size);
    rope_angles(static_cast<uint32_t>(batch.positions[token]), rope_frequencies_.data(), num_pairs,
                cosines_ + size_t{token} * num_pairs, sines_ + size_t{token} * num_pairs);
  });
}

void Decoder::attention_block(const dyn_batch& batch, uint32_t num_tokens, size_t layer) {
  const LayerWeights& weights = weights_.layers()[layer];
  const KvLayer kv = kv_.at(layer);
  norm_rows(weights.attention_norm, num_tokens);
  project(pool_, normed_input_, num_tokens, {{&weights.q, q_}, {&weights.k, k_}, {&weights.v, v_}});
  rotate_and_store(batch, num_tokens, kv);
  attend_tokens(batch, num_tokens, kv);
  pool_->parallel_for(num_tokens, [&](uint32_t token, uint32_t) {
    attended_input_.store(token, 0, q_size_, attended_ + size_t{token} * q_size_);
  });
  project_and_add(pool_, attended_input_, num_tokens, {&weights.o, x_});
}

void Decoder::mlp_block(uint32_t num_tokens, const LayerWeights& weights) {
  norm_rows(weights.mlp_norm, num_tokens);
  project_swiglu(pool_, normed_input_, num_tokens, weights.gate, weights.up, &activated_);
  project_and_add(pool_, activated_, num_tokens, {&weights.down, x_});
}

void Decoder::head(const dyn_batch& batch, uint32_t num_rows) {
  pool_->parallel_for(num_rows, [&](uint32_t row, uint32_t) {
    norm_row(static_cast<size_t>(batch.logits_rows[row]), weights_.final_norm(), row);
  });
  project(pool_, normed_input_, num_rows, {{&weights_.head(), logits_}});
}

void Decoder::norm_rows(const std::vector<float>& weight, uint32_t num_rows) {
  pool_->parallel_for(num_rows, [&](uint32_t row, uint32_t) { norm_row(row, weight, row); });
}

// The residual stream of a token, normed, as row `to_row` of the next product's input.
void Decoder::norm_row(size_t token, const std::vector<float>& weight, size_t to_row) {
  const size_t hidden = config_.hidden_size;
  float* normed = normed_ + to_row * hidden;
  rms_norm(x_ + token * hidden, weight.data(), config_.hidden_size,
           static_cast<float>(config_.rms_norm_eps), normed);
  normed_input_.store(to_row, 0, hidden, normed);
}

void Decoder::rotate_and_store(const dyn_batch& batch, uint32_t num_tokens, const KvLayer& layer) {
  const size_t num_pairs = config_.head_size / 2;
  pool_->parallel_for(num_tokens, [&](uint32_t token, uint32_t) {
    const float* cosines = cosines_ + token * num_pairs;
    const float* sines = sines_ + token * num_pairs;
    float* k = k_ + size_t{token} * kv_size_;
    apply_rope(cosines, sines, config_.num_heads, config_.head_size, q_ + size_t{token} * q_size_);
    apply_rope(cosines, sines, config_.num_kv_heads, config_.head_size, k);
    write_kv(layer, static_cast<uint32_t>(batch.slot_mapping[token]), k,
             v_ + size_t{token} * kv_size_);
  });
}

void Decoder::attend_tokens(const dyn_batch& batch, uint32_t num_tokens, const KvLayer& layer) {
  const uint32_t group_size = config_.num_heads / config_.num_kv_heads;
  pool_->parallel_for(num_tokens * config_.num_kv_heads, [&](uint32_t index, uint32_t) {
    const uint32_t token = index / config_.num_kv_heads;
    const uint32_t kv_head = index % config_.num_kv_heads;
    const size_t at = size_t{token} * q_size_ + size_t{kv_head} * group_size * config_.head_size;
    attend(layer, {.q = q_ + at,
                   .out = attended_ + at,
                   .group_size = group_size,
                   .kv_head = kv_head,
                   .block_table =
                       batch.block_tables + static_cast<size_t>(seq_of_token_[token]) * max_blocks_,
                   .context_len = static_cast<uint32_t>(batch.positions[token]) + 1});
  });
}

}  // namespace dyn
