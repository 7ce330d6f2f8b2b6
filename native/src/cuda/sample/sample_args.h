// Arguments of the sampling kernel, as both it and its launcher see them.

#pragma once

#include <cstdint>

#include "dynamo_engine.h"

namespace dyn::cuda {

struct Candidate {
  float logit;
  float weight;  // e^((logit - max) / temperature)
  int32_t id;
};

struct SampleArgs {
  const float* logits;       // [R, vocab]
  const dyn_row* rows;       // [R]
  const int32_t* positions;  // [T]
  const float* drops;        // [R] By min-p: logits this far below the largest are passed over.
  const uint32_t* num_rows;
  const int32_t* penalty_token_ids;
  const int32_t* penalty_counts;
  const int32_t* banned_token_ids;
  const int32_t* bias_token_ids;
  const float* biases;
  const uint32_t* masks;  // [R, mask_words]
  int32_t* sampled_ids;   // [R] These five: out, as in dyn_batch.
  float* logprobs;        // [R]
  int32_t* ranks;         // [R]
  int32_t* top_ids;       // [R, DYN_MAX_LOGPROBS]
  float* top_logprobs;    // [R, DYN_MAX_LOGPROBS]
  float* changed;         // [blocks, vocab] scratch
  Candidate* candidates;  // [blocks, vocab] scratch
  uint32_t vocab_size;
  uint32_t mask_words;
};

}  // namespace dyn::cuda
