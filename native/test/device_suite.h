// Claims that every device must keep behind the seam (device/device.h): each implementation runs
// them. They drive the engine's classes, so that a device needs no place in the C ABI to be tested.

#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "device/device.h"
#include "engine/engine.h"
#include "engine/kv_pool.h"
#include "engine/model.h"
#include "lone_run.h"

namespace dyn::test {

struct DeviceUnderTest {
  const char* name;
  std::function<std::shared_ptr<Device>()> open;
  uint32_t kv_dtype;
  dyn_dtype weights;  // Stored so.

  // Makes the device fail in the middle of its next step; null for one that cannot be lost.
  std::function<void(Device*)> lose;
};

namespace device_suite {

inline const DeviceUnderTest* device_under_test =
    nullptr;  // For the running claim: CHECK takes none.

inline constexpr dyn_engine_config kEngine = {
    .max_num_seqs = 8, .max_num_rows = 8, .max_num_batched_tokens = 128, .max_model_len = 200};
inline constexpr uint32_t kNumBlocks = 64;

// A device with a model that is loaded.
struct Loaded {
  Loaded() : source(tiny_config(), device_under_test->weights), device(device_under_test->open()) {
    const ModelSource described = {.config = source.config,
                                   .rope_frequencies = source.rope_frequencies,
                                   .tensors = source.tensors,
                                   .cache_fd = -1};
    CHECK(Model::open(device, 1, described, &model).ok());
    dyn_model_progress progress = {};
    CHECK(model->wait(DYN_WAIT_FOREVER, &progress).ok());
    CHECK(model->is_loaded());
  }

  std::shared_ptr<KvPool> open_pool(uint32_t block_size) const {
    std::shared_ptr<KvPool> pool;
    CHECK(KvPool::open(model,
                       {.key = block_size,
                        .num_blocks = kNumBlocks,
                        .block_size = block_size,
                        .kv_dtype = device_under_test->kv_dtype,
                        .reserved = 0},
                       &pool)
              .ok());
    return pool;
  }

  TestModel source;
  std::shared_ptr<Device> device;
  std::shared_ptr<Model> model;
};

// One engine on a pool, driven as a worker drives it.
class Worker {
 public:
  explicit Worker(std::shared_ptr<KvPool> pool)
      : options_({.num_blocks = kNumBlocks, .block_size = pool->config().block_size}) {
    CHECK(Engine::open(std::move(pool), kEngine, &engine_).ok());
  }

  Engine& engine() const { return *engine_; }

  StepSize fill(const std::vector<Chunk>& chunks) const {
    const auto num_seqs = static_cast<uint32_t>(chunks.size());
    return {.num_seqs = num_seqs,
            .num_tokens = fill_batch(engine_->batch(), options_, chunks),
            .num_rows = num_seqs};
  }

  std::vector<Sampled> step(const std::vector<Chunk>& chunks) const {
    const StepSize size = fill(chunks);
    CHECK(engine_->submit(size).ok());
    CHECK(engine_->wait(DYN_WAIT_FOREVER).ok());
    std::vector<Sampled> samples;
    for (uint32_t row = 0; row < size.num_rows; ++row) {
      samples.push_back({engine_->batch().sampled_ids[row], engine_->batch().logprobs[row]});
      chunks[row].sequence->num_computed += chunks[row].num_tokens;
    }
    return samples;
  }

  // Prefills in chunks of `chunk_size`, then decodes.
  std::vector<Sampled> generate(Sequence* sequence, uint32_t chunk_size,
                                uint32_t num_samples = kNumSamples) const {
    std::vector<Sampled> samples;
    while (samples.size() < num_samples) {
      const auto left = static_cast<uint32_t>(sequence->tokens.size()) - sequence->num_computed;
      const uint32_t num_tokens = std::min(left, chunk_size);
      const Sampled sample = step({{sequence, num_tokens}}).front();
      if (num_tokens < left) continue;
      samples.push_back(sample);
      sequence->tokens.push_back(sample.id);
    }
    return samples;
  }

 private:
  const EngineOptions options_;
  std::shared_ptr<Engine> engine_;
};

inline std::vector<Sampled> alone(const Loaded& loaded, uint32_t seed, uint32_t length) {
  const Worker worker(loaded.open_pool(16));
  Sequence sequence = {prompt(seed, length), block_range(0, 13), 0};
  return worker.generate(&sequence, length);
}

inline void facts_are_told() {
  const std::shared_ptr<Device> device = device_under_test->open();
  const dyn_device_facts facts = device->facts();
  CHECK(facts.kind == DYN_DEVICE_CPU || facts.kind == DYN_DEVICE_CUDA);
  CHECK(facts.memory_bytes > 0);
  const dyn_device_config any = {.num_threads = DYN_THREADS_ANY, .isa = DYN_ISA_ANY};
  CHECK(device->check_same(any).ok());
}

inline void bits_do_not_depend_on_cutting() {
  const Loaded loaded;
  const std::vector<Sampled> expected = alone(loaded, 1, 100);
  for (const uint32_t block_size : {16u, 32u, 64u}) {
    for (const uint32_t chunk_size : {1u, 7u, 64u, 100u}) {
      const Worker worker(loaded.open_pool(block_size));
      Sequence sequence = {prompt(1, 100), block_range(5, 13), 0};
      CHECK(worker.generate(&sequence, chunk_size) == expected);
    }
  }
}

inline void bits_do_not_depend_on_company() {
  const Loaded loaded;
  const Worker worker(loaded.open_pool(16));
  std::array<Sequence, 4> sequences;
  std::array<std::vector<Sampled>, 4> expected;
  for (uint32_t s = 0; s < 4; ++s) {
    sequences[s] = {prompt(10 + s, 5 + 9 * s), block_range(static_cast<int32_t>(13 * s), 13), 0};
    expected[s] = alone(loaded, 10 + s, 5 + 9 * s);
  }
  for (uint32_t step = 0; step < kNumSamples; ++step) {
    std::vector<Chunk> chunks;
    for (Sequence& sequence : sequences) {
      const auto length = static_cast<uint32_t>(sequence.tokens.size());
      chunks.push_back({&sequence, length - sequence.num_computed});
    }
    const std::vector<Sampled> samples = worker.step(chunks);
    for (uint32_t s = 0; s < 4; ++s) {
      CHECK(samples[s] == expected[s][step]);
      sequences[s].tokens.push_back(samples[s].id);
    }
  }
}

inline void sequences_move_by_their_block_numbers() {
  const Loaded loaded;
  const std::vector<Sampled> expected = alone(loaded, 2, 60);
  const std::shared_ptr<KvPool> pool = loaded.open_pool(16);
  const Worker first(pool);
  const Worker second(pool);
  Sequence sequence = {prompt(2, 60), block_range(20, 13), 0};
  first.step({{&sequence, 31}});
  CHECK(second.generate(&sequence, 60) == expected);
}

inline void discarded_blocks_are_used_anew() {
  const Loaded loaded;
  const std::vector<Sampled> expected = alone(loaded, 3, 40);
  const std::shared_ptr<KvPool> pool = loaded.open_pool(16);
  const Worker worker(pool);
  for (uint32_t round = 0; round < 2; ++round) {
    Sequence sequence = {prompt(3, 40), block_range(0, 13), 0};
    CHECK(worker.generate(&sequence, 40) == expected);
    CHECK(pool->discard(0, 13).ok());
  }
  CHECK(!pool->discard(60, 5).ok());
}

inline void steps_are_submitted_and_waited_for() {
  const Loaded loaded;
  const Worker worker(loaded.open_pool(16));
  Engine& engine = worker.engine();
  CHECK(engine.wait(0).code() == DYN_INVALID_ARGUMENT);
  CHECK(engine.progress() == 0);
  Sequence sequence = {prompt(4, 100), block_range(0, 13), 0};
  const StepSize size = worker.fill({{&sequence, 100}});
  CHECK(engine.submit(size).ok());
  CHECK(engine.progress() != 0);
  CHECK(engine.submit(size).code() == DYN_INVALID_ARGUMENT);
  Status status = engine.wait(0);
  while (status.code() == DYN_TIMEOUT) status = engine.wait(100);
  CHECK(status.ok());
  CHECK(engine.progress() == 0);
}

inline void engines_end_in_the_middle_of_a_step() {
  const Loaded loaded;
  const std::shared_ptr<KvPool> pool = loaded.open_pool(16);
  for (uint32_t round = 0; round < 20; ++round) {
    const Worker worker(pool);
    Sequence sequence = {prompt(5, 100), block_range(0, 13), 0};
    CHECK(worker.engine().submit(worker.fill({{&sequence, 100}})).ok());
  }
  const std::vector<Sampled> expected = alone(loaded, 6, 30);
  const Worker worker(pool);
  Sequence sequence = {prompt(6, 30), block_range(0, 13), 0};
  CHECK(worker.generate(&sequence, 30) == expected);
}

inline void a_lost_device_says_so() {
  const Loaded loaded;
  const std::shared_ptr<KvPool> pool = loaded.open_pool(16);
  const Worker worker(pool);
  const Worker other(pool);
  Sequence sequence = {prompt(7, 100), block_range(0, 13), 0};
  worker.step({{&sequence, 10}});
  const StepSize size = worker.fill({{&sequence, 10}});
  device_under_test->lose(loaded.device.get());
  const Status submitted = worker.engine().submit(size);
  CHECK(submitted.ok() || submitted.code() == DYN_DEVICE_LOST);
  CHECK(worker.engine().wait(DYN_WAIT_FOREVER).code() == DYN_DEVICE_LOST);
  CHECK(worker.engine().wait(0).code() == DYN_DEVICE_LOST);
  CHECK(worker.engine().submit(size).code() == DYN_DEVICE_LOST);
  CHECK(worker.engine().progress() == 0);
  Sequence another = {prompt(8, 10), block_range(13, 13), 0};
  const StepSize other_size = other.fill({{&another, 10}});
  const Status status = other.engine().submit(other_size);
  CHECK(status.code() == DYN_DEVICE_LOST ||
        other.engine().wait(DYN_WAIT_FOREVER).code() == DYN_DEVICE_LOST);
}

inline void claim(const DeviceUnderTest& device, const char* text, void (*test)()) {
  device_under_test = &device;
  check_claim((std::string(device.name) + ": " + text).c_str(), test);
}

}  // namespace device_suite

// Checks the claims of the suite, each in the device's name.
inline void check_device(const DeviceUnderTest& device) {
  using namespace device_suite;
  claim(device, "tells its facts, and is shared by openers that ask for any", facts_are_told);
  claim(device, "bits do not depend on chunks and block sizes", bits_do_not_depend_on_cutting);
  claim(device, "bits do not depend on the rest of the batch", bits_do_not_depend_on_company);
  claim(device, "a sequence moves between engines by its block numbers",
        sequences_move_by_their_block_numbers);
  claim(device, "discarded blocks are used anew", discarded_blocks_are_used_anew);
  claim(device, "a step is submitted once and waited for once", steps_are_submitted_and_waited_for);
  claim(device, "an engine ends in the middle of its step", engines_end_in_the_middle_of_a_step);
  if (device.lose) claim(device, "a lost device says so and stays lost", a_lost_device_says_so);
}

}  // namespace dyn::test
