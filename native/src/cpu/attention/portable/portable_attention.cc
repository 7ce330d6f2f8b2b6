// Attention for any CPU: four lanes, all in F32.
//
// Bound: 4 * context_len * head_size FLOP a row.

#include <algorithm>

#include "base/exp.h"
#include "cpu/attention/attend.h"
#include "cpu/lanes.h"
#include "cpu/rowwise/rowwise.h"
#include "pack/dtype.h"

namespace dyn {
namespace {

float* f32(uint32_t* words) {
  return reinterpret_cast<float*>(words);
}

const float* f32(const uint32_t* words) {
  return reinterpret_cast<const float*>(words);
}

// The pool's elements as F32, in the order of an F32 strip. `count` positions of V are read, the
// others become zero.
template <typename Element, typename ToF32>
void convert_pairs(const std::byte* strip, size_t part_bytes, size_t size, uint32_t count,
                   const ToF32& to_f32, float* k /* [D, 16] */, float* v /* [16, D] */) {
  const auto* k_from = reinterpret_cast<const Element*>(strip);
  const auto* v_from = reinterpret_cast<const Element*>(strip + part_bytes);
  for (size_t d = 0; d < size; ++d) {
    for (size_t lane = 0; lane < kStrip; ++lane) {
      k[d * kStrip + lane] = to_f32(k_from[(d / 2 * kStrip + lane) * 2 + d % 2]);
    }
  }
  for (size_t lane = 0; lane < kStrip; ++lane) {
    for (size_t d = 0; d < size; ++d) {
      v[lane * size + d] =
          lane < count ? to_f32(v_from[(lane / 2 * size + d) * 2 + lane % 2]) : 0.0f;
    }
  }
}

// For a pool of F32, BF16 and int8 alike.
struct Kernel {
  static float exp(float x) { return exp_f32(x); }

  static void load_q(const KvLayer& layer, const AttentionItem& item,
                     const AttentionScratch& scratch) {
    const size_t size = layer.head_size;
    for (uint32_t row = 0; row < item.num_rows(); ++row) {
      const float* from =
          item.q + row / item.group_size * item.q_stride + row % item.group_size * size;
      float* to = f32(scratch.q) + size_t{row} * layer.padded_head_size;
      for (size_t d = 0; d < layer.padded_head_size; ++d) to[d] = d < size ? from[d] : 0.0f;
    }
  }

  static void convert(const KvLayer& layer, const TileRows&, const AttentionScratch& scratch,
                      KvTile* tile) {
    const size_t size = layer.padded_head_size;
    for (uint32_t s = 0; s < tile->num_strips; ++s) {
      const std::byte* strip = tile->strips[s];
      const uint32_t count = std::min(kStrip, tile->end - tile->begin - s * kStrip);
      uint32_t* k = scratch.k_strips + s * kStrip * size;
      uint32_t* v = scratch.v_strips + s * kStrip * size;
      tile->k[s] = k;
      tile->v[s] = v;
      if (layer.dtype == DYN_KV_BF16) {
        convert_pairs<uint16_t>(strip, layer.part_bytes, size, count, f32_of_bf16, f32(k), f32(v));
      } else if (layer.dtype == DYN_KV_INT8) {
        const auto f32_of_int8 = [](int8_t value) { return static_cast<float>(value); };
        convert_pairs<int8_t>(strip, layer.part_bytes, size, count, f32_of_int8, f32(k), f32(v));
      } else {
        tile->k[s] = reinterpret_cast<const uint32_t*>(strip);
        const float* v_from = reinterpret_cast<const float*>(strip + layer.part_bytes);
        if (count == kStrip) {
          tile->v[s] = reinterpret_cast<const uint32_t*>(v_from);
        } else {
          std::copy_n(v_from, count * size, f32(v));
          std::fill_n(f32(v) + count * size, (kStrip - count) * size, 0.0f);
        }
      }
    }
  }

  static void score(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                    const AttentionScratch& scratch) {
    const size_t size = layer.padded_head_size;
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      for (uint32_t s = 0; s < tile.num_strips; ++s) {
        float* scores = scratch.scores + row * kAttentionTile + s * kStrip;
        std::fill_n(scores, kStrip, 0.0f);
        add_products_16(f32(tile.k[s]), kStrip, f32(scratch.q) + row * size, size, scores);
      }
    }
  }

  // The scales of the tile's Ks (part 0) or Vs (part 1); 1 where the pool has none.
  static float scale_at(const KvLayer& layer, const KvTile& tile, uint32_t j, uint32_t part) {
    if (layer.dtype != DYN_KV_INT8) return 1.0f;
    const auto* scales =
        reinterpret_cast<const float*>(tile.strips[j / kStrip] + 2 * layer.part_bytes);
    return scales[part * kStrip + j % kStrip];
  }

  static void weigh(const KvLayer& layer, const AttentionItem& item, const KvTile& tile,
                    const TileRows& rows, const AttentionScratch& scratch, SoftmaxState* state) {
    const size_t size = layer.padded_head_size;
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      // Scores outside [from, to) count for nothing.
      const uint32_t begin = std::max(item.row_begin(row), tile.begin);
      const uint32_t from = begin - tile.begin;
      const uint32_t to = std::min(item.row_end(row), tile.end) - tile.begin;
      float* scores = scratch.scores + row * kAttentionTile;
      float* weights = f32(scratch.weights) + row * kAttentionTile;
      float max = state->max[row];
      for (uint32_t j = from; j < to; ++j) scores[j] *= item.scale * scale_at(layer, tile, j, 0);
      if (item.softcap > 0) soft_cap(scores + from, to - from, item.softcap, scores + from);
      for (uint32_t j = from; j < to; ++j) max = scores[j] > max ? scores[j] : max;
      std::fill_n(weights, kAttentionTile, 0.0f);
      float sum = 0.0f;
      for (uint32_t j = from; j < to; ++j) weights[j] = exp_f32(scores[j] - max);
      for (uint32_t j = from; j < to; ++j) sum += weights[j];
      const float correction = exp_f32(state->max[row] - max);
      state->sum[row] = state->sum[row] * correction + sum;
      state->max[row] = max;
      float* sums = scratch.sums + row * size;
      for (size_t d = 0; d < size; ++d) sums[d] *= correction;
      if (layer.dtype != DYN_KV_INT8) continue;
      for (uint32_t j = from; j < to; ++j) weights[j] *= scale_at(layer, tile, j, 1);
    }
  }

  static void add_values(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                         const AttentionScratch& scratch) {
    const size_t size = layer.padded_head_size;
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      for (uint32_t s = 0; s < tile.num_strips; ++s) {
        const float* weights = f32(scratch.weights) + row * kAttentionTile + s * kStrip;
        for (size_t d = 0; d < size; d += 16) {
          add_products_16(f32(tile.v[s]) + d, size, weights, kStrip, scratch.sums + row * size + d);
        }
      }
    }
  }

  static void scale_add(float* y, float a, const float* x, float b, size_t count) {
    for (size_t i = 0; i < count; ++i) y[i] = y[i] * a + x[i] * b;
  }

  // + 0: a sum that vanished is 0 and never -0, whatever it was added to.
  static void finish(const float* from, float sum, size_t count, float* to) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i] / sum + 0.0f;
  }
};

}  // namespace

const AttentionKernels kPortableAttention = {.attend = attend_item<Kernel>,
                                             .attend_span = attend_item_span<Kernel>,
                                             .merge_spans = merge_item_spans<Kernel>};

}  // namespace dyn
