// Causal attention over the paged K and V, for ragged batches that mix prefill and decode.
//
//     p = softmax(q . K / sqrt(head_size));  out = p V
//
// A warp is a tile: 16 rows, each a token times a query head of one KV head, so that K and V are
// read once for all of them. The softmax is taken online over tiles of 64 positions and started
// anew for each span of 512; a row's spans are merged in order, by the warp that computes them all,
// or by dyn_merge_spans where they were given to several warps. Both add the same numbers in the
// same order. A row attends to nothing of its neighbours, and what is masked adds exact zeros.
//
// The product of q and K takes 32 elements of a head in the order of a lane's 16 bytes; that of p
// and V gives a lane four neighbouring elements (see gemm.cu, which does likewise):
//
//     element 8t + 4s + 2h + i of a chunk   =  column 2t + i of half h of step s
//     element 4c + j of a chunk             =  column c of the j-th product
//
// Nothing is shared but by shuffles: no warp waits for another.

#include "base/exp.h"
#include "cuda/attention/attention_args.h"
#include "cuda/bf16.cuh"
#include "cuda/kv_layer.h"
#include "graph/spans.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kTileGroups = kAttentionTile / 8;  // Products of q and K.
constexpr uint32_t kTileSteps = kAttentionTile / 16;  // Steps over the positions.
constexpr uint32_t kChunk = 32;                       // Elements of a head.
constexpr float kNothing = -__builtin_inff();

__device__ void multiply(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                         uint32_t b1, float (&sums)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// One of the lane's two rows of the tile.
struct Row {
  uint32_t begin;  // It attends to [begin, end); none where it does not exist.
  uint32_t end;
  uint32_t at;  // token * num_heads + head
};

__device__ Row find_row(const AttentionArgs& args, const AttentionTile& tile, uint32_t index) {
  if (index >= tile.num_tokens * tile.num_heads) return {0, 0, 0};
  const uint32_t token = tile.first_token + index / tile.num_heads;
  const uint32_t group = args.num_heads / args.num_kv_heads;
  const uint32_t head = blockIdx.y * group + tile.first_head + index % tile.num_heads;
  const auto end = static_cast<uint32_t>(args.positions[token]) + 1;
  const bool is_windowed = args.sliding_window > 0 && end > args.sliding_window;
  return {is_windowed ? end - args.sliding_window : 0, end, token * args.num_heads + head};
}

// A running softmax of one row.
struct Softmax {
  float max;
  float sum;
};

// Factors of the sums so far and of those that join them. Where neither has any, both are 0.
struct Factors {
  float old_sums;
  float new_sums;
};

__device__ Factors join(Softmax* total, const Softmax& span) {
  const float max = fmaxf(total->max, span.max);
  const Factors factors = {exp_f32(total->max - max), exp_f32(span.max - max)};
  total->sum = total->sum * factors.old_sums + span.sum * factors.new_sums;
  total->max = max;
  return factors;
}

__device__ float max_of_row(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

__device__ float sum_of_row(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

// The tile's place in the sequence and in the pool.
struct Context {
  const uint16_t* blocks;
  const int32_t* table;
  KvPlace place;
  uint32_t begin;  // These two: of all rows. V outside of [begin, end) may be anything.
  uint32_t end;

  // First element of the KV head's K where the position lies.
  __device__ const uint16_t* head_at(uint32_t position) const {
    const auto block = static_cast<uint32_t>(table[position / place.block_size]);
    return blocks + place.head_at(block, blockIdx.y);
  }
};

// The lane's words of both rows of q; zero where there is no such row.
template <int kChunks>
struct Queries {
  uint4 words[2][kChunks];

  __device__ Queries(const AttentionArgs& args, const Row (&rows)[2]) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const auto* from =
          reinterpret_cast<const uint4*>(args.q + size_t{rows[h].at} * kChunks * kChunk) +
          threadIdx.x % 4;
#pragma unroll
      for (int c = 0; c < kChunks; ++c) {
        words[h][c] = rows[h].end > 0 ? __ldg(from + c * 4) : make_uint4(0, 0, 0, 0);
      }
    }
  }
};

template <int kChunks>
__device__ void score(const Context& context, uint32_t begin, const Queries<kChunks>& q,
                      float (&scores)[kTileGroups][4]) {
  const uint32_t g = threadIdx.x / 4;
  const uint32_t t = threadIdx.x % 4;
#pragma unroll
  for (uint32_t j = 0; j < kTileGroups; ++j) {
    scores[j][0] = scores[j][1] = scores[j][2] = scores[j][3] = 0.0f;
    const uint32_t position = begin + 8 * j;
    if (position >= context.end) continue;
    const uint32_t offset = position % context.place.block_size + g;
    const auto* k = reinterpret_cast<const uint4*>(context.head_at(position) +
                                                   offset * context.place.padded_head_size) +
                    t;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const uint4 four = __ldg(k + c * 4);
      const uint4& low = q.words[0][c];
      const uint4& high = q.words[1][c];
      multiply(low.x, high.x, low.y, high.y, four.x, four.y, scores[j]);
      multiply(low.z, high.z, low.w, high.w, four.z, four.w, scores[j]);
    }
  }
}

// Turns the scores of both rows into e^(score - max), and says what the sums so far shrink by.
__device__ void weigh(const Row (&rows)[2], uint32_t begin, float scale,
                      float (&scores)[kTileGroups][4], Softmax (&states)[2], float (&shrink)[2]) {
  const uint32_t t = threadIdx.x % 4;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float max = kNothing;
#pragma unroll
    for (uint32_t j = 0; j < kTileGroups; ++j) {
#pragma unroll
      for (uint32_t i = 0; i < 2; ++i) {
        const uint32_t position = begin + 8 * j + 2 * t + i;
        float& value = scores[j][2 * h + i];
        value = position >= rows[h].begin && position < rows[h].end ? value * scale : kNothing;
        max = fmaxf(max, value);
      }
    }
    max = fmaxf(states[h].max, max_of_row(max));
    shrink[h] = exp_f32(states[h].max - max);
    float sum = 0.0f;
#pragma unroll
    for (uint32_t j = 0; j < kTileGroups; ++j) {
#pragma unroll
      for (uint32_t i = 0; i < 2; ++i) {
        float& value = scores[j][2 * h + i];
        value = exp_f32(value - max);
        sum += value;
      }
    }
    states[h].sum = states[h].sum * shrink[h] + sum_of_row(sum);
    states[h].max = max;
  }
}

template <int kChunks>
__device__ void add_values(const Context& context, uint32_t begin,
                           const float (&weights)[kTileGroups][4], float (&sums)[kChunks][4][4]) {
  const uint32_t g = threadIdx.x / 4;
  const uint32_t t = threadIdx.x % 4;
  const uint32_t size = context.place.padded_head_size;
  const auto mask_of = [&context](uint32_t position) {
    const bool has_first = position >= context.begin && position < context.end;
    const bool has_second = position + 1 >= context.begin && position + 1 < context.end;
    return (has_first ? 0x0000ffffu : 0u) | (has_second ? 0xffff0000u : 0u);
  };
#pragma unroll
  for (uint32_t m = 0; m < kTileSteps; ++m) {
    const uint32_t position = begin + 16 * m;
    if (position >= context.end) continue;
    const uint32_t a0 = pair_of(weights[2 * m][0], weights[2 * m][1]);
    const uint32_t a1 = pair_of(weights[2 * m][2], weights[2 * m][3]);
    const uint32_t a2 = pair_of(weights[2 * m + 1][0], weights[2 * m + 1][1]);
    const uint32_t a3 = pair_of(weights[2 * m + 1][2], weights[2 * m + 1][3]);
    const uint32_t first_mask = mask_of(position + 2 * t);
    const uint32_t second_mask = mask_of(position + 8 + 2 * t);
    const uint32_t pair = position % context.place.block_size / 2 + t;
    const uint16_t* v = context.head_at(position) + context.place.part_size();
    const auto* first = reinterpret_cast<const uint4*>(v + size_t{pair} * size * 2) + g;
    const auto* second = reinterpret_cast<const uint4*>(v + size_t{pair + 4} * size * 2) + g;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const uint4 low = __ldg(first + c * 8);
      const uint4 high = __ldg(second + c * 8);
      multiply(a0, a1, a2, a3, low.x & first_mask, high.x & second_mask, sums[c][0]);
      multiply(a0, a1, a2, a3, low.y & first_mask, high.y & second_mask, sums[c][1]);
      multiply(a0, a1, a2, a3, low.z & first_mask, high.z & second_mask, sums[c][2]);
      multiply(a0, a1, a2, a3, low.w & first_mask, high.w & second_mask, sums[c][3]);
    }
  }
}

// The sums of one span, from nothing.
template <int kChunks>
__device__ void sum_span(const AttentionArgs& args, const Context& context, const Row (&rows)[2],
                         const Queries<kChunks>& q, uint32_t span, float (&sums)[kChunks][4][4],
                         Softmax (&states)[2]) {
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sums[c][j][0] = sums[c][j][1] = sums[c][j][2] = sums[c][j][3] = 0.0f;
    }
  }
  states[0] = states[1] = {kNothing, 0.0f};
  const uint32_t begin =
      max(span * kAttentionSpan, context.begin / kAttentionTile * kAttentionTile);
  const uint32_t end = min((span + 1) * kAttentionSpan, context.end);
#pragma unroll 1
  for (uint32_t at = begin; at < end; at += kAttentionTile) {
    float scores[kTileGroups][4];
    float shrink[2];
    score<kChunks>(context, at, q, scores);
    weigh(rows, at, args.scale, scores, states, shrink);
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        sums[c][j][0] *= shrink[0];
        sums[c][j][1] *= shrink[0];
        sums[c][j][2] *= shrink[1];
        sums[c][j][3] *= shrink[1];
      }
    }
    add_values<kChunks>(context, at, scores, sums);
  }
}

// Eight neighbouring elements of a row that a lane has of a chunk.
struct Eight {
  float4 low;
  float4 high;
};

template <int kChunks>
__device__ Eight eight_of(const float (&sums)[kChunks][4][4], int chunk, int h) {
  const auto& s = sums[chunk];
  return {make_float4(s[0][2 * h], s[1][2 * h], s[2][2 * h], s[3][2 * h]),
          make_float4(s[0][2 * h + 1], s[1][2 * h + 1], s[2][2 * h + 1], s[3][2 * h + 1])};
}

__device__ float4 scale_add(const float4& total, const Factors& factors, const float4& sum) {
  return make_float4(fmaf(total.x, factors.old_sums, sum.x * factors.new_sums),
                     fmaf(total.y, factors.old_sums, sum.y * factors.new_sums),
                     fmaf(total.z, factors.old_sums, sum.z * factors.new_sums),
                     fmaf(total.w, factors.old_sums, sum.w * factors.new_sums));
}

// + 0: a sum that vanished is 0 and never -0, whatever it was added to.
__device__ uint16_t finished(float total, float sum) {
  return bf16_of(total / sum + 0.0f);
}

__device__ uint16_t* output_of(const AttentionArgs& args, uint32_t row) {
  return args.out + size_t{row / args.num_heads} * args.stride +
         size_t{row % args.num_heads} * args.head_size;
}

__device__ void finish(const AttentionArgs& args, const Row& row, uint32_t element,
                       const Eight& totals, float sum) {
  const float values[8] = {totals.low.x,  totals.low.y,  totals.low.z,  totals.low.w,
                           totals.high.x, totals.high.y, totals.high.z, totals.high.w};
  uint16_t* to = output_of(args, row.at) + element;
#pragma unroll
  for (uint32_t i = 0; i < 8; ++i) {
    if (element + i < args.head_size) to[i] = finished(values[i], sum);
  }
}

// Joins a span to the totals of the row, which wait in memory between spans; or finishes the row.
template <int kChunks>
__device__ void join_span(const AttentionArgs& args, const Row& row, bool is_first, bool is_last,
                          const float (&sums)[kChunks][4][4], int h, const Factors& factors,
                          float sum) {
  const uint32_t t = threadIdx.x % 4;
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
    const uint32_t element = c * kChunk + 8 * t;
    auto* waiting =
        reinterpret_cast<float4*>(args.totals + size_t{row.at} * kChunks * kChunk + element);
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    const Eight before = is_first ? Eight{zero, zero} : Eight{waiting[0], waiting[1]};
    const Eight span = eight_of<kChunks>(sums, c, h);
    const Eight total = {scale_add(before.low, factors, span.low),
                         scale_add(before.high, factors, span.high)};
    if (is_last) {
      finish(args, row, element, total, sum);
    } else {
      waiting[0] = total.low;
      waiting[1] = total.high;
    }
  }
}

template <int kChunks>
__device__ size_t part_at(const AttentionArgs& args, uint32_t part, uint32_t row) {
  const size_t slot = (size_t{part} * args.num_kv_heads + blockIdx.y) * kTileRows + row;
  return slot * (kChunks * kChunk + 4);
}

// Stores one row's sums of a span as a part.
template <int kChunks>
__device__ void store_part(float* to, const float (&sums)[kChunks][4][4], int h,
                           const Softmax& state) {
  const uint32_t t = threadIdx.x % 4;
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
    const Eight eight = eight_of<kChunks>(sums, c, h);
    auto* four = reinterpret_cast<float4*>(to + c * kChunk + 8 * t);
    four[0] = eight.low;
    four[1] = eight.high;
  }
  if (t > 0) return;
  *reinterpret_cast<float4*>(to + kChunks * kChunk) = make_float4(state.max, state.sum, 0.0f, 0.0f);
}

// All spans of the tile, one after another, or the item's one.
template <int kChunks>
__device__ void attend(const AttentionArgs& args) {
  if (blockIdx.x >= *args.num_items) return;
  const AttentionItem item = args.items[blockIdx.x];
  const AttentionTile tile = args.tiles[item.tile];
  const Row first = find_row(args, tile, 0);
  const Row last = find_row(args, tile, tile.num_tokens * tile.num_heads - 1);
  const Context context = {.blocks = args.blocks,
                           .table = args.block_tables + size_t{tile.seq} * args.max_blocks,
                           .place = {.num_kv_heads = args.num_kv_heads,
                                     .padded_head_size = kChunks * kChunk,
                                     .block_size = args.block_size},
                           .begin = first.begin,
                           .end = last.end};
  const Row rows[2] = {find_row(args, tile, threadIdx.x / 4),
                       find_row(args, tile, threadIdx.x / 4 + 8)};
  const Queries<kChunks> q(args, rows);
  const bool is_whole = item.span == kWhole;
  const uint32_t first_span = is_whole ? tile.first_span : item.span;
  const uint32_t num_spans = is_whole ? tile.num_spans : 1;
  const uint32_t part = tile.first_part + first_span - tile.first_span;
  Softmax totals[2] = {{kNothing, 0.0f}, {kNothing, 0.0f}};
#pragma unroll 1
  for (uint32_t i = 0; i < num_spans; ++i) {
    float sums[kChunks][4][4];
    Softmax states[2];
    sum_span<kChunks>(args, context, rows, q, first_span + i, sums, states);
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      if (rows[h].end == 0) continue;
      if (is_whole) {
        const Factors factors = join(&totals[h], states[h]);
        join_span<kChunks>(args, rows[h], i == 0, i + 1 == num_spans, sums, h, factors,
                           totals[h].sum);
      } else {
        store_part<kChunks>(args.parts + part_at<kChunks>(args, part, threadIdx.x / 4 + 8 * h),
                            sums, h, states[h]);
      }
    }
  }
}

// Grid: 16 rows of each split tile, KV heads. Block: a warp.
template <int kChunks>
__device__ void merge(const AttentionArgs& args) {
  const uint32_t split = blockIdx.x / kTileRows;
  const uint32_t index = blockIdx.x % kTileRows;
  if (split >= *args.num_splits) return;
  const AttentionTile tile = args.tiles[args.splits[split]];
  const Row row = find_row(args, tile, index);
  if (row.end == 0) return;
  float totals[kChunks] = {};
  Softmax total = {kNothing, 0.0f};
  for (uint32_t i = 0; i < tile.num_spans; ++i) {
    const float* part = args.parts + part_at<kChunks>(args, tile.first_part + i, index);
    const Factors factors = join(&total, {part[kChunks * kChunk], part[kChunks * kChunk + 1]});
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      totals[c] =
          fmaf(totals[c], factors.old_sums, part[c * kChunk + threadIdx.x] * factors.new_sums);
    }
  }
  uint16_t* to = output_of(args, row.at);
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
    const uint32_t element = c * kChunk + threadIdx.x;
    if (element < args.head_size) to[element] = finished(totals[c], total.sum);
  }
}

}  // namespace

// Grid: items, KV heads. Block: a warp. By the head size filled up to a multiple of 32.
#define DYN_ATTENTION(size)                                                                      \
  extern "C" __global__ void __launch_bounds__(32) dyn_attend_##size(const AttentionArgs args) { \
    attend<size / 32>(args);                                                                     \
  }                                                                                              \
  extern "C" __global__ void __launch_bounds__(32)                                               \
      dyn_merge_spans_##size(const AttentionArgs args) {                                         \
    merge<size / 32>(args);                                                                      \
  }

DYN_ATTENTION(32)
DYN_ATTENTION(64)
DYN_ATTENTION(128)

}  // namespace dyn::cuda
