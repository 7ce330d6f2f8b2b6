// The loops that all kernels of attention share. A template of the kernel, so that each file that
// includes this compiles its own, for its own instructions. The kernel must be of an unnamed
// namespace: the linker must not mix them.
//
// A kernel provides, for rows [first, last) of a tile:
//
//     load_q(layer, item, scratch)
//     convert(layer, rows, scratch, tile)     K and V of the tile as the kernel multiplies them
//     score(layer, tile, rows, scratch)       scratch.scores = q K
//     weigh(layer, item, tile, rows, state, scratch)
//                                             scratch.weights = e^(score - max); rescales the sums
//     add_values(layer, tile, rows, scratch)  scratch.sums += weights V
//     scale_add(y, a, x, b, count)            y = y a + x b
//     finish(from, sum, count, to)            to = from / sum
//     exp(x)

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "cpu/attention/attention.h"

namespace dyn {

// Up to 64 positions from a multiple of 64 on.
struct KvTile {
  uint32_t begin;
  uint32_t end;                // Before the tile's 64th position where the context ends there.
  uint32_t num_strips;         // ceil((end - begin) / 16)
  const std::byte* strips[4];  // As the pool holds them; what lies behind `end` may be anything.
  const std::byte* next[4];    // Strips of the tile after this one, or nullptr: to be fetched.
  const uint32_t* k[4];        // As the kernel multiplies them; set for all four.
  const uint32_t* v[4];        // Zero behind `end`.
};

struct TileRows {
  uint32_t first;
  uint32_t last;
};

// State that the online softmax of each row carries from tile to tile.
struct SoftmaxState {
  float max[kMaxTileRows];
  float sum[kMaxTileRows];
};

// Finds the strips of positions [tile->begin, tile->end).
template <typename Kernel>
void find_strips(const KvLayer& layer, const AttentionItem& item, const AttentionScratch& scratch,
                 KvTile* tile) {
  tile->num_strips = (tile->end - tile->begin + kStrip - 1) / kStrip;
  for (uint32_t s = 0; s < tile->num_strips; ++s) {
    const uint32_t position = tile->begin + s * kStrip;
    if (layer.block_size % kStrip == 0) {
      const auto block = static_cast<uint32_t>(item.block_table[position / layer.block_size]);
      tile->strips[s] = layer.strip(block, item.kv_head, position % layer.block_size / kStrip);
      continue;
    }
    std::byte* copy = scratch.strips + s * layer.strip_bytes;
    for (uint32_t lane = 0; lane < kStrip && position + lane < tile->end; ++lane) {
      const uint32_t at = position + lane;
      const auto block = static_cast<uint32_t>(item.block_table[at / layer.block_size]);
      copy_position(layer, block * layer.block_size + at % layer.block_size, item.kv_head, lane,
                    copy);
    }
    tile->strips[s] = copy;
  }
}

// Finds the strips of the tile after this one, where there is one and blocks are of whole strips.
template <typename Kernel>
void find_next(const KvLayer& layer, const AttentionItem& item, KvTile* tile) {
  const uint32_t begin = tile->begin + kAttentionTile;
  if (layer.block_size % kStrip != 0 || begin >= item.context_len) return;
  for (uint32_t s = 0; s < kAttentionTile / kStrip; ++s) {
    const uint32_t position = begin + s * kStrip < item.context_len ? begin + s * kStrip : begin;
    const auto block = static_cast<uint32_t>(item.block_table[position / layer.block_size]);
    tile->next[s] = layer.strip(block, item.kv_head, position % layer.block_size / kStrip);
  }
}

// Rows that attend to any of the positions [begin, end): neighbours, since rows go by position.
template <typename Kernel>
TileRows rows_within(const AttentionItem& item, uint32_t begin, uint32_t end) {
  TileRows rows = {0, item.num_rows()};
  while (rows.first < rows.last && item.row_end(rows.first) <= begin) ++rows.first;
  while (rows.last > rows.first && item.row_begin(rows.last - 1) >= end) --rows.last;
  return rows;
}

// The sums of span `span` for the rows that have any, into scratch.sums and *state.
template <typename Kernel>
TileRows run_span(const KvLayer& layer, const AttentionItem& item, uint32_t span,
                  const AttentionScratch& scratch, SoftmaxState* state) {
  const uint32_t span_begin = span * kAttentionSpan;
  const uint32_t context_end = item.context_len;
  const uint32_t span_end =
      span_begin + kAttentionSpan < context_end ? span_begin + kAttentionSpan : context_end;
  const TileRows span_rows = rows_within<Kernel>(item, span_begin, span_end);
  const size_t stride = layer.padded_head_size;
  for (uint32_t row = span_rows.first; row < span_rows.last; ++row) {
    state->max[row] = -std::numeric_limits<float>::infinity();
    state->sum[row] = 0.0f;
    for (size_t d = 0; d < stride; ++d) scratch.sums[row * stride + d] = 0.0f;
  }
  for (uint32_t begin = span_begin; begin < span_end; begin += kAttentionTile) {
    KvTile tile = {};
    tile.begin = begin;
    tile.end = begin + kAttentionTile < span_end ? begin + kAttentionTile : span_end;
    const TileRows rows = rows_within<Kernel>(item, tile.begin, tile.end);
    if (rows.first == rows.last) continue;
    find_strips<Kernel>(layer, item, scratch, &tile);
    find_next<Kernel>(layer, item, &tile);
    Kernel::convert(layer, rows, scratch, &tile);
    Kernel::score(layer, tile, rows, scratch);
    Kernel::weigh(layer, item, tile, rows, scratch, state);
    Kernel::add_values(layer, tile, rows, scratch);
  }
  return span_rows;
}

// Joins a span's sums [D] of one row to those of the spans before.
template <typename Kernel>
void join_span(size_t size, const float* sums, float max, float sum, float* totals,
               float* total_max, float* total_sum) {
  const float new_max = *total_max > max ? *total_max : max;
  const float old_factor = Kernel::exp(*total_max - new_max);
  const float new_factor = Kernel::exp(max - new_max);
  Kernel::scale_add(totals, old_factor, sums, new_factor, size);
  *total_sum = *total_sum * old_factor + sum * new_factor;
  *total_max = new_max;
}

template <typename Kernel>
float* output_of(const AttentionItem& item, size_t head_size, uint32_t row) {
  return item.out + row / item.group_size * item.q_stride + row % item.group_size * head_size;
}

// A row's sum of weights, with that of its head's sink, which has no value to add.
template <typename Kernel>
float whole_sum(const AttentionItem& item, uint32_t row, float max, float sum) {
  if (item.sinks == nullptr) return sum;
  return sum + Kernel::exp(item.sinks[row % item.group_size] - max);
}

template <typename Kernel>
void attend_item(const KvLayer& layer, const AttentionItem& item, const AttentionScratch& scratch) {
  const size_t stride = layer.padded_head_size;
  const uint32_t first_span = item.first_span();
  const uint32_t num_spans = item.num_spans();
  SoftmaxState state;
  SoftmaxState total;
  Kernel::load_q(layer, item, scratch);
  for (uint32_t i = 0; i < num_spans; ++i) {
    const uint32_t span = first_span + i;
    const TileRows rows = run_span<Kernel>(layer, item, span, scratch, &state);
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      float* sums = scratch.sums + row * stride;
      float* totals = scratch.totals + row * stride;
      const bool is_first = span == item.row_begin(row) / kAttentionSpan;
      const bool is_last = span == (item.row_end(row) - 1) / kAttentionSpan;
      if (is_first) {
        total.max[row] = state.max[row];
        total.sum[row] = state.sum[row];
        if (!is_last) {
          for (size_t d = 0; d < stride; ++d) totals[d] = sums[d];
        }
      } else {
        join_span<Kernel>(stride, sums, state.max[row], state.sum[row], totals, &total.max[row],
                          &total.sum[row]);
      }
      if (is_last) {
        const float sum = whole_sum<Kernel>(item, row, total.max[row], total.sum[row]);
        Kernel::finish(is_first ? sums : totals, sum, layer.head_size,
                       output_of<Kernel>(item, layer.head_size, row));
      }
    }
  }
}

template <typename Kernel>
void attend_item_span(const KvLayer& layer, const AttentionItem& item, uint32_t span,
                      const AttentionScratch& scratch, float* part) {
  const size_t size = layer.padded_head_size;
  SoftmaxState state;
  Kernel::load_q(layer, item, scratch);
  const TileRows rows = run_span<Kernel>(layer, item, span, scratch, &state);
  for (uint32_t row = rows.first; row < rows.last; ++row) {
    float* to = part + row * part_stride(layer.padded_head_size);
    for (size_t d = 0; d < size; ++d) to[d] = scratch.sums[row * size + d];
    to[size] = state.max[row];
    to[size + 1] = state.sum[row];
  }
}

template <typename Kernel>
void merge_item_spans(const KvLayer& layer, const AttentionItem& item, const float* parts,
                      const AttentionScratch& scratch) {
  const size_t size = layer.padded_head_size;
  const size_t stride = part_stride(layer.padded_head_size);
  float* totals = scratch.totals;
  for (uint32_t row = 0; row < item.num_rows(); ++row) {
    const uint32_t first = item.row_begin(row) / kAttentionSpan - item.first_span();
    const uint32_t last = (item.row_end(row) - 1) / kAttentionSpan - item.first_span();
    const float* from = parts + (size_t{first} * item.num_rows() + row) * stride;
    for (size_t d = 0; d < size; ++d) totals[d] = from[d];
    float max = from[size];
    float sum = from[size + 1];
    for (uint32_t span = first + 1; span <= last; ++span) {
      from = parts + (size_t{span} * item.num_rows() + row) * stride;
      join_span<Kernel>(size, from, from[size], from[size + 1], totals, &max, &sum);
    }
    sum = whole_sum<Kernel>(item, row, max, sum);
    Kernel::finish(totals, sum, layer.head_size, output_of<Kernel>(item, layer.head_size, row));
  }
}

}  // namespace dyn
