// Bound: 4 * context_len * head_size FLOP a head; K and V of a tile are read from memory once for
// the whole group of heads.

#include "cpu/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/exp.h"
#include "cpu/lanes.h"

namespace dyn {
namespace {

constexpr uint32_t kTile = 64;
constexpr size_t kWide = 16;

// Positions of a tile that lie in one block.
struct Run {
  uint32_t block;
  uint32_t offset;  // In the block.
  uint32_t length;
};

Run run_at(const KvLayer& layer, const AttentionItem& item, uint32_t position, uint32_t end) {
  const uint32_t offset = position % layer.block_size;
  return {.block = static_cast<uint32_t>(item.block_table[position / layer.block_size]),
          .offset = offset,
          .length = std::min(layer.block_size - offset, end - position)};
}

// scores[j] = q . K[start + j] for positions [start, end). Where 16 positions are in the block they
// are computed together, even if the tail is not asked for: `scores` has room for it.
void score_tile(const KvLayer& layer, const AttentionItem& item, const float* q, uint32_t start,
                uint32_t end, float* scores) {
  for (uint32_t position = start; position < end;) {
    const Run run = run_at(layer, item, position, end);
    const float* k = layer.k(run.block, item.kv_head) + run.offset;
    float* run_scores = scores + (position - start);
    uint32_t j = 0;
    for (; j < run.length && run.offset + j + kWide <= layer.block_size; j += kWide) {
      std::fill_n(run_scores + j, kWide, 0.0f);
      add_products_16(k + j, layer.block_size, q, layer.head_size, run_scores + j);
    }
    for (; j < run.length; ++j) {
      run_scores[j] = 0.0f;
      add_products_1(k + j, layer.block_size, q, layer.head_size, run_scores + j);
    }
    position += run.length;
  }
}

// out += p V over positions [start, end).
void add_values(const KvLayer& layer, const AttentionItem& item, const float* p, uint32_t start,
                uint32_t end, float* out) {
  for (uint32_t position = start; position < end;) {
    const Run run = run_at(layer, item, position, end);
    const size_t head_size = layer.head_size;
    const float* v = layer.v(run.block, item.kv_head) + run.offset * head_size;
    const float* run_p = p + (position - start);
    size_t d = 0;
    for (; d + kWide <= head_size; d += kWide) {
      add_products_16(v + d, head_size, run_p, run.length, out + d);
    }
    for (; d < head_size; ++d) add_products_1(v + d, head_size, run_p, run.length, out + d);
    position += run.length;
  }
}

// What the online softmax of one head carries from tile to tile.
struct Softmax {
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0.0f;
};

// Turns scores[count] into weights relative to the new maximum; returns what earlier sums are to be
// multiplied with.
float add_tile(float* scores, uint32_t count, float scale, Softmax* softmax) {
  float max = softmax->max;
  for (uint32_t j = 0; j < count; ++j) {
    scores[j] *= scale;
    max = scores[j] > max ? scores[j] : max;
  }
  for (uint32_t j = 0; j < count; ++j) scores[j] = exp_f32(scores[j] - max);
  float sum = 0.0f;
  for (uint32_t j = 0; j < count; ++j) sum += scores[j];
  const float correction = exp_f32(softmax->max - max);
  softmax->sum = softmax->sum * correction + sum;
  softmax->max = max;
  return correction;
}

}  // namespace

void write_kv(const KvLayer& layer, uint32_t slot, const float* k, const float* v) {
  const uint32_t block = slot / layer.block_size;
  const size_t offset = slot % layer.block_size;
  const size_t head_size = layer.head_size;
  for (uint32_t head = 0; head < layer.num_kv_heads; ++head) {
    float* k_block = layer.k(block, head) + offset;
    for (size_t d = 0; d < head_size; ++d) k_block[d * layer.block_size] = k[head * head_size + d];
    std::copy_n(v + head * head_size, head_size, layer.v(block, head) + offset * head_size);
  }
}

void attend(const KvLayer& layer, const AttentionItem& item) {
  const size_t head_size = layer.head_size;
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_size)));
  Softmax softmaxes[kMaxHeadGroup];
  float scores[kTile + kWide];

  std::fill_n(item.out, item.group_size * head_size, 0.0f);
  for (uint32_t start = 0; start < item.context_len; start += kTile) {
    const uint32_t end = std::min(start + kTile, item.context_len);
    for (size_t head = 0; head < item.group_size; ++head) {
      float* out = item.out + head * head_size;
      score_tile(layer, item, item.q + head * head_size, start, end, scores);
      const float correction = add_tile(scores, end - start, scale, &softmaxes[head]);
      for (size_t d = 0; d < head_size; ++d) out[d] *= correction;
      add_values(layer, item, scores, start, end, out);
    }
  }
  for (size_t head = 0; head < item.group_size; ++head) {
    float* out = item.out + head * head_size;
    for (size_t d = 0; d < head_size; ++d) out[d] /= softmaxes[head].sum;
  }
}

}  // namespace dyn
