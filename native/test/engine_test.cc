// The contract of the C ABI: bad batches refused, objects shared and released.

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "lone_run.h"

namespace {

using namespace dyn::test;

using Change = std::function<void(const dyn_batch&)>;

struct Violation {
  const char* array;
  Change change;
};

std::vector<Violation> violations() {
  return {
      {"query_start_loc[0]", [](const dyn_batch& b) { b.query_start_loc[0] = 1; }},
      {"query_start_loc[1]", [](const dyn_batch& b) { b.query_start_loc[1] = 0; }},
      {"query_start_loc[1]", [](const dyn_batch& b) { b.query_start_loc[1] = INT32_MIN; }},
      {"query_start_loc[2]", [](const dyn_batch& b) { b.query_start_loc[2] = 29; }},
      {"seq_lens[0]", [](const dyn_batch& b) { b.seq_lens[0] = 9; }},
      {"seq_lens[1]", [](const dyn_batch& b) { b.seq_lens[1] = 201; }},
      {"seq_lens[1]", [](const dyn_batch& b) { b.seq_lens[1] = -1; }},
      {"block_tables[0]", [](const dyn_batch& b) { b.block_tables[0] = 64; }},
      {"block_tables[14]", [](const dyn_batch& b) { b.block_tables[14] = -1; }},
      {"token_ids[3]", [](const dyn_batch& b) { b.token_ids[3] = 67; }},
      {"token_ids[29]", [](const dyn_batch& b) { b.token_ids[29] = -1; }},
      {"token[0]", [](const dyn_batch& b) { b.rows[0].token = 30; }},
      {"token[1]", [](const dyn_batch& b) { b.rows[1].token = -1; }},
      {"temperature[0]", [](const dyn_batch& b) { b.rows[0].temperature = -0.1f; }},
      {"temperature[1]",
       [](const dyn_batch& b) { b.rows[1].temperature = 0.0f / b.rows[0].temperature; }},
      {"top_p[0]", [](const dyn_batch& b) { b.rows[0].top_p = 1.5f; }},
      {"min_p[1]", [](const dyn_batch& b) { b.rows[1].min_p = -1; }},
      {"top_k[1]", [](const dyn_batch& b) { b.rows[1].top_k = -1; }},
      {"presence_penalty[0]", [](const dyn_batch& b) { b.rows[0].presence_penalty = 1e38f; }},
      {"frequency_penalty[0]", [](const dyn_batch& b) { b.rows[0].frequency_penalty = -1e38f; }},
      {"repetition_penalty[0]", [](const dyn_batch& b) { b.rows[0].repetition_penalty = 0; }},
      {"num_penalties[0]", [](const dyn_batch& b) { b.rows[0].num_penalties = 68; }},
      {"num_penalties[1]",
       [](const dyn_batch& b) {
         b.rows[1].penalty_start = 8 * 67;
         b.rows[1].num_penalties = 1;
       }},
      {"num_penalties[1]",
       [](const dyn_batch& b) {
         b.rows[1].penalty_start = UINT32_MAX;
         b.rows[1].num_penalties = 2;
       }},
      {"penalty_token_ids[3]",
       [](const dyn_batch& b) {
         b.rows[1].penalty_start = 3;
         b.rows[1].num_penalties = 1;
         b.penalty_token_ids[3] = 67;
       }},
      {"num_banned[1]",
       [](const dyn_batch& b) { b.rows[1].num_banned = DYN_MAX_BANNED_TOKENS + 1; }},
      {"num_banned[0]",
       [](const dyn_batch& b) {
         b.rows[0].banned_start = 8 * DYN_MAX_BANNED_TOKENS - 1;
         b.rows[0].num_banned = 2;
       }},
      {"banned_token_ids[1]",
       [](const dyn_batch& b) {
         b.rows[1].num_banned = 2;
         b.banned_token_ids[1] = -5;
       }},
      {"num_biases[1]", [](const dyn_batch& b) { b.rows[1].num_biases = DYN_MAX_BIASES + 1; }},
      {"num_biases[0]",
       [](const dyn_batch& b) {
         b.rows[0].bias_start = 8 * DYN_MAX_BIASES;
         b.rows[0].num_biases = 1;
       }},
      {"bias_token_ids[1]",
       [](const dyn_batch& b) {
         b.rows[0].num_biases = 2;
         b.bias_token_ids[1] = 67;
       }},
      {"biases[0]",
       [](const dyn_batch& b) {
         b.rows[0].num_biases = 1;
         b.biases[0] = std::numeric_limits<float>::infinity();
       }},
      {"mask[1]", [](const dyn_batch& b) { b.rows[1].mask = 9; }},
      {"num_logprobs[0]",
       [](const dyn_batch& b) { b.rows[0].num_logprobs = DYN_MAX_LOGPROBS + 1; }},
      {"kind[0]", [](const dyn_batch& b) { b.rows[0].kind = DYN_ROW_POOL + 1; }},
      {"target[1]",
       [](const dyn_batch& b) {
         b.rows[1].kind = DYN_ROW_SCORE;
         b.rows[1].target = 67;
       }},
      {"reserved[1]", [](const dyn_batch& b) { b.rows[1].reserved[3] = 1; }},
  };
}

void wrong_batches_are_refused() {
  const TestModel model(tiny_config());
  TestEngine engine(model, {});
  Sequence a = {prompt(20, 10), block_range(0, 13), 0};
  Sequence b = {prompt(21, 20), block_range(13, 13), 0};
  const std::vector<Chunk> chunks = {{&a, 10}, {&b, 20}};
  const std::vector<Sampled> expected = engine.step(chunks);
  a.num_computed = 0;
  b.num_computed = 0;
  for (const Violation& violation : violations()) {
    engine.fill(chunks);
    violation.change(engine.batch());
    CHECK(dyn_engine_submit(engine.get(), 2, 30, 2) == DYN_INVALID_ARGUMENT);
    const std::string message = dyn_last_error();
    CHECK(message.starts_with(violation.array));
    if (!message.starts_with(violation.array)) {
      printf("  %s: got: %s\n", violation.array, message.c_str());
    }
  }
  engine.fill(chunks);
  CHECK(dyn_engine_submit(engine.get(), 0, 30, 2) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_submit(engine.get(), 9, 30, 2) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_submit(engine.get(), 2, 129, 2) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_submit(engine.get(), 2, 29, 2) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_submit(engine.get(), 2, 30, 9) == DYN_INVALID_ARGUMENT);
  CHECK(engine.step(chunks) == expected);
}

void steps_are_waited_for() {
  const TestModel model(tiny_config());
  TestEngine engine(model, {});
  CHECK(dyn_engine_wait(engine.get(), 0) == DYN_INVALID_ARGUMENT);
  Sequence sequence = {prompt(22, 100), block_range(0, 13), 0};
  const Chunk chunk = {&sequence, 100};
  const uint32_t num_tokens = engine.fill(std::span(&chunk, 1));
  CHECK(dyn_engine_submit(engine.get(), 1, num_tokens, 1) == DYN_OK);
  CHECK(dyn_engine_submit(engine.get(), 1, num_tokens, 1) == DYN_INVALID_ARGUMENT);
  dyn_status status = DYN_TIMEOUT;
  while (status == DYN_TIMEOUT) status = dyn_engine_wait(engine.get(), 1);
  CHECK(status == DYN_OK);
  CHECK(dyn_engine_wait(engine.get(), 0) == DYN_INVALID_ARGUMENT);
}

void a_step_without_rows_only_fills_the_pool() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 23, 50);
  TestEngine engine(model, {});
  Sequence sequence = {prompt(23, 50), block_range(0, 13), 0};
  const Chunk chunk = {&sequence, 32};
  engine.fill(std::span(&chunk, 1));
  CHECK(dyn_engine_submit(engine.get(), 1, 32, 0) == DYN_OK);
  CHECK(dyn_engine_wait(engine.get(), DYN_WAIT_FOREVER) == DYN_OK);
  sequence.num_computed = 32;
  CHECK(engine.generate(&sequence, 50, kNumSamples) == expected);
}

// Two workers on one pool, one device: their steps take turns and do not touch each other.
void workers_share_a_pool() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected[] = {expected_samples(model, 30, 80),
                                           expected_samples(model, 31, 80)};
  std::atomic<int> num_right = 0;
  const auto work = [&](uint32_t worker) {
    TestEngine engine(model, {.owner = worker + 1, .num_threads = 2});
    for (int round = 0; round < 10; ++round) {
      Sequence sequence = {prompt(30 + worker, 80),
                           block_range(static_cast<int32_t>(worker) * 32, 13), 0};
      if (engine.generate(&sequence, 33, kNumSamples) == expected[worker]) ++num_right;
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  first.join();
  second.join();
  CHECK(num_right == 20);
}

void sequences_move_between_engines_without_bytes() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 32, 60);
  TestEngine prefill(model, {.owner = 1});
  TestEngine decode(model, {.owner = 2});
  Sequence sequence = {prompt(32, 60), block_range(7, 13), 0};
  std::vector<Sampled> samples = prefill.generate(&sequence, 60, 1);
  for (const Sampled& sample : decode.generate(&sequence, 1, kNumSamples - 1)) {
    samples.push_back(sample);
  }
  CHECK(samples == expected);
}

void equal_keys_open_the_same_model() {
  const TestModel model(tiny_config());
  TestEngine engine(model, {});
  // The second opener has no file: it gets what is loaded, or fails.
  TestModel without_file(tiny_config());
  for (dyn_tensor& tensor : without_file.tensors) tensor.fd = -1;
  const TestEngine second(without_file, {.owner = 2});

  dyn_device* device = nullptr;
  dyn_model* other = nullptr;
  CHECK(open_cpu(3, DYN_THREADS_ANY, DYN_ISA_ANY, &device) == DYN_OK);
  TestModel changed(tiny_config());
  changed.config.rope_magnitude = 5;
  CHECK(dyn::test::open_model(device, 3, changed, &other) == DYN_INVALID_ARGUMENT);
  TestModel turned(tiny_config());
  turned.rope_frequencies.front() = 0.5;
  CHECK(dyn::test::open_model(device, 3, turned, &other) == DYN_INVALID_ARGUMENT);
  dyn_device* with_more_threads = nullptr;
  CHECK(open_cpu(3, 2, DYN_ISA_ANY, &with_more_threads) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_owner_release(3) == DYN_OK);
}

void all_wait_for_one_load() {
  const TestModel model(tiny_config());
  std::vector<std::thread> threads;
  std::atomic<int> num_open = 0;
  dyn_device* device = nullptr;
  CHECK(open_cpu(1, 1, DYN_ISA_ANY, &device) == DYN_OK);
  for (uint32_t owner = 1; owner <= 8; ++owner) {
    threads.emplace_back([&, owner] {
      dyn_model* opened = nullptr;
      if (dyn::test::open_model(device, owner, model, &opened) == DYN_OK) ++num_open;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(num_open == 8);
  for (uint32_t owner = 1; owner <= 8; ++owner) CHECK(dyn_owner_release(owner) == DYN_OK);
}

void a_dead_owner_leaves_nothing() {
  const TestModel model(tiny_config());
  TestEngine living(model, {.owner = 1});
  {
    TestEngine dead(model, {.owner = 2});
    Sequence sequence = {prompt(40, 120), block_range(0, 13), 0};
    const Chunk chunk = {&sequence, 120};
    const uint32_t num_tokens = dead.fill(std::span(&chunk, 1));
    CHECK(dyn_engine_submit(dead.get(), 1, num_tokens, 1) == DYN_OK);
    CHECK(dyn_owner_release(2) == DYN_OK);  // In the middle of its step.
    CHECK(dyn_engine_wait(dead.get(), 0) == DYN_INVALID_ARGUMENT);
    CHECK(dyn_engine_close(dead.get()) == DYN_INVALID_ARGUMENT);
    CHECK(dyn_kv_pool_close(dead.pool()) == DYN_INVALID_ARGUMENT);
    CHECK(dyn_owner_release(2) == DYN_OK);
  }
  const std::vector<Sampled> expected = expected_samples(model, 41, 30);
  Sequence sequence = {prompt(41, 30), block_range(0, 13), 0};
  CHECK(living.generate(&sequence, 30, kNumSamples) == expected);
}

void limits_are_checked_at_open() {
  const TestModel model(tiny_config());
  const TestEngine engine(model, {});
  dyn_engine* opened = nullptr;
  const dyn_engine_config no_seqs = {0, 1, 1, 1};
  const dyn_engine_config too_long = {1, 1, 1, UINT32_MAX};
  const dyn_engine_config too_large = {1u << 16, 1u << 16, 1u << 20, 1u << 24};
  CHECK(dyn_engine_open(engine.pool(), 5, &no_seqs, &opened) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_open(engine.pool(), 5, &too_long, &opened) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_open(engine.pool(), 5, nullptr, &opened) == DYN_INVALID_ARGUMENT);
  // Untouched memory costs nothing, so this either fits or is refused; it never takes the machine.
  const dyn_status status = dyn_engine_open(engine.pool(), 5, &too_large, &opened);
  CHECK(status == DYN_OK || status == DYN_OUT_OF_MEMORY);
  CHECK(dyn_owner_release(5) == DYN_OK);
}

}  // namespace

int main() {
  check_claim("a batch that breaks a bound is refused, and nothing was touched",
              wrong_batches_are_refused);
  check_claim("a step is submitted once and waited for once", steps_are_waited_for);
  check_claim("a step without rows only fills the pool", a_step_without_rows_only_fills_the_pool);
  check_claim("workers share a pool and take turns", workers_share_a_pool);
  check_claim("a sequence moves between engines by its block numbers",
              sequences_move_between_engines_without_bytes);
  check_claim("equal keys open the same model, and unequal models are refused",
              equal_keys_open_the_same_model);
  check_claim("all openers wait for one load", all_wait_for_one_load);
  check_claim("a dead owner leaves nothing behind", a_dead_owner_leaves_nothing);
  check_claim("limits are checked when an engine is opened", limits_are_checked_at_open);
  return check_finish();
}
