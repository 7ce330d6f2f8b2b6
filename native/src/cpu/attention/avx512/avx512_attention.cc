// Attention with AVX-512. A pool of F32 is multiplied in F32, BF16 in pairs of BF16 with F32 sums.
// int8 is widened to pairs of int16 and meets queries and weights of 16 bits: the sums are exact
// integers, and what a query or a weight loses is far below what K and V have lost.
//
// K and V are read once for all rows of a query tile; blocks of 6 rows times 4 vectors of 16
// outputs fill 24 registers with sums, and a row's element is broadcast once for 4 products. With
// few rows memory is the limit: while Ks are multiplied, their Vs are brought nearer, and the next
// Ks with the Vs, which a page each of the CPU's own reading ahead does not manage.
//
// Bound: 4 * context_len * head_size FLOP a row in prefill, the bytes of K and V in decode. See
// native/bench/attention_bench.cc.

#include <immintrin.h>

#include "cpu/attention/attend.h"
#include "cpu/attention/avx512/avx512_block.h"
#include "cpu/avx512_exp.h"

namespace dyn {
namespace {

using avx512::kBlockRows;
using avx512::kBlockVectors;
using avx512::load_words;
using avx512::multiply_add;
using avx512::multiply_rows;
using avx512::word_at;
using avx512::Words;

constexpr uint32_t kTileStrips = kAttentionTile / kStrip;

void widen(const std::byte* from, size_t num_bytes, uint32_t* to) {
  for (size_t i = 0; i < num_bytes; i += 32) {
    _mm512_storeu_si512(to + i / 2,
                        load_words<Words::kInt8>(reinterpret_cast<const uint32_t*>(from + i)));
  }
}

// Zeroes the Vs of a strip from position `count` on.
template <bool kIsPairs>
void clear_tail(size_t size, uint32_t count, uint32_t* v) {
  const uint32_t words_per_row = kIsPairs ? 2 : 1;  // Positions in a row of words.
  size_t row = count / words_per_row;
  if (count % words_per_row != 0) {
    for (size_t d = 0; d < size; ++d) v[row * size + d] &= 0xffffu;
    ++row;
  }
  const size_t num_rows = kStrip / words_per_row;
  for (size_t i = row * size; i < num_rows * size; ++i) v[i] = 0;
}

template <dyn_kv_dtype kDtype>
struct Kernel {
  static constexpr bool kIsInt8 = kDtype == DYN_KV_INT8;
  static constexpr bool kIsBf16 = kDtype == DYN_KV_BF16;
  static constexpr size_t kWordElements = kDtype == DYN_KV_F32 ? 1 : 2;
  static constexpr Words kWide = kIsInt8 ? Words::kInt16 : kIsBf16 ? Words::kBf16 : Words::kF32;
  static constexpr float kMaxInt16 = 32767.0f;

  static size_t words_of(size_t elements) { return elements / kWordElements; }

  // int8 only: what the rows' queries and weights are multiplied with. They lie behind them, where
  // pairs leave room.
  static float* query_scales(const KvLayer& layer, const AttentionScratch& scratch) {
    return reinterpret_cast<float*>(scratch.q + kMaxTileRows * words_of(layer.padded_head_size));
  }
  static float* weight_scales(const AttentionScratch& scratch) {
    return reinterpret_cast<float*>(scratch.weights + kMaxTileRows * words_of(kAttentionTile));
  }

  // True if int8 is widened as it is multiplied: where it is multiplied once.
  static bool is_widened_late(const TileRows& rows) { return rows.last - rows.first <= kBlockRows; }

  static float exp(float x) { return _mm512_cvtss_f32(exp_16(_mm512_set1_ps(x))); }

  static __mmask16 lanes_left(size_t size, size_t at) {
    const size_t rest = size > at ? size - at : 0;
    return static_cast<__mmask16>(rest >= 16 ? 0xffffu : (1u << rest) - 1);
  }

  // Factor that brings a row's q into 16 bits, or lower where the sum of D products with an int8
  // would not stay within an int32. The scale of a row with a NaN is NaN.
  static float query_factor(const KvLayer& layer, const float* from, float* scale) {
    const float limit = 2147483000.0f / (127.0f * static_cast<float>(layer.padded_head_size));
    const float max_query =
        limit < kMaxInt16 ? static_cast<float>(static_cast<int>(limit)) : kMaxInt16;
    __m512 max = _mm512_setzero_ps();
    __mmask16 is_nan = 0;
    for (size_t d = 0; d < layer.head_size; d += 16) {
      const __m512 values = _mm512_maskz_loadu_ps(lanes_left(layer.head_size, d), from + d);
      is_nan |= _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
      max = _mm512_max_ps(max, _mm512_abs_ps(values));
    }
    const float largest = is_nan != 0 ? __builtin_nanf("") : _mm512_reduce_max_ps(max);
    *scale = largest / max_query;
    return largest > 0.0f ? max_query / largest : 0.0f;
  }

  static void store_int16(__m512 values, __m512 factor, uint32_t* to) {
    const __m512i integers = _mm512_cvtps_epi32(_mm512_mul_ps(values, factor));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtsepi32_epi16(integers));
  }

  static void load_q(const KvLayer& layer, const AttentionItem& item,
                     const AttentionScratch& scratch) {
    const size_t size = layer.head_size;
    const size_t padded = layer.padded_head_size;
    for (uint32_t row = 0; row < item.num_rows(); ++row) {
      const float* from =
          item.q + row / item.group_size * item.q_stride + row % item.group_size * size;
      uint32_t* to = scratch.q + row * words_of(padded);
      __m512 factor = _mm512_setzero_ps();
      if constexpr (kIsInt8) {
        factor = _mm512_set1_ps(query_factor(layer, from, &query_scales(layer, scratch)[row]));
      }
      for (size_t d = 0; d < padded; d += 16) {
        const __m512 values = _mm512_maskz_loadu_ps(lanes_left(size, d), from + d);
        if constexpr (kIsInt8) {
          store_int16(values, factor, to + d / 2);
        } else if constexpr (kIsBf16) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + d / 2),
                              reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
        } else {
          _mm512_storeu_ps(to + d, values);
        }
      }
    }
  }

  static void convert(const KvLayer& layer, const TileRows& rows, const AttentionScratch& scratch,
                      KvTile* tile) {
    const size_t size = layer.padded_head_size;
    const size_t num_words = words_of(kStrip * size);
    for (uint32_t s = 0; s < tile->num_strips; ++s) {
      const std::byte* strip = tile->strips[s];
      const uint32_t rest = tile->end - tile->begin - s * kStrip;
      uint32_t* k = scratch.k_strips + s * num_words;
      uint32_t* v = scratch.v_strips + s * num_words;
      tile->k[s] = reinterpret_cast<const uint32_t*>(strip);
      tile->v[s] = reinterpret_cast<const uint32_t*>(strip + layer.part_bytes);
      if constexpr (kIsInt8) {  // Behind the end, any integer times a weight of 0 is 0.
        if (is_widened_late(rows)) continue;
        widen(strip, layer.part_bytes, k);
        widen(strip + layer.part_bytes, layer.part_bytes, v);
        tile->k[s] = k;
        tile->v[s] = v;
      } else if (rest < kStrip) {
        for (size_t i = 0; i < num_words; ++i) v[i] = tile->v[s][i];
        clear_tail<kIsBf16>(size, rest, v);
        tile->v[s] = v;
      }
    }
    // Scores of strips that are not there are computed from one that is, and never looked at.
    for (uint32_t s = tile->num_strips; s < kTileStrips; ++s) tile->k[s] = tile->k[0];
  }

  static void score(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                    const AttentionScratch& scratch) {
    if constexpr (kIsInt8) {
      if (is_widened_late(rows)) return score_words<Words::kInt8>(layer, tile, rows, scratch);
    }
    score_words<kWide>(layer, tile, rows, scratch);
  }

  template <Words kKind>
  static void score_words(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                          const AttentionScratch& scratch) {
    const size_t num_words = words_of(layer.padded_head_size);
    const uint32_t* const strips[1][kBlockVectors] = {{tile.k[0], tile.k[1], tile.k[2], tile.k[3]}};
    const std::byte* values[kBlockVectors];
    for (uint32_t s = 0; s < kTileStrips; ++s) {
      values[s] = tile.strips[s < tile.num_strips ? s : 0] + layer.part_bytes;
    }
    multiply_rows<kKind, false, kBlockVectors>({.a = scratch.q + rows.first * num_words,
                                                .a_stride = num_words,
                                                .b = strips,
                                                .num_segments = 1,
                                                .num_words = num_words,
                                                .b_stride = kStrip,
                                                .y = scratch.scores + rows.first * kAttentionTile,
                                                .y_stride = kAttentionTile,
                                                .row_scales = nullptr,
                                                .ahead = values},
                                               rows.last - rows.first);
  }

  // int8 only: the scales of a strip's Ks (part 0) or Vs (part 1).
  static __m512 scales(const KvLayer& layer, const KvTile& tile, uint32_t s, uint32_t part) {
    if (s >= tile.num_strips) return _mm512_setzero_ps();
    return _mm512_loadu_ps(reinterpret_cast<const float*>(tile.strips[s] + 2 * layer.part_bytes) +
                           part * kStrip);
  }

  // Which of the tile's positions the row attends to.
  static uint64_t positions_of(const AttentionItem& item, const KvTile& tile, uint32_t row) {
    const uint32_t row_begin = item.row_begin(row);
    const uint32_t row_end = item.row_end(row);
    const uint32_t from = row_begin > tile.begin ? row_begin - tile.begin : 0;
    const uint32_t to = (row_end < tile.end ? row_end : tile.end) - tile.begin;
    return (~uint64_t{0} >> (64 - to)) & (~uint64_t{0} << from);
  }

  static void weigh(const KvLayer& layer, const AttentionItem& item, const KvTile& tile,
                    const TileRows& rows, const AttentionScratch& scratch, SoftmaxState* state) {
    const __m512 scale = _mm512_set1_ps(item.scale);
    const __m512 nothing = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    __m512 k_scales[kTileStrips];
    __m512 v_scales[kTileStrips];
    for (uint32_t s = 0; s < kTileStrips; ++s) {
      k_scales[s] = scale;
      if constexpr (kIsInt8) {
        k_scales[s] = _mm512_mul_ps(scale, scales(layer, tile, s, 0));
        v_scales[s] = scales(layer, tile, s, 1);
      }
    }
    for (uint32_t row = rows.first; row < rows.last; ++row) {
      const uint64_t positions = positions_of(item, tile, row);
      __m512 scores[kTileStrips];
      __mmask16 masks[kTileStrips];
      for (uint32_t s = 0; s < kTileStrips; ++s) {
        masks[s] = static_cast<__mmask16>(positions >> (s * kStrip));
        __m512 raw = _mm512_loadu_ps(scratch.scores + row * kAttentionTile + s * kStrip);
        if constexpr (kIsInt8) {
          raw = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_castps_si512(raw)),
                              _mm512_set1_ps(query_scales(layer, scratch)[row]));
        }
        scores[s] = _mm512_mask_mul_ps(nothing, masks[s], raw, k_scales[s]);
      }
      if (item.softcap > 0) {
        for (uint32_t s = 0; s < kTileStrips; ++s) {
          const __m512 capped = soft_cap_16(scores[s], _mm512_set1_ps(item.softcap));
          scores[s] = _mm512_mask_mov_ps(nothing, masks[s], capped);
        }
      }
      const float tile_max = max_of(scores);
      const float old_max = state->max[row];
      const float max = old_max > tile_max ? old_max : tile_max;
      for (uint32_t s = 0; s < kTileStrips; ++s) {
        scores[s] = exp_16(_mm512_sub_ps(scores[s], _mm512_set1_ps(max)));
      }
      const float sum = _mm512_reduce_add_ps(
          _mm512_add_ps(_mm512_add_ps(scores[0], scores[1]), _mm512_add_ps(scores[2], scores[3])));
      const float correction = exp(old_max - max);
      state->sum[row] = state->sum[row] * correction + sum;
      state->max[row] = max;
      if (correction != 1.0f) {
        rescale(layer, scratch.sums + row * layer.padded_head_size, correction);
      }
      if constexpr (kIsInt8) {
        for (uint32_t s = 0; s < kTileStrips; ++s) {
          scores[s] = _mm512_maskz_mul_ps(masks[s], scores[s], v_scales[s]);
        }
      }
      store_weights(scores, row, scratch);
    }
  }

  static float max_of(const __m512* values) {
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(values[0], values[1]), _mm512_max_ps(values[2], values[3])));
  }

  static void rescale(const KvLayer& layer, float* sums, float factor) {
    const __m512 factors = _mm512_set1_ps(factor);
    for (size_t d = 0; d < layer.padded_head_size; d += 16) {
      _mm512_storeu_ps(sums + d, _mm512_mul_ps(_mm512_loadu_ps(sums + d), factors));
    }
  }

  static void store_weights(const __m512* weights, uint32_t row, const AttentionScratch& scratch) {
    uint32_t* to = scratch.weights + row * words_of(kAttentionTile);
    if constexpr (kIsInt8) {
      // A V of NaN has made its weight NaN, of which 16 bits would make a number.
      const __mmask16 is_nan = _mm512_cmp_ps_mask(weights[0], weights[1], _CMP_UNORD_Q) |
                               _mm512_cmp_ps_mask(weights[2], weights[3], _CMP_UNORD_Q);
      const float largest = is_nan != 0 ? __builtin_nanf("") : max_of(weights);
      weight_scales(scratch)[row] = largest / kMaxInt16;
      const __m512 factor = _mm512_set1_ps(largest > 0.0f ? kMaxInt16 / largest : 0.0f);
      for (uint32_t s = 0; s < kTileStrips; ++s) store_int16(weights[s], factor, to + s * 8);
    } else if constexpr (kIsBf16) {
      for (uint32_t s = 0; s < kTileStrips; s += 2) {
        _mm512_storeu_si512(
            to + s * 8, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(weights[s + 1], weights[s])));
      }
    } else {
      for (uint32_t s = 0; s < kTileStrips; ++s) _mm512_storeu_ps(to + s * 16, weights[s]);
    }
  }

  static void add_values(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                         const AttentionScratch& scratch) {
    if constexpr (kIsInt8) {
      if (is_widened_late(rows)) return add_words<Words::kInt8>(layer, tile, rows, scratch);
    }
    add_words<kWide>(layer, tile, rows, scratch);
  }

  template <Words kKind>
  static void add_words(const KvLayer& layer, const KvTile& tile, const TileRows& rows,
                        const AttentionScratch& scratch) {
    const size_t size = layer.padded_head_size;
    const size_t weight_words = words_of(kAttentionTile);
    for (size_t d = 0; d < size; d += 16 * kBlockVectors) {
      const size_t num_left = (size - d) / 16;
      const uint32_t num_vectors =
          num_left < kBlockVectors ? static_cast<uint32_t>(num_left) : kBlockVectors;
      const uint32_t* strips[kTileStrips][kBlockVectors];
      for (uint32_t s = 0; s < tile.num_strips; ++s) {
        for (uint32_t n = 0; n < num_vectors; ++n) {
          strips[s][n] = word_at<kKind>(tile.v[s], d + n * 16);
        }
      }
      const std::byte* next_keys[kBlockVectors];
      for (uint32_t s = 0; s < kTileStrips; ++s) {
        next_keys[s] = tile.next[s] + layer.part_bytes * d / size;
      }
      multiply_add<kKind>({.a = scratch.weights + rows.first * weight_words,
                           .a_stride = weight_words,
                           .b = strips,
                           .num_segments = tile.num_strips,
                           .num_words = words_of(kStrip),
                           .b_stride = size,
                           .y = scratch.sums + rows.first * size + d,
                           .y_stride = size,
                           .row_scales = kIsInt8 ? weight_scales(scratch) + rows.first : nullptr,
                           .ahead = tile.next[0] == nullptr ? nullptr : next_keys},
                          rows.last - rows.first, num_vectors);
    }
  }

  static void scale_add(float* y, float a, const float* x, float b, size_t count) {
    for (size_t i = 0; i < count; i += 16) {
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(b));
      _mm512_storeu_ps(y + i, _mm512_fmadd_ps(_mm512_loadu_ps(y + i), _mm512_set1_ps(a), scaled));
    }
  }

  // + 0: a sum that vanished is 0 and never -0, whatever it was added to.
  static void finish(const float* from, float sum, size_t count, float* to) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i] / sum + 0.0f;
  }
};

// The kernel for the pool's type.
void attend(const KvLayer& layer, const AttentionItem& item, const AttentionScratch& scratch) {
  switch (layer.dtype) {
    case DYN_KV_F32:
      return attend_item<Kernel<DYN_KV_F32>>(layer, item, scratch);
    case DYN_KV_BF16:
      return attend_item<Kernel<DYN_KV_BF16>>(layer, item, scratch);
    case DYN_KV_INT8:
      return attend_item<Kernel<DYN_KV_INT8>>(layer, item, scratch);
  }
}

void attend_span(const KvLayer& layer, const AttentionItem& item, uint32_t span,
                 const AttentionScratch& scratch, float* part) {
  switch (layer.dtype) {
    case DYN_KV_F32:
      return attend_item_span<Kernel<DYN_KV_F32>>(layer, item, span, scratch, part);
    case DYN_KV_BF16:
      return attend_item_span<Kernel<DYN_KV_BF16>>(layer, item, span, scratch, part);
    case DYN_KV_INT8:
      return attend_item_span<Kernel<DYN_KV_INT8>>(layer, item, span, scratch, part);
  }
}

}  // namespace

const AttentionKernels kAvx512Attention = {.attend = attend,
                                           .attend_span = attend_span,
                                           .merge_spans = merge_item_spans<Kernel<DYN_KV_F32>>};

}  // namespace dyn
