// Kernels against their double-precision twins, over ragged, odd and large shapes, and each row's
// bits against the same row alone.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/exp.h"
#include "check.h"
#include "cpu/attention/attention.h"
#include "cpu/isa.h"
#include "cpu/rowwise/rowwise.h"
#include "reference.h"
#include "test_model.h"
#include "tolerances.h"

namespace {

using namespace dyn;
using test::random_floats;

void exp_agrees() {
  for (double x = -86.9; x < 88; x += 0.0137) {
    const float input = static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(input));
    CHECK(std::abs(exp_f32(input) - expected) <= tolerance::kExp * expected);
  }
  CHECK(exp_f32(0.0f) == 1.0f);
  CHECK(exp_f32(-INFINITY) == 0.0f);
  CHECK(exp_f32(-1000.0f) == 0.0f);
  CHECK(exp_f32(NAN) == 0.0f);
  CHECK(exp_f32(INFINITY) == exp_f32(88.0f));
}

void rms_norm_agrees() {
  std::mt19937 generator(5);
  for (const uint32_t size : {1u, 15u, 16u, 17u, 576u, 4099u}) {
    const std::vector<float> x = random_floats(size, 3, &generator);
    const std::vector<float> weight = random_floats(size, 1, &generator);
    const std::vector<double> expected = reference::rms_norm(x, weight, 1e-5);
    std::vector<float> y(size);
    rms_norm(x.data(), weight.data(), size, 1e-5f, y.data());
    for (size_t i = 0; i < size; ++i) {
      CHECK(std::abs(y[i] - expected[i]) <= tolerance::kRmsNorm * std::abs(expected[i]));
    }
  }
}

constexpr double kTheta = 10000;

void rope_agrees() {
  std::mt19937 generator(6);
  for (const uint32_t head_size : {2u, 10u, 64u, 128u}) {
    const std::vector<double> frequencies = test::plain_rope(head_size, kTheta);
    for (const uint32_t position : {0u, 1u, 77u, 131071u}) {
      const std::vector<float> x = random_floats(size_t{3} * head_size, 1, &generator);
      std::vector<float> y = x;
      std::vector<float> cosines(head_size / 2);
      std::vector<float> sines(head_size / 2);
      rope_angles(position, frequencies, 1.25, cosines.data(), sines.data());
      apply_rope(cosines.data(), sines.data(), 3, head_size, y.data());
      for (size_t head = 0; head < 3; ++head) {
        const std::span<const float> x_head(&x[head * head_size], head_size);
        const std::vector<double> expected = reference::rope(x_head, kTheta, position);
        for (size_t i = 0; i < head_size; ++i) {
          CHECK(std::abs(y[head * head_size + i] - 1.25 * expected[i]) <= 1.25 * tolerance::kRope);
        }
      }
    }
  }
}

void rowwise_agrees() {
  std::mt19937 generator(8);
  for (const dyn_isa isa : present_isas()) {
    const RowwiseKernels& kernels = rowwise_kernels(isa);
    for (const uint32_t size : {1u, 15u, 16u, 17u, 63u, 64u, 65u, 576u, 1000u}) {
      const std::vector<float> x = random_floats(size, 3, &generator);
      const std::vector<float> weight = random_floats(size, 1, &generator);
      const std::vector<double> expected = reference::rms_norm(x, weight, 1e-5);
      std::vector<float> y(size + 1, 7.0f);
      kernels.rms_norm(x.data(), weight.data(), size, 1e-5f, y.data());
      for (size_t i = 0; i < size; ++i) {
        CHECK(std::abs(y[i] - expected[i]) <= tolerance::kRmsNorm * std::abs(expected[i]));
      }
      CHECK(y[size] == 7.0f);
      const float max = kernels.max_of(x.data(), size);
      CHECK(max == *std::max_element(x.begin(), x.end()));
      double sum = 0;
      for (const float value : x) sum += std::exp((double{value} - max) / 0.6);
      CHECK(std::abs(kernels.sum_exp(x.data(), size, max, 0.6f) - sum) <= 1e-5 * sum);
    }
  }
}

// Bias, order of halves, RMSNorm and RoPE of heads, by their twins one after the other.
void check_heads(dyn_isa isa, uint32_t head_size, bool has_bias, bool has_norm,
                 bool is_interleaved) {
  constexpr uint32_t kNumHeads = 3;
  std::mt19937 generator(head_size);
  const std::vector<double> frequencies = test::plain_rope(head_size, kTheta);
  const std::vector<float> x = random_floats(kNumHeads * head_size, 1, &generator);
  const std::vector<float> bias = random_floats(x.size(), 1, &generator);
  const std::vector<float> norm = random_floats(head_size, 1, &generator);
  std::vector<float> cosines(head_size / 2);
  std::vector<float> sines(head_size / 2);
  rope_angles(1234, frequencies, 1, cosines.data(), sines.data());
  std::vector<float> y = x;
  rowwise_kernels(isa).prepare_heads(
      {.norm = has_norm ? norm.data() : nullptr, .eps = 1e-5f, .is_interleaved = is_interleaved},
      has_bias ? bias.data() : nullptr, cosines.data(), sines.data(), kNumHeads, head_size,
      y.data());
  for (size_t head = 0; head < kNumHeads; ++head) {
    std::vector<float> expected(head_size);
    for (size_t i = 0; i < head_size; ++i) {
      const size_t from =
          head * head_size + (is_interleaved ? i % (head_size / 2) * 2 + i / (head_size / 2) : i);
      expected[i] = x[from] + (has_bias ? bias[from] : 0.0f);
    }
    if (has_norm) {
      const std::vector<double> normed = reference::rms_norm(expected, norm, 1e-5);
      for (size_t i = 0; i < head_size; ++i) expected[i] = static_cast<float>(normed[i]);
    }
    const std::vector<double> turned = reference::rope(expected, kTheta, 1234);
    for (size_t i = 0; i < head_size; ++i) {
      CHECK(std::abs(y[head * head_size + i] - turned[i]) <= 4 * tolerance::kRope);
    }
  }
}

void heads_agree() {
  for (const dyn_isa isa : present_isas()) {
    for (const uint32_t head_size : {2u, 10u, 34u, 64u, 128u, 258u}) {
      for (uint32_t switches = 0; switches < 8; ++switches) {
        check_heads(isa, head_size, (switches & 1) != 0, (switches & 2) != 0, (switches & 4) != 0);
      }
    }
  }
}

void swiglu_agrees() {
  for (float gate = -100; gate < 100; gate += 0.37f) {
    const float up = 1.5f - gate / 50;
    float y = 0;
    swiglu(&gate, &up, 1, &y);
    const double expected = reference::swiglu(gate, up);
    CHECK(std::abs(y - expected) <= tolerance::kSwiglu * std::abs(expected) + 1e-35);
  }
}

void geglu_agrees() {
  for (float gate = -30; gate < 30; gate += 0.37f) {
    const float up = 1.7f;
    float y = 0;
    geglu(&gate, &up, 1, &y);
    const double expected = reference::geglu(gate, up);
    CHECK(std::abs(y - expected) <= tolerance::kSwiglu * std::max(std::abs(expected), 0.01));
  }
}

void soft_cap_agrees() {
  std::mt19937 generator(8);
  for (const dyn_isa isa : present_isas()) {
    for (const float reach : {0.001f, 1.0f, 12.5f, 400.0f}) {
      std::vector<float> x = random_floats(37, reach, &generator);
      x[5] = std::numeric_limits<float>::infinity();
      x[7] = 0;
      std::vector<float> y(x.size());
      rowwise_kernels(isa).soft_cap(x.data(), x.size(), 50, y.data());
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = 50 * std::tanh(double{x[i]} / 50);
        CHECK(std::abs(y[i] - expected) <= tolerance::kSoftCap * std::abs(expected));
      }
      x[3] = std::numeric_limits<float>::quiet_NaN();
      rowwise_kernels(isa).soft_cap(x.data(), x.size(), 50, y.data());
      CHECK(std::isnan(y[3]) && !std::isnan(y[2]));
    }
  }
}

struct AttentionShape {
  uint32_t head_size;
  uint32_t block_size;
  uint32_t context_len;
  uint32_t group_size;
  uint32_t num_tokens = 1;
  uint32_t sliding_window = 0;
  float scale = 0;  // 0: 1 / sqrt(head_size)
  float softcap = 0;
};

using Rows = std::vector<std::vector<float>>;

constexpr uint32_t kNumKvHeads = 2;

// A pool with random K and V, written by write_kv into blocks that lie in reverse order; what lies
// behind the context is NaN.
struct FilledPool {
  FilledPool(const AttentionShape& shape, dyn_kv_dtype dtype)
      : layer(make_kv_layer(dtype, kNumKvHeads, shape.head_size, shape.block_size)) {
    const uint32_t num_blocks = (shape.context_len + shape.block_size - 1) / shape.block_size;
    blocks.assign(num_blocks * layer.block_bytes(), std::byte{0xff});
    layer.blocks = blocks.data();
    for (uint32_t i = 0; i < num_blocks; ++i) {
      table.push_back(static_cast<int32_t>(num_blocks - 1 - i));
    }
    std::mt19937 generator(shape.head_size * 131 + shape.context_len);
    for (uint32_t position = 0; position < shape.context_len; ++position) {
      const std::vector<float> ks = random_floats(kNumKvHeads * shape.head_size, 1, &generator);
      const std::vector<float> vs = random_floats(kNumKvHeads * shape.head_size, 1, &generator);
      const auto block = static_cast<uint32_t>(table[position / shape.block_size]);
      write_kv(layer, block * shape.block_size + position % shape.block_size, ks.data(), vs.data());
      for (uint32_t head = 0; head < kNumKvHeads; ++head) {
        const auto first = static_cast<ptrdiff_t>(head * shape.head_size);
        const auto last = first + static_cast<ptrdiff_t>(shape.head_size);
        k[head].emplace_back(ks.begin() + first, ks.begin() + last);
        v[head].emplace_back(vs.begin() + first, vs.begin() + last);
      }
    }
  }

  KvLayer layer;
  std::vector<std::byte> blocks;
  std::vector<int32_t> table;
  Rows k[kNumKvHeads];
  Rows v[kNumKvHeads];
};

struct Scratch {
  explicit Scratch(const KvLayer& layer) {
    scratch.place(layer, &arena);
    CHECK(arena.map("scratch").ok());
    scratch.place(layer, &arena);
  }
  Arena arena;
  AttentionScratch scratch;
};

AttentionItem item_of(const AttentionShape& shape, const FilledPool& pool, uint32_t kv_head,
                      const float* q, float* out) {
  return {.q = q,
          .out = out,
          .q_stride = size_t{shape.group_size} * shape.head_size,
          .num_tokens = shape.num_tokens,
          .group_size = shape.group_size,
          .kv_head = kv_head,
          .block_table = pool.table.data(),
          .context_len = shape.context_len,
          .sliding_window = shape.sliding_window,
          .scale =
              shape.scale > 0 ? shape.scale : 1.0f / std::sqrt(static_cast<float>(shape.head_size)),
          .softcap = shape.softcap};
}

void check_against_reference(const AttentionShape& shape, const FilledPool& pool, uint32_t kv_head,
                             const AttentionItem& item, double tolerance) {
  for (uint32_t row = 0; row < item.num_rows(); ++row) {
    const std::span<const float> q_head(item.q + size_t{row} * shape.head_size, shape.head_size);
    const auto begin = static_cast<ptrdiff_t>(item.row_begin(row));
    const auto end = static_cast<ptrdiff_t>(item.row_end(row));
    const Rows k(pool.k[kv_head].begin() + begin, pool.k[kv_head].begin() + end);
    const Rows v(pool.v[kv_head].begin() + begin, pool.v[kv_head].begin() + end);
    const std::vector<reference::Value> expected =
        reference::attention(q_head, k, v, {.scale = item.scale, .softcap = item.softcap});
    for (size_t d = 0; d < shape.head_size; ++d) {
      const double error = std::abs(item.out[row * shape.head_size + d] - expected[d].value);
      // An int8 is as far from its element as the largest of its head is large: up to 1 here.
      const bool is_int8 = pool.layer.dtype == DYN_KV_INT8;
      CHECK(error <= tolerance * (is_int8 ? 1.0 : expected[d].magnitude));
    }
  }
}

// Each token alone, and each span alone, must give the bits of the whole tile.
void check_bits(const AttentionKernels& kernels, const FilledPool& pool, const AttentionItem& item,
                const AttentionScratch& scratch) {
  const size_t token_size = item.q_stride;
  std::vector<float> out(item.num_tokens * token_size, -1.0f);
  for (uint32_t token = 0; token < item.num_tokens; ++token) {
    AttentionItem alone = item;
    alone.q += token * token_size;
    alone.out = out.data() + token * token_size;
    alone.num_tokens = 1;
    alone.context_len = item.context_len - (item.num_tokens - 1) + token;
    kernels.attend(pool.layer, alone, scratch);
  }
  CHECK(std::memcmp(out.data(), item.out, out.size() * sizeof(float)) == 0);

  const size_t stride = part_stride(pool.layer.padded_head_size);
  std::vector<float> parts(item.num_spans() * item.num_rows() * stride, -1.0f);
  for (uint32_t i = 0; i < item.num_spans(); ++i) {
    kernels.attend_span(pool.layer, item, item.first_span() + i, scratch,
                        parts.data() + i * item.num_rows() * stride);
  }
  AttentionItem split = item;
  split.out = out.data();
  std::fill(out.begin(), out.end(), -1.0f);
  kernels.merge_spans(pool.layer, split, parts.data(), scratch);
  CHECK(std::memcmp(out.data(), item.out, out.size() * sizeof(float)) == 0);
}

void check_attention(const AttentionShape& shape, dyn_isa isa, dyn_kv_dtype dtype) {
  if (!check_is_due()) return;
  const AttentionKernels& kernels = attention_kernels(isa);
  const FilledPool pool(shape, dtype);
  const Scratch scratch(pool.layer);
  std::mt19937 generator(shape.head_size);
  const std::vector<float> q =
      random_floats(size_t{shape.num_tokens} * shape.group_size * shape.head_size, 2, &generator);
  std::vector<float> out(q.size());
  for (uint32_t kv_head = 0; kv_head < kNumKvHeads; ++kv_head) {
    const AttentionItem item = item_of(shape, pool, kv_head, q.data(), out.data());
    kernels.attend(pool.layer, item, scratch.scratch);
    check_against_reference(shape, pool, kv_head, item, tolerance::kAttention[dtype]);
    check_bits(kernels, pool, item, scratch.scratch);
  }
}

void attention_agrees_on(dyn_isa isa, dyn_kv_dtype dtype) {
  for (const uint32_t block_size : {1u, 5u, 16u, 24u, 64u}) {
    for (const uint32_t context_len : {1u, 2u, 16u, 63u, 64u, 65u, 129u, 500u}) {
      check_attention({2, block_size, context_len, 1}, isa, dtype);
      check_attention({20, block_size, context_len, 3}, isa, dtype);
      check_attention({64, block_size, context_len, 8}, isa, dtype);
    }
  }
  for (const uint32_t context_len : {48u, 97u, 512u, 513u, 530u, 1100u}) {
    for (const uint32_t group_size : {1u, 2u, 3u, 5u, 7u}) {
      const uint32_t num_tokens = std::min(tile_tokens(group_size), context_len);
      check_attention({80, 16, context_len, group_size, num_tokens}, isa, dtype);
      check_attention({10, 7, context_len, group_size, 2}, isa, dtype);
      check_attention({32, 16, context_len, group_size, num_tokens, 40}, isa, dtype);
      check_attention({32, 16, context_len, group_size, 3, 700}, isa, dtype);
    }
  }
  check_attention({128, 16, 300, kMaxHeadGroup}, isa, dtype);
  check_attention({256, 16, 600, 4, 12, 512, 0.0625f}, isa, dtype);
  check_attention({256, 16, 300, 2, 3, 0, 0.5f, 8.0f}, isa, dtype);
  check_attention({24, 7, 130, 3, 5, 40, 1.0f, 0.5f}, isa, dtype);
  check_attention({4096, 16, 70, 2, 3}, isa, dtype);
}

void attention_agrees() {
  for (const dyn_isa isa : present_isas()) {
    for (const dyn_kv_dtype dtype : {DYN_KV_F32, DYN_KV_BF16, DYN_KV_INT8}) {
      attention_agrees_on(isa, dtype);
    }
  }
}

// Far fewer rows attend to anything in scores so low that every weight but one vanishes.
void attention_survives_extreme_scores() {
  const AttentionShape shape = {16, 16, 700, 2, 5};
  for (const dyn_isa isa : present_isas()) {
    const FilledPool pool(shape, DYN_KV_F32);
    const Scratch scratch(pool.layer);
    std::mt19937 generator(1);
    const std::vector<float> q = random_floats(160, 3000, &generator);
    std::vector<float> out(q.size());
    const AttentionItem item = item_of(shape, pool, 1, q.data(), out.data());
    attention_kernels(isa).attend(pool.layer, item, scratch.scratch);
    for (const float value : out) CHECK(std::abs(value) <= 1.0f);
    check_bits(attention_kernels(isa), pool, item, scratch.scratch);
  }
}

}  // namespace

int main() {
  check_claim("exp agrees with its twin and is 0 where there is no weight", exp_agrees);
  check_claim("RMSNorm agrees with its twin", rms_norm_agrees);
  check_claim("RoPE agrees with its twin, up to position 131,071", rope_agrees);
  check_claim("the row-wise kernels agree with their twins on every instruction set",
              rowwise_agrees);
  check_claim("heads pass bias, order, norm and RoPE as their twins say", heads_agree);
  check_claim("SwiGLU agrees with its twin", swiglu_agrees);
  check_claim("GeGLU agrees with its twin", geglu_agrees);
  check_claim("a soft cap agrees with its twin, and NaN stays NaN", soft_cap_agrees);
  check_claim(
      "attention agrees with its twin over ragged contexts, blocks and tiles, each token and "
      "each span as if alone",
      attention_agrees);
  check_claim("attention survives scores that leave one weight", attention_survives_extreme_scores);
  return check_finish();
}
