// Speed of the engine on this machine: whole steps of a model of 26 million parameters in the
// shape of SmolLM2-135M (6 of its layers, a sixth of its vocabulary). Run it after the tests:
// nothing is checked here.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "test_model.h"

namespace {

using namespace dyn;

// Median seconds of `body`, called for about a quarter of a second.
template <typename Body>
double median_seconds(const Body& body) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point before = Clock::now();
    body();
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  } while (Clock::now() - start < std::chrono::milliseconds(250));
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

dyn_model_config small_llama() {
  dyn_model_config config = {};
  config.key = 135;
  config.rms_norm_eps = 1e-5;
  config.rope_magnitude = 1;
  config.vocab_size = 8192;
  config.hidden_size = 576;
  config.intermediate_size = 1536;
  config.num_layers = 6;
  config.num_heads = 9;
  config.num_kv_heads = 3;
  config.head_size = 64;
  config.tie_word_embeddings = 1;
  return config;
}

std::vector<test::Sequence> random_sequences(uint32_t count, uint32_t length) {
  std::vector<test::Sequence> sequences(count);
  std::mt19937 generator(count);
  int32_t block = 0;
  for (test::Sequence& sequence : sequences) {
    for (uint32_t i = 0; i < length; ++i) {
      sequence.tokens.push_back(static_cast<int32_t>(generator() % 8192));
    }
    for (uint32_t i = 0; i < length; i += 16) sequence.blocks.push_back(block++);
  }
  return sequences;
}

// One row of the table: steps of `num_tokens` at the end of each of `num_seqs` sequences.
void bench_steps(test::TestEngine* engine, uint32_t num_seqs, uint32_t num_tokens,
                 uint32_t context_len) {
  std::vector<test::Sequence> sequences = random_sequences(num_seqs, context_len);
  const double seconds = median_seconds([&] {
    std::vector<test::Chunk> chunks;
    for (test::Sequence& sequence : sequences) {
      sequence.num_computed = context_len - num_tokens;
      chunks.push_back({&sequence, num_tokens});
    }
    engine->step(chunks);
  });
  std::printf("%6u %6u %8u %10.2f %10.0f\n", num_seqs, num_tokens, context_len, seconds * 1e3,
              num_seqs * num_tokens / seconds);
}

void bench_engine() {
  const test::TestModel model(small_llama());
  test::TestEngine engine(model, {.num_threads = DYN_THREADS_ANY,
                                  .num_blocks = 1024,
                                  .max_num_seqs = 32,
                                  .max_num_rows = 32,
                                  .max_num_batched_tokens = 512,
                                  .max_model_len = 1024});
  std::printf("\nsteps, F32, a thread a CPU\n");
  std::printf("%6s %6s %8s %10s %10s\n", "seqs", "tokens", "context", "ms", "tokens/s");
  for (const uint32_t num_seqs : {1u, 4u, 8u, 16u, 32u}) bench_steps(&engine, num_seqs, 1, 256);
  bench_steps(&engine, 1, 1, 1024);
  for (const uint32_t num_tokens : {64u, 256u, 512u}) {
    bench_steps(&engine, 1, num_tokens, num_tokens);
  }
  bench_steps(&engine, 1, 512, 1024);
}

}  // namespace

int main() {
  bench_engine();
}
