// Arguments of the kernels of attention, as both they and their planner see them.

#pragma once

#include <cstdint>

namespace dyn::cuda {

inline constexpr uint32_t kTileRows = 16;  // Rows of a tile: tokens times query heads.

// Neighbouring tokens of one sequence times neighbouring query heads of one KV head: at most 16
// rows. It is computed for each KV head.
struct AttentionTile {
  uint32_t seq;
  uint32_t first_token;  // In the step.
  uint32_t num_tokens;
  uint32_t first_head;  // Among those of the KV head.
  uint32_t num_heads;
  uint32_t first_span;
  uint32_t num_spans;
  uint32_t first_part;  // The first of its spans' parts; kWhole where it is not split.
};
inline constexpr uint32_t kWhole = 0xffffffffu;

// A tile, whole; or one of its spans.
struct AttentionItem {
  uint32_t tile;
  uint32_t span;  // kWhole where the tile is not split.
};

struct AttentionArgs {
  const AttentionTile* tiles;
  const AttentionItem* items;
  const uint32_t* splits;     // Tiles whose parts are to be merged.
  const uint32_t* num_items;  // On the GPU, as the next.
  const uint32_t* num_splits;
  const uint16_t* q;            // [T, num_heads, D] BF16
  const uint16_t* blocks;       // The layer's, see kv_layer.h
  const int32_t* block_tables;  // [S, max_blocks]
  const int32_t* positions;     // [T]
  uint16_t* out;                // [T, stride] BF16
  float* totals;                // [T, num_heads, D] Sums so far, of a tile of several spans.
  float* parts;                 // [parts, num_kv_heads, 16, D + 4] Sums, the maximum, the sum of p.
  float scale;                  // 1 / sqrt(head_size)
  uint32_t num_heads;
  uint32_t num_kv_heads;
  uint32_t head_size;
  uint32_t block_size;
  uint32_t max_blocks;
  uint32_t stride;
  uint32_t sliding_window;  // 0: none
};

}  // namespace dyn::cuda
