// Attention alone, on one thread, in the shape of Qwen3-0.6B (16 heads on 8 KV heads of 128):
// GFLOP/s of a prefill chunk, GB/s of K and V in decode, for each instruction set and type of the
// pool. Nothing is checked here; kernel_test does that.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include "cpu/attention/attention.h"
#include "cpu/isa.h"
#include "test_model.h"

namespace {

using namespace dyn;

constexpr uint32_t kNumKvHeads = 8;
constexpr uint32_t kGroupSize = 2;
constexpr uint32_t kHeadSize = 128;
constexpr uint32_t kBlockSize = 16;
constexpr const char* kTypes[] = {"F32", "BF16", "int8"};

// Median seconds of `body`, called for a fifth of a second.
template <typename Body>
double median_seconds(const Body& body) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point before = Clock::now();
    body();
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  } while (Clock::now() - start < std::chrono::milliseconds(200));
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

// The last `num_tokens` of `num_seqs` sequences of `context_len`, one layer.
void bench(dyn_isa isa, dyn_kv_dtype dtype, uint32_t num_seqs, uint32_t num_tokens,
           uint32_t context_len) {
  KvLayer layer = make_kv_layer(dtype, kNumKvHeads, kHeadSize, kBlockSize);
  const uint32_t blocks_per_seq = (context_len + kBlockSize - 1) / kBlockSize;
  std::vector<std::byte> blocks(size_t{num_seqs} * blocks_per_seq * layer.block_bytes());
  layer.blocks = blocks.data();
  std::vector<int32_t> table(size_t{num_seqs} * blocks_per_seq);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<int32_t>(i);
  std::mt19937 generator(1);
  const std::vector<float> token = test::random_floats(kNumKvHeads * kHeadSize, 1, &generator);
  for (uint32_t slot = 0; slot < num_seqs * blocks_per_seq * kBlockSize; ++slot) {
    write_kv(layer, slot, token.data(), token.data());
  }
  const size_t q_stride = size_t{kNumKvHeads} * kGroupSize * kHeadSize;
  const std::vector<float> q = test::random_floats(num_tokens * q_stride, 1, &generator);
  std::vector<float> out(q.size());
  Arena arena;
  AttentionScratch scratch;
  scratch.place(layer, &arena);
  if (!arena.map("scratch").ok()) return;
  scratch.place(layer, &arena);

  const AttentionKernels& kernels = attention_kernels(isa);
  const uint32_t tile = tile_tokens(kGroupSize);
  const double seconds = median_seconds([&] {
    for (uint32_t seq = 0; seq < num_seqs; ++seq) {
      for (uint32_t kv_head = 0; kv_head < kNumKvHeads; ++kv_head) {
        for (uint32_t first = 0; first < num_tokens; first += tile) {
          const uint32_t count = std::min(tile, num_tokens - first);
          const size_t at = first * q_stride + size_t{kv_head} * kGroupSize * kHeadSize;
          kernels.attend(layer,
                         {.q = q.data() + at,
                          .out = out.data() + at,
                          .q_stride = q_stride,
                          .num_tokens = count,
                          .group_size = kGroupSize,
                          .kv_head = kv_head,
                          .block_table = table.data() + size_t{seq} * blocks_per_seq,
                          .context_len = context_len - num_tokens + first + count,
                          .sliding_window = 0,
                          .scale = 0.088f,
                          .softcap = 0},
                         scratch);
        }
      }
    }
  });
  const double mean_context = context_len - (num_tokens - 1) / 2.0;
  const double flop =
      4.0 * num_seqs * num_tokens * mean_context * kHeadSize * kNumKvHeads * kGroupSize;
  const double bytes = static_cast<double>(blocks.size());
  std::printf("%-9s %-5s %5u %6u %8u %10.3f %9.1f %7.1f\n", isa_name(isa), kTypes[dtype], num_seqs,
              num_tokens, context_len, seconds * 1e3, flop / seconds / 1e9, bytes / seconds / 1e9);
}

dyn_model_config thin_qwen3() {
  dyn_model_config config = {};
  config.key = 600;
  config.rms_norm_eps = 1e-6;
  config.rope_magnitude = 1;
  config.vocab_size = 64;
  config.hidden_size = 32;
  config.intermediate_size = 32;
  config.num_layers = 28;
  config.num_heads = kNumKvHeads * kGroupSize;
  config.num_kv_heads = kNumKvHeads;
  config.head_size = kHeadSize;
  config.tie_word_embeddings = 1;
  config.qk_norm = 1;
  return config;
}

void bench_steps(const test::TestModel& model, dyn_isa isa, dyn_kv_dtype dtype, uint32_t num_seqs,
                 uint32_t num_tokens, uint32_t context_len) {
  const uint32_t blocks_per_seq = context_len / kBlockSize;
  test::TestEngine engine(model, {.num_threads = DYN_THREADS_ANY,
                                  .num_blocks = num_seqs * blocks_per_seq,
                                  .max_num_seqs = num_seqs,
                                  .max_num_rows = num_seqs,
                                  .max_num_batched_tokens = 512,
                                  .max_model_len = context_len,
                                  .isa = isa,
                                  .kv_dtype = dtype});
  std::vector<test::Sequence> sequences(num_seqs);
  int32_t block = 0;
  for (test::Sequence& sequence : sequences) {
    for (uint32_t i = 0; i < context_len; ++i) {
      sequence.tokens.push_back(static_cast<int32_t>(i * 7 % 64));
    }
    for (uint32_t i = 0; i < blocks_per_seq; ++i) sequence.blocks.push_back(block++);
  }
  for (test::Sequence& sequence : sequences) {
    while (sequence.num_computed < context_len) {
      const test::Chunk chunk = {&sequence, std::min(512u, context_len - sequence.num_computed)};
      engine.step(std::span(&chunk, 1));
    }
  }
  const double seconds = median_seconds([&] {
    std::vector<test::Chunk> chunks;
    for (test::Sequence& sequence : sequences) {
      sequence.num_computed = context_len - num_tokens;
      chunks.push_back({&sequence, num_tokens});
    }
    engine.step(chunks);
  });
  const KvLayer layer = make_kv_layer(dtype, kNumKvHeads, kHeadSize, kBlockSize);
  const double bytes = 28.0 * static_cast<double>(layer.block_bytes()) * num_seqs * blocks_per_seq;
  std::printf("%-9s %-5s %5u %6u %8u %10.2f %7.1f\n", isa_name(isa), kTypes[dtype], num_seqs,
              num_tokens, context_len, seconds * 1e3, bytes / seconds / 1e9);
}

void bench_kernels() {
  std::printf("%-9s %-5s %5s %6s %8s %10s %9s %7s\n", "isa", "K, V", "seqs", "tokens", "context",
              "ms/layer", "GFLOP/s", "GB/s");
  for (const dyn_isa isa : present_isas()) {
    for (const dyn_kv_dtype dtype : {DYN_KV_F32, DYN_KV_BF16, DYN_KV_INT8}) {
      bench(isa, dtype, 1, 512, 512);
      bench(isa, dtype, 1, 512, 2048);
      bench(isa, dtype, 1, 1, 512);
      bench(isa, dtype, 1, 1, 2048);
      bench(isa, dtype, 16, 1, 512);
      bench(isa, dtype, 16, 1, 2048);
    }
  }
}

void bench_all_steps() {
  std::printf("\n%-9s %-5s %5s %6s %8s %10s %7s\n", "isa", "K, V", "seqs", "tokens", "context",
              "ms/step", "GB/s");
  const test::TestModel model(thin_qwen3());
  for (const dyn_isa isa : present_isas()) {
    for (const dyn_kv_dtype dtype : {DYN_KV_F32, DYN_KV_BF16, DYN_KV_INT8}) {
      bench_steps(model, isa, dtype, 1, 1, 512);
      bench_steps(model, isa, dtype, 8, 1, 512);
      if (isa == DYN_ISA_PORTABLE) continue;  // It would take minutes.
      bench_steps(model, isa, dtype, 1, 1, 2048);
      bench_steps(model, isa, dtype, 8, 1, 2048);
    }
  }
}

}  // namespace

// attention_bench [kernels | steps]
int main(int argc, char** argv) {
  const std::string_view only = argc > 1 ? argv[1] : "";
  if (only != "steps") bench_kernels();
  if (only != "kernels") bench_all_steps();
}
