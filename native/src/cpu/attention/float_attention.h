// Attention in F32, for instruction sets that have no products of shorter types worth the rounding:
// a template of a vector of floats (cpu/floats.h). A pool of BF16 or int8 is widened, which loses
// nothing; int8's scales go to the scores and the weights.
//
// Blocks of up to 6 rows times 16 outputs fill the registers with sums. Few rows widen K and V as
// they multiply them, and take more outputs at a time, so that sums need not wait for each other;
// many widen a tile once, V into groups of 16 outputs that lie together. Every output is one sum in
// the order of its terms, so neither changes a bit.
//
// Bound: 4 * context_len * head_size FLOP a row in prefill, the bytes of K and V in decode. See
// native/bench/attention_bench.cc.

#pragma once

#include "cpu/attention/attend.h"
#include "cpu/attention/float_block.h"
#include "cpu/floats.h"

namespace dyn {

template <typename V, dyn_kv_dtype kDtype>
struct FloatAttention {
  using Vector = typename V::Vector;
  static constexpr bool kIsInt8 = kDtype == DYN_KV_INT8;
  static constexpr FactorType kType = kDtype == DYN_KV_F32    ? FactorType::kF32
                                      : kDtype == DYN_KV_BF16 ? FactorType::kBf16Pairs
                                                              : FactorType::kInt8Pairs;
  static constexpr size_t kElements = elements_of(kType);
  static constexpr size_t kWordBytes = word_bytes_of(kType);
  static constexpr size_t kTileVectors = kAttentionTile / V::kLanes;

  static float* floats(uint32_t* words) { return reinterpret_cast<float*>(words); }

  // True if K and V are widened as they are multiplied: where they are multiplied once.
  static bool is_widened_late(const TileRows& rows) {
    return rows.last - rows.first <= kMostRows<V>;
  }

  static float exp(float x) {
    float lanes[V::kLanes];
    V::store(lanes, exp_of<V>(V::broadcast(x)));
    return lanes[0];
  }

  static void load_q(const KvLayer& layer, const AttentionItem& item,
                     const AttentionScratch& scratch) {
    const size_t size = layer.head_size;
    for (uint32_t row = 0; row < item.num_rows(); ++row) {
      const float* from =
          item.q + row / item.group_size * item.q_stride + row % item.group_size * size;
      float* to = floats(scratch.q) + size_t{row} * layer.padded_head_size;
      for (size_t d = 0; d < size; ++d) to[d] = from[d];
      for (size_t d = size; d < layer.padded_head_size; ++d) to[d] = 0.0f;
    }
  }

  // `count` words, 16 at a time, as F32: the elements of a pair 16 floats apart.
  static void widen(const std::byte* from, size_t from_stride, size_t count, float* to) {
    for (size_t word = 0; word < count; ++word, from += from_stride, to += kElements * 16) {
      for (size_t i = 0; i < kElements; ++i) {
        for (size_t n = 0; n < 16; n += V::kLanes) {
          V::store(to + i * 16 + n, load_factors<V, kType>(from + n * kWordBytes, i));
        }
      }
    }
  }

  // Zeroes the Vs from position `count` on of a strip of the pool.
  static void clear_late(size_t size, uint32_t count, uint32_t* v) {
    size_t row = count / kElements;
    if (count % kElements != 0) {
      for (size_t d = 0; d < size; ++d) v[row * size + d] &= 0xffffu;
      ++row;
    }
    for (size_t i = row * size; i < kStrip / kElements * size; ++i) v[i] = 0;
  }

  static void convert(const KvLayer& layer, const TileRows& rows, const AttentionScratch& scratch,
                      KvTile* tile) {
    const size_t size = layer.padded_head_size;
    for (uint32_t s = 0; s < tile->num_strips; ++s) {
      const std::byte* k = tile->strips[s];
      const std::byte* v = k + layer.part_bytes;
      const uint32_t rest = tile->end - tile->begin - s * kStrip;
      float* k_to = floats(scratch.k_strips) + s * kStrip * size;
      float* v_to = floats(scratch.v_strips) + s * kStrip * size;
      tile->k[s] = reinterpret_cast<const uint32_t*>(k);
      tile->v[s] = reinterpret_cast<const uint32_t*>(v);
      if (is_widened_late(rows)) {
        if (kIsInt8 || rest >= kStrip) continue;  // Any integer times a weight of 0 is 0.
        uint32_t* copy = scratch.v_strips + s * kStrip * size;
        for (size_t i = 0; i < kStrip / kElements * size; ++i) copy[i] = tile->v[s][i];
        clear_late(size, rest, copy);
        tile->v[s] = copy;
        continue;
      }
      if constexpr (kType != FactorType::kF32) {
        widen(k, 16 * kWordBytes, size / kElements, k_to);
        tile->k[s] = reinterpret_cast<const uint32_t*>(k_to);
      }
      for (size_t d = 0; d < size; d += 16) {
        float* group = v_to + d * kStrip;
        widen(v + d * kWordBytes, size * kWordBytes, kStrip / kElements, group);
        for (size_t i = size_t{rest} * 16; i < kStrip * 16; ++i) group[i] = 0.0f;
      }
      tile->v[s] = reinterpret_cast<const uint32_t*>(v_to);
    }
  }

  static void score(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                    const AttentionScratch& scratch) {
    const size_t size = layer.padded_head_size;
    const uint32_t num_rows = rows.last - rows.first;
    float* scores = scratch.scores + rows.first * kAttentionTile;
    for (size_t i = 0; i < size_t{num_rows} * kAttentionTile; ++i) scores[i] = 0.0f;
    const bool is_late = is_widened_late(rows);
    const uint32_t step = is_late ? groups_of<V>(num_rows) : 1;
    FloatBlock block = {.a = floats(scratch.q) + rows.first * size,
                        .a_stride = size,
                        .b = {},
                        .num_segments = 1,
                        .num_words = is_late ? size / kElements : size,
                        .word_stride = 16 * (is_late ? kWordBytes : sizeof(float)),
                        .y = scores,
                        .y_stride = kAttentionTile};
    for (uint32_t first = 0; first < tile.num_strips; first += step) {
      const uint32_t count = tile.num_strips - first < step ? tile.num_strips - first : step;
      for (uint32_t g = 0; g < count; ++g) {
        block.b[0][g] = reinterpret_cast<const std::byte*>(tile.k[first + g]);
      }
      multiply(block, is_late, num_rows, count);
      block.y += count * kStrip;
    }
  }

  static void multiply(const FloatBlock& block, bool is_late, uint32_t num_rows,
                       uint32_t num_groups) {
    if (is_late) {
      multiply_groups<V, kType>(block, num_rows, num_groups);
    } else {
      multiply_rows<V>(block, num_rows);
    }
  }

  // The scales of the tile's Ks (part 0) or Vs (part 1) at strip s.
  static const float* scales(const KvLayer& layer, const KvTile& tile, uint32_t s, uint32_t part) {
    return reinterpret_cast<const float*>(tile.strips[s] + 2 * layer.part_bytes) + part * kStrip;
  }

  // x *= factor, of int8 also each by its scale.
  static void scale_row(const KvLayer& layer, const KvTile& tile, uint32_t part, float factor,
                        float* x) {
    const Vector factors = V::broadcast(factor);
    for (uint32_t s = 0; s < tile.num_strips; ++s, x += kStrip) {
      for (size_t n = 0; n < kStrip; n += V::kLanes) {
        Vector scale = factors;
        if constexpr (kIsInt8) {
          scale = V::mul(factors, V::load(scales(layer, tile, s, part) + n));
        }
        V::store(x + n, V::mul(V::load(x + n), scale));
      }
    }
  }

  static void cap_row(float cap, float* x) {
    for (size_t i = 0; i < kAttentionTile; i += V::kLanes) {
      V::store(x + i, soft_cap_of<V>(V::load(x + i), V::broadcast(cap)));
    }
  }

  // x[0, 64) becomes `rest` outside [from, to).
  static void set_outside(uint32_t from, uint32_t to, float rest, float* x) {
    for (uint32_t j = 0; j < from; ++j) x[j] = rest;
    for (uint32_t j = to; j < kAttentionTile; ++j) x[j] = rest;
  }

  static void weigh(const KvLayer& layer, const AttentionItem& item, const KvTile& tile,
                    const TileRows& rows, const AttentionScratch& scratch, SoftmaxState* state) {
    constexpr float kNothing = -std::numeric_limits<float>::infinity();
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      const uint32_t begin = item.row_begin(row);
      const uint32_t end = item.row_end(row);
      const uint32_t from = begin > tile.begin ? begin - tile.begin : 0;
      const uint32_t to = (end < tile.end ? end : tile.end) - tile.begin;
      float* scores = scratch.scores + row * kAttentionTile;
      float* weights = floats(scratch.weights) + row * kAttentionTile;
      scale_row(layer, tile, 0, item.scale, scores);
      if (item.softcap > 0) cap_row(item.softcap, scores);
      set_outside(from, to, kNothing, scores);

      Vector maxima = V::load(scores);
      for (size_t i = 1; i < kTileVectors; ++i) {
        maxima = V::max(maxima, V::load(scores + i * V::kLanes));
      }
      const float tile_max = V::max_of(maxima);
      const float old_max = state->max[row];
      const float max = old_max > tile_max ? old_max : tile_max;
      Vector sums[4];
      for (size_t i = 0; i < kTileVectors; ++i) {
        const Vector score = V::load(scores + i * V::kLanes);
        const Vector weight = exp_of<V>(V::sub(score, V::broadcast(max)));
        V::store(weights + i * V::kLanes, weight);
        sums[i % 4] = i < 4 ? weight : V::add(sums[i % 4], weight);
      }
      const float correction = exp(old_max - max);
      state->sum[row] = state->sum[row] * correction + V::sum_of(add_four<V>(sums));
      state->max[row] = max;
      if (correction != 1.0f) {
        rescale(scratch.sums + row * layer.padded_head_size, correction, layer.padded_head_size);
      }
      if constexpr (kIsInt8) {
        scale_row(layer, tile, 1, 1.0f, weights);
        set_outside(from, to, 0.0f, weights);
      }
    }
  }

  static void rescale(float* sums, float factor, size_t count) {
    const Vector factors = V::broadcast(factor);
    for (size_t d = 0; d < count; d += V::kLanes) {
      V::store(sums + d, V::mul(V::load(sums + d), factors));
    }
  }

  static void add_values(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                         const AttentionScratch& scratch) {
    const size_t size = layer.padded_head_size;
    const uint32_t num_rows = rows.last - rows.first;
    const bool is_late = is_widened_late(rows);
    const uint32_t step = is_late ? groups_of<V>(num_rows) : 1;
    const size_t group_bytes = is_late ? 16 * kWordBytes : 16 * kStrip * sizeof(float);
    FloatBlock block = {.a = floats(scratch.weights) + rows.first * kAttentionTile,
                        .a_stride = kAttentionTile,
                        .b = {},
                        .num_segments = tile.num_strips,
                        .num_words = is_late ? kStrip / kElements : kStrip,
                        .word_stride = is_late ? size * kWordBytes : 16 * sizeof(float),
                        .y = scratch.sums + rows.first * size,
                        .y_stride = size};
    const auto num_groups = static_cast<uint32_t>(size / 16);
    for (uint32_t first = 0; first < num_groups; first += step) {
      const uint32_t count = num_groups - first < step ? num_groups - first : step;
      for (uint32_t s = 0; s < tile.num_strips; ++s) {
        const auto* v = reinterpret_cast<const std::byte*>(tile.v[s]);
        for (uint32_t g = 0; g < count; ++g) block.b[s][g] = v + (first + g) * group_bytes;
      }
      multiply(block, is_late, num_rows, count);
      block.y += count * 16;
    }
  }

  static void scale_add(float* y, float a, const float* x, float b, size_t count) {
    for (size_t i = 0; i < count; i += V::kLanes) {
      const Vector scaled = V::mul(V::load(x + i), V::broadcast(b));
      V::store(y + i, V::multiply_add(V::load(y + i), V::broadcast(a), scaled));
    }
  }

  // + 0: a sum that vanished is 0 and never -0, whatever it was added to.
  static void finish(const float* from, float sum, size_t count, float* to) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i] / sum + 0.0f;
  }
};

// The kernel for the pool's type.
template <typename V>
void attend_floats(const KvLayer& layer, const AttentionItem& item,
                   const AttentionScratch& scratch) {
  switch (layer.dtype) {
    case DYN_KV_F32:
      return attend_item<FloatAttention<V, DYN_KV_F32>>(layer, item, scratch);
    case DYN_KV_BF16:
      return attend_item<FloatAttention<V, DYN_KV_BF16>>(layer, item, scratch);
    case DYN_KV_INT8:
      return attend_item<FloatAttention<V, DYN_KV_INT8>>(layer, item, scratch);
  }
}

template <typename V>
void attend_span_of_floats(const KvLayer& layer, const AttentionItem& item, uint32_t span,
                           const AttentionScratch& scratch, float* part) {
  switch (layer.dtype) {
    case DYN_KV_F32:
      return attend_item_span<FloatAttention<V, DYN_KV_F32>>(layer, item, span, scratch, part);
    case DYN_KV_BF16:
      return attend_item_span<FloatAttention<V, DYN_KV_BF16>>(layer, item, span, scratch, part);
    case DYN_KV_INT8:
      return attend_item_span<FloatAttention<V, DYN_KV_INT8>>(layer, item, span, scratch, part);
  }
}

template <typename V>
inline constexpr AttentionKernels kFloatAttention = {
    .attend = attend_floats<V>,
    .attend_span = attend_span_of_floats<V>,
    .merge_spans = merge_item_spans<FloatAttention<V, DYN_KV_F32>>};

}  // namespace dyn
