// Kernels against their double-precision twins, over ragged, odd and large shapes, and each row's
// bits against the same row alone.

#include <bit>
#include <cmath>
#include <vector>

#include "base/exp.h"
#include "check.h"
#include "cpu/attention/attention.h"
#include "cpu/phases/phases.h"
#include "graph/rope.h"
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

void rope_agrees() {
  std::mt19937 generator(6);
  dyn_model_config config = test::tiny_config();
  for (const uint32_t head_size : {2u, 10u, 64u, 128u}) {
    config.head_size = head_size;
    const std::vector<double> frequencies = rope_frequencies(config);
    for (const uint32_t position : {0u, 1u, 77u, 131071u}) {
      const std::vector<float> x = random_floats(size_t{3} * head_size, 1, &generator);
      std::vector<float> y = x;
      std::vector<float> cosines(head_size / 2);
      std::vector<float> sines(head_size / 2);
      rope_angles(position, frequencies.data(), head_size / 2, cosines.data(), sines.data());
      apply_rope(cosines.data(), sines.data(), 3, head_size, y.data());
      for (size_t head = 0; head < 3; ++head) {
        const std::span<const float> x_head(&x[head * head_size], head_size);
        const std::vector<double> expected = reference::rope(x_head, config.rope_theta, position);
        for (size_t i = 0; i < head_size; ++i) {
          CHECK(std::abs(y[head * head_size + i] - expected[i]) <= tolerance::kRope);
        }
      }
    }
  }
}

void llama3_scaling_agrees() {
  dyn_model_config config = test::tiny_config();
  config.head_size = 128;
  config.rope_theta = 500000;
  const std::vector<double> plain = rope_frequencies(config);
  config.rope_scaling = DYN_ROPE_LLAMA3;
  config.rope_factor = 8;
  config.rope_low_freq_factor = 1;
  config.rope_high_freq_factor = 4;
  config.rope_original_max_positions = 8192;
  const std::vector<double> scaled = rope_frequencies(config);
  for (size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2 * 3.14159265358979323846 / plain[i];
    if (wavelength < 8192.0 / 4) CHECK(scaled[i] == plain[i]);
    if (wavelength > 8192.0) CHECK(scaled[i] == plain[i] / 8);
    CHECK(scaled[i] <= plain[i] && scaled[i] >= plain[i] / 8);
    if (i > 0) CHECK(scaled[i] < scaled[i - 1]);
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

struct AttentionShape {
  uint32_t head_size;
  uint32_t block_size;
  uint32_t context_len;
  uint32_t group_size;
};

// Fills a pool with random K and V by write_kv, in blocks that lie in reverse order.
void check_attention(const AttentionShape& shape) {
  constexpr uint32_t kNumKvHeads = 2;
  std::mt19937 generator(shape.head_size * 131 + shape.context_len);
  const uint32_t num_blocks = (shape.context_len + shape.block_size - 1) / shape.block_size;
  std::vector<float> blocks(size_t{num_blocks} * kNumKvHeads * 2 * shape.block_size *
                            shape.head_size);
  const KvLayer layer = {.blocks = blocks.data(),
                         .num_kv_heads = kNumKvHeads,
                         .head_size = shape.head_size,
                         .block_size = shape.block_size};
  std::vector<int32_t> table(num_blocks);
  for (uint32_t i = 0; i < num_blocks; ++i) table[i] = static_cast<int32_t>(num_blocks - 1 - i);

  std::vector<std::vector<float>> k[kNumKvHeads];
  std::vector<std::vector<float>> v[kNumKvHeads];
  for (uint32_t position = 0; position < shape.context_len; ++position) {
    const std::vector<float> ks =
        random_floats(size_t{kNumKvHeads} * shape.head_size, 1, &generator);
    const std::vector<float> vs =
        random_floats(size_t{kNumKvHeads} * shape.head_size, 1, &generator);
    const auto block = static_cast<uint32_t>(table[position / shape.block_size]);
    write_kv(layer, block * shape.block_size + position % shape.block_size, ks.data(), vs.data());
    for (uint32_t head = 0; head < kNumKvHeads; ++head) {
      const auto first = static_cast<ptrdiff_t>(head * shape.head_size);
      const auto last = first + static_cast<ptrdiff_t>(shape.head_size);
      k[head].emplace_back(ks.begin() + first, ks.begin() + last);
      v[head].emplace_back(vs.begin() + first, vs.begin() + last);
    }
  }

  const std::vector<float> q =
      random_floats(size_t{shape.group_size} * shape.head_size, 2, &generator);
  std::vector<float> out(q.size());
  for (uint32_t kv_head = 0; kv_head < kNumKvHeads; ++kv_head) {
    attend(layer, {.q = q.data(),
                   .out = out.data(),
                   .group_size = shape.group_size,
                   .kv_head = kv_head,
                   .block_table = table.data(),
                   .context_len = shape.context_len});
    for (size_t head = 0; head < shape.group_size; ++head) {
      const std::span<const float> q_head(&q[head * shape.head_size], shape.head_size);
      const std::vector<reference::Value> expected =
          reference::attention(q_head, k[kv_head], v[kv_head]);
      for (size_t d = 0; d < shape.head_size; ++d) {
        const double error = std::abs(out[head * shape.head_size + d] - expected[d].value);
        CHECK(error <= tolerance::kAttention * expected[d].magnitude);
      }
    }
  }
}

void attention_agrees() {
  for (const uint32_t block_size : {1u, 5u, 16u, 24u, 64u}) {
    for (const uint32_t context_len : {1u, 2u, 16u, 63u, 64u, 65u, 129u, 500u}) {
      check_attention({2, block_size, context_len, 1});
      check_attention({20, block_size, context_len, 3});
      check_attention({64, block_size, context_len, 8});
    }
  }
  check_attention({128, 16, 300, kMaxHeadGroup});
}

}  // namespace

int main() {
  check_claim("exp agrees with its twin and is 0 where there is no weight", exp_agrees);
  check_claim("RMSNorm agrees with its twin", rms_norm_agrees);
  check_claim("RoPE agrees with its twin, up to position 131,071", rope_agrees);
  check_claim("llama3 scaling keeps high, divides low and blends the rest", llama3_scaling_agrees);
  check_claim("SwiGLU agrees with its twin", swiglu_agrees);
  check_claim("attention agrees with its twin over ragged contexts and blocks", attention_agrees);
  return check_finish();
}
