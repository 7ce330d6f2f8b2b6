#include "engine/batch.h"

#include <cmath>
#include <string>

#include "base/checked.h"

namespace dyn {
namespace {

// Compares as the caller's int32 is meant: nothing negative is below any limit.
bool is_below(int32_t value, uint32_t limit) {
  return value >= 0 && static_cast<uint32_t>(value) < limit;
}

// "positions[3] is 9, ...": where, what, and the rule.
Status wrong(const char* array, uint32_t index, const std::string& value, const char* rule) {
  return invalid_argument(std::string(array) + "[" + std::to_string(index) + "] is " + value +
                          ", " + rule);
}

Status wrong(const char* array, uint32_t index, int32_t value, const char* rule) {
  return wrong(array, index, std::to_string(value), rule);
}

Status check_size(const StepSize& size, const StepSize& max) {
  if (size.num_seqs < 1 || size.num_seqs > max.num_seqs || size.num_tokens > max.num_tokens ||
      size.num_rows > max.num_rows) {
    return invalid_argument(
        "a step of " + std::to_string(size.num_seqs) + " sequences, " +
        std::to_string(size.num_tokens) + " tokens and " + std::to_string(size.num_rows) +
        " rows does not fit: at most " + std::to_string(max.num_seqs) + " sequences, " +
        std::to_string(max.num_tokens) + " tokens and " + std::to_string(max.num_rows) + " rows");
  }
  return {};
}

// start[0..count] begins with 0, rises by at least `min_length`, and ends with `end` where given.
Status check_starts(const char* array, const int32_t* start, uint32_t count, int32_t min_length,
                    uint32_t max_length) {
  if (start[0] != 0) return wrong(array, 0, start[0], "it must be 0");
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t length = int64_t{start[i + 1]} - start[i];
    if (length < min_length || length > max_length) {
      return wrong(array, i + 1, start[i + 1], "it is too near to or too far from the one before");
    }
  }
  return {};
}

Status check_sequence(const dyn_batch& batch, uint32_t seq, const StepLimits& limits) {
  const int32_t first = batch.query_start_loc[seq];
  const int32_t num_queries = batch.query_start_loc[seq + 1] - first;
  const int32_t seq_len = batch.seq_lens[seq];
  if (seq_len < num_queries || static_cast<uint32_t>(seq_len) > limits.max_model_len) {
    return wrong("seq_lens", seq, seq_len,
                 "it must be within the tokens of this step and max_model_len");
  }
  const int32_t* table = batch.block_tables + size_t{seq} * limits.max_blocks;
  const uint32_t num_blocks = ceil_div(static_cast<uint32_t>(seq_len), limits.block_size);
  for (uint32_t i = 0; i < num_blocks; ++i) {
    if (!is_below(table[i], limits.num_blocks)) {
      return wrong("block_tables", seq * limits.max_blocks + i, table[i], "the pool has no such");
    }
  }
  const int32_t block_size = static_cast<int32_t>(limits.block_size);
  for (int32_t i = 0; i < num_queries; ++i) {
    const auto token = static_cast<uint32_t>(first + i);
    const int32_t position = seq_len - num_queries + i;
    if (!is_below(batch.token_ids[token], limits.vocab_size)) {
      return wrong("token_ids", token, batch.token_ids[token], "the vocabulary has no such");
    }
    if (batch.positions[token] != position) {
      return wrong("positions", token, batch.positions[token],
                   "the tokens of a step are the last of their sequence, in order");
    }
    if (batch.slot_mapping[token] !=
        table[position / block_size] * block_size + position % block_size) {
      return wrong("slot_mapping", token, batch.slot_mapping[token],
                   "the block table has the position elsewhere");
    }
  }
  return {};
}

bool is_between(float value, float low, float high) {
  return value >= low && value <= high;  // False for NaN.
}

Status check_sampling(const dyn_batch& batch, uint32_t row, uint32_t num_tokens) {
  const auto wrong_float = [row](const char* array, float value, const char* rule) {
    return wrong(array, row, std::to_string(value), rule);
  };
  if (!is_below(batch.logits_rows[row], num_tokens)) {
    return wrong("logits_rows", row, batch.logits_rows[row], "the step has no such token");
  }
  constexpr float kHuge = 1e30f;
  if (!is_between(batch.temperature[row], 0, kHuge)) {
    return wrong_float("temperature", batch.temperature[row], "it must be 0 or more");
  }
  if (!is_between(batch.top_p[row], 0, 1)) {
    return wrong_float("top_p", batch.top_p[row], "it must be within 0 and 1");
  }
  if (!is_between(batch.min_p[row], 0, 1)) {
    return wrong_float("min_p", batch.min_p[row], "it must be within 0 and 1");
  }
  if (batch.top_k[row] < 0) return wrong("top_k", row, batch.top_k[row], "it must be 0 or more");
  if (!is_between(batch.presence_penalty[row], -kHuge, kHuge)) {
    return wrong_float("presence_penalty", batch.presence_penalty[row], "it must be finite");
  }
  if (!is_between(batch.frequency_penalty[row], -kHuge, kHuge)) {
    return wrong_float("frequency_penalty", batch.frequency_penalty[row], "it must be finite");
  }
  if (!is_between(batch.repetition_penalty[row], 1 / kHuge, kHuge)) {
    return wrong_float("repetition_penalty", batch.repetition_penalty[row], "it must be positive");
  }
  return {};
}

Status check_ids(const char* array, const int32_t* ids, int32_t count, uint32_t vocab_size) {
  for (int32_t i = 0; i < count; ++i) {
    if (!is_below(ids[i], vocab_size)) {
      return wrong(array, static_cast<uint32_t>(i), ids[i], "the vocabulary has no such");
    }
  }
  return {};
}

Status check_rows(const dyn_batch& batch, const StepSize& size, const StepLimits& limits) {
  for (uint32_t row = 0; row < size.num_rows; ++row) {
    RETURN_IF_ERROR(check_sampling(batch, row, size.num_tokens));
  }
  RETURN_IF_ERROR(check_starts("penalty_start_loc", batch.penalty_start_loc, size.num_rows, 0,
                               limits.max_penalties()));
  RETURN_IF_ERROR(check_starts("banned_start_loc", batch.banned_start_loc, size.num_rows, 0,
                               DYN_MAX_BANNED_TOKENS));
  const int32_t num_penalties = batch.penalty_start_loc[size.num_rows];
  const int32_t num_banned = batch.banned_start_loc[size.num_rows];
  RETURN_IF_ERROR(
      check_ids("penalty_token_ids", batch.penalty_token_ids, num_penalties, limits.vocab_size));
  return check_ids("banned_token_ids", batch.banned_token_ids, num_banned, limits.vocab_size);
}

}  // namespace

void place_batch(const StepLimits& limits, Arena* arena, dyn_batch* batch) {
  const uint64_t seqs = limits.max_size.num_seqs;
  const uint64_t tokens = limits.max_size.num_tokens;
  const uint64_t rows = limits.max_size.num_rows;
  const uint64_t penalties = rows * limits.max_penalties();
  arena->place(tokens, &batch->token_ids);
  arena->place(tokens, &batch->positions);
  arena->place(tokens, &batch->slot_mapping);
  arena->place(seqs + 1, &batch->query_start_loc);
  arena->place(seqs, &batch->seq_lens);
  arena->place(seqs * limits.max_blocks, &batch->block_tables);
  arena->place(rows, &batch->logits_rows);
  arena->place(rows, &batch->temperature);
  arena->place(rows, &batch->top_p);
  arena->place(rows, &batch->min_p);
  arena->place(rows, &batch->top_k);
  arena->place(rows, &batch->seed);
  arena->place(rows, &batch->presence_penalty);
  arena->place(rows, &batch->frequency_penalty);
  arena->place(rows, &batch->repetition_penalty);
  arena->place(rows + 1, &batch->penalty_start_loc);
  arena->place(penalties, &batch->penalty_token_ids);
  arena->place(penalties, &batch->penalty_counts);
  arena->place(rows + 1, &batch->banned_start_loc);
  arena->place(rows * DYN_MAX_BANNED_TOKENS, &batch->banned_token_ids);
  arena->place(rows, &batch->sampled_ids);
  arena->place(rows, &batch->logprobs);
}

Status check_batch(const dyn_batch& batch, const StepSize& size, const StepLimits& limits) {
  RETURN_IF_ERROR(check_size(size, limits.max_size));
  RETURN_IF_ERROR(check_starts("query_start_loc", batch.query_start_loc, size.num_seqs, 1,
                               limits.max_model_len));
  const int32_t num_tokens = batch.query_start_loc[size.num_seqs];
  if (static_cast<uint32_t>(num_tokens) != size.num_tokens) {
    return wrong("query_start_loc", size.num_seqs, num_tokens,
                 "it must be the step's number of tokens");
  }
  for (uint32_t seq = 0; seq < size.num_seqs; ++seq) {
    RETURN_IF_ERROR(check_sequence(batch, seq, limits));
  }
  return check_rows(batch, size, limits);
}

}  // namespace dyn
