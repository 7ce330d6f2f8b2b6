// Arguments of the row-wise kernels, as both they and their launchers see them. One block is one row.

#pragma once

#include <cstdint>

namespace dyn::cuda {

struct EmbedArgs {
  const uint32_t* panels;  // [num_panels, num_pairs, 32] pairs of BF16
  const int32_t* token_ids;
  float* x;  // [T, hidden]
  const uint32_t* num_tokens;
  uint32_t num_pairs;
  uint32_t hidden_size;
};

struct NormArgs {
  const float* x;         // [T, hidden]
  const float* weight;    // [hidden]
  uint16_t* y;            // [M, stride] BF16, zero behind the row
  const int32_t* tokens;  // [M] Whose row of x; null: row m is token m's.
  const uint32_t* num_rows;
  uint32_t* progress;  // Memory of the host: raised once a launch.
  float eps;
  uint32_t hidden_size;
  uint32_t stride;
};

struct HeadsArgs {
  const float* q;       // [T, num_heads, head_size]
  const float* k;       // [T, num_kv_heads, head_size]
  const float* v;       // Likewise.
  const float* q_bias;  // These five: null where the model has none.
  const float* k_bias;
  const float* v_bias;
  const float* q_norm;  // [head_size]
  const float* k_norm;
  const float* angles;  // [positions, head_size / 2, 2] cosines and sines
  const int32_t* positions;
  const int32_t* slots;
  const uint32_t* num_tokens;
  uint16_t* q_to;    // [T, num_heads, D] BF16, zero behind head_size
  uint16_t* blocks;  // The layer's, see kv_layer.h
  float eps;
  uint32_t num_heads;
  uint32_t num_kv_heads;
  uint32_t head_size;
  uint32_t padded_head_size;  // D
  uint32_t block_size;
  uint32_t is_interleaved;
};

struct SwigluArgs {
  const float* gate;  // [T, size]
  const float* up;    // [T, size]
  uint16_t* y;        // [T, stride] BF16, zero behind the row
  const uint32_t* num_tokens;
  uint32_t size;
  uint32_t stride;
};

}  // namespace dyn::cuda
