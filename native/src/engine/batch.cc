#include "engine/batch.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "base/checked.h"

namespace dyn {

static_assert(std::has_unique_object_representations_v<dyn_batch>);
static_assert(sizeof(dyn_row) == 96, "no padding");

namespace {

constexpr float kHuge = 1e30f;

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
  const int32_t end = batch.query_start_loc[seq + 1];
  const int32_t seq_len = batch.seq_lens[seq];
  if (seq_len < end - first || static_cast<uint32_t>(seq_len) > limits.max_model_len) {
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
  for (int32_t token = first; token < end; ++token) {
    if (!is_below(batch.token_ids[token], limits.vocab_size)) {
      return wrong("token_ids", static_cast<uint32_t>(token), batch.token_ids[token],
                   "the vocabulary has no such");
    }
  }
  return {};
}

// The tokens of a step are the last of their sequence, in order.
void derive(uint32_t seq, const StepLimits& limits, StepInput* input) {
  const dyn_batch& batch = input->batch;
  const int32_t first = batch.query_start_loc[seq];
  const int32_t end = batch.query_start_loc[seq + 1];
  const int32_t* table = batch.block_tables + size_t{seq} * limits.max_blocks;
  const auto block_size = static_cast<int32_t>(limits.block_size);
  for (int32_t token = first; token < end; ++token) {
    const int32_t position = batch.seq_lens[seq] - end + token;
    input->positions[token] = position;
    input->slots[token] = table[position / block_size] * block_size + position % block_size;
  }
}

bool is_between(float value, float low, float high) {
  return value >= low && value <= high;  // False for NaN.
}

Status check_sampling(const dyn_row& row, uint32_t index) {
  const auto wrong_float = [index](const char* field, float value, const char* rule) {
    return wrong(field, index, std::to_string(value), rule);
  };
  if (!is_between(row.temperature, 0, kHuge)) {
    return wrong_float("temperature", row.temperature, "it must be 0 or more");
  }
  if (!is_between(row.top_p, 0, 1)) {
    return wrong_float("top_p", row.top_p, "it must be within 0 and 1");
  }
  if (!is_between(row.min_p, 0, 1)) {
    return wrong_float("min_p", row.min_p, "it must be within 0 and 1");
  }
  if (row.top_k < 0) return wrong("top_k", index, row.top_k, "it must be 0 or more");
  if (!is_between(row.presence_penalty, -kHuge, kHuge)) {
    return wrong_float("presence_penalty", row.presence_penalty, "it must be finite");
  }
  if (!is_between(row.frequency_penalty, -kHuge, kHuge)) {
    return wrong_float("frequency_penalty", row.frequency_penalty, "it must be finite");
  }
  if (!is_between(row.repetition_penalty, 1 / kHuge, kHuge)) {
    return wrong_float("repetition_penalty", row.repetition_penalty, "it must be positive");
  }
  return {};
}

// A row's list: ids[start, start + count) of an array of `size`.
struct List {
  const char* name;  // Its count's name.
  const char* ids_name;
  const int32_t* ids;
  uint64_t size;
  uint32_t start;
  uint32_t count;
  uint32_t max_count;
};

Status check_list(const List& list, uint32_t row, uint32_t vocab_size) {
  if (list.count > list.max_count || uint64_t{list.start} + list.count > list.size) {
    return wrong(list.name, row, std::to_string(list.count),
                 "so many are not allowed, or not there from the start that is given");
  }
  for (uint32_t i = list.start; i < list.start + list.count; ++i) {
    if (!is_below(list.ids[i], vocab_size)) {
      return wrong(list.ids_name, i, list.ids[i], "the vocabulary has no such");
    }
  }
  return {};
}

Status check_biases(const dyn_batch& batch, const dyn_row& row) {
  for (uint32_t i = row.bias_start; i < row.bias_start + row.num_biases; ++i) {
    const float bias = batch.biases[i];
    if (is_between(bias, -kHuge, kHuge) || bias == -std::numeric_limits<float>::infinity())
      continue;
    return wrong("biases", i, std::to_string(bias), "it must be finite or minus infinity");
  }
  return {};
}

// Checks all that is asked of a row beside its sample.
Status check_output(const dyn_row& row, uint32_t index, const StepLimits& limits) {
  if (row.mask > limits.max_size.num_rows) {
    return wrong("mask", index, std::to_string(row.mask), "there are no more masks than rows");
  }
  if (row.num_logprobs > DYN_MAX_LOGPROBS) {
    return wrong("num_logprobs", index, std::to_string(row.num_logprobs), "it is too many");
  }
  if (row.kind > DYN_ROW_POOL) {
    return wrong("kind", index, std::to_string(row.kind), "there is no such kind of row");
  }
  if (row.kind == DYN_ROW_SCORE && !is_below(row.target, limits.vocab_size)) {
    return wrong("target", index, row.target, "the vocabulary has no such");
  }
  return {};
}

Status check_row(const StepInput& input, uint32_t index, const StepLimits& limits) {
  const dyn_batch& batch = input.batch;
  const dyn_row& row = batch.rows[index];
  if (!is_below(row.token, input.size.num_tokens)) {
    return wrong("token", index, row.token, "the step has no such");
  }
  RETURN_IF_ERROR(check_sampling(row, index));
  const uint64_t max_rows = limits.max_size.num_rows;
  RETURN_IF_ERROR(check_list({.name = "num_penalties",
                              .ids_name = "penalty_token_ids",
                              .ids = batch.penalty_token_ids,
                              .size = max_rows * limits.max_penalties(),
                              .start = row.penalty_start,
                              .count = row.num_penalties,
                              .max_count = limits.max_penalties()},
                             index, limits.vocab_size));
  RETURN_IF_ERROR(check_list({.name = "num_banned",
                              .ids_name = "banned_token_ids",
                              .ids = batch.banned_token_ids,
                              .size = max_rows * DYN_MAX_BANNED_TOKENS,
                              .start = row.banned_start,
                              .count = row.num_banned,
                              .max_count = DYN_MAX_BANNED_TOKENS},
                             index, limits.vocab_size));
  RETURN_IF_ERROR(check_list({.name = "num_biases",
                              .ids_name = "bias_token_ids",
                              .ids = batch.bias_token_ids,
                              .size = max_rows * DYN_MAX_BIASES,
                              .start = row.bias_start,
                              .count = row.num_biases,
                              .max_count = DYN_MAX_BIASES},
                             index, limits.vocab_size));
  RETURN_IF_ERROR(check_biases(batch, row));
  RETURN_IF_ERROR(check_output(row, index, limits));
  for (const uint32_t word : row.reserved) {
    if (word != 0) return wrong("reserved", index, std::to_string(word), "it must be 0");
  }
  return {};
}

}  // namespace

void place_batch(const StepLimits& limits, Arena* arena, StepInput* input) {
  const uint64_t seqs = limits.max_size.num_seqs;
  const uint64_t tokens = limits.max_size.num_tokens;
  const uint64_t rows = limits.max_size.num_rows;
  const uint64_t penalties = rows * limits.max_penalties();
  dyn_batch& batch = input->batch;
  arena->place(tokens, &batch.token_ids);
  arena->place(seqs + 1, &batch.query_start_loc);
  arena->place(seqs, &batch.seq_lens);
  arena->place(seqs * limits.max_blocks, &batch.block_tables);
  arena->place(rows, &batch.rows);
  arena->place(penalties, &batch.penalty_token_ids);
  arena->place(penalties, &batch.penalty_counts);
  arena->place(rows * DYN_MAX_BANNED_TOKENS, &batch.banned_token_ids);
  arena->place(rows * DYN_MAX_BIASES, &batch.bias_token_ids);
  arena->place(rows * DYN_MAX_BIASES, &batch.biases);
  arena->place(rows * limits.mask_words(), &batch.masks);
  arena->place(rows, &batch.sampled_ids);
  arena->place(rows, &batch.logprobs);
  arena->place(rows, &batch.ranks);
  arena->place(rows * DYN_MAX_LOGPROBS, &batch.top_ids);
  arena->place(rows * DYN_MAX_LOGPROBS, &batch.top_logprobs);
  arena->place(rows * limits.hidden_size, &batch.hidden_states);
  arena->place(tokens, &input->positions);
  arena->place(tokens, &input->slots);
}

Status check_batch(const StepLimits& limits, StepInput* input) {
  const dyn_batch& batch = input->batch;
  const StepSize& size = input->size;
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
    derive(seq, limits, input);
  }
  for (uint32_t row = 0; row < size.num_rows; ++row) {
    RETURN_IF_ERROR(check_row(*input, row, limits));
  }
  return {};
}

}  // namespace dyn
