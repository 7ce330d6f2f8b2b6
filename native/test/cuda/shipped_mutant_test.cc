// Tests of the tests, for the kernels that ship: the engine runs on the stand-in with one mutation at a time in one kernel. It
// must end in a fault of the runner, or in other samples than without. DYNAMO_MUTANTS says which are tried: every n-th; 1 is
// all of them. LD_LIBRARY_PATH names the stand-in's folder, and DYNAMO_STANDIN_CUDA=checks=all has races looked for.

#include <dlfcn.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "check.h"
#include "engine/engine.h"
#include "engine/kv_pool.h"
#include "engine/model.h"
#include "engine/open_device.h"
#include "lone_run.h"
#include "runner/kernel.h"

namespace {

using namespace dyn;
using namespace dyn::test;

constexpr dyn_engine_config kEngine = {
    .max_num_seqs = 8, .max_num_rows = 8, .max_num_batched_tokens = 256, .max_model_len = 1280};
constexpr uint32_t kNumBlocks = 80;
constexpr int kLeastPercent = 90;
constexpr float kNear =
    1e-3f;  // Part of a log-probability: a change that no test of the model would see.

template <typename Function>
Function* standin_call(const char* name) {
  static void* const library = dlopen("libcuda.so.1", RTLD_NOW);
  void* const call = library == nullptr ? nullptr : dlsym(library, name);
  return reinterpret_cast<Function*>(reinterpret_cast<uintptr_t>(call));
}

// A model whose heads have the size that a kernel is for.
dyn_model_config config_for(const std::string& kernel) {
  if (kernel.ends_with("_64")) return k_block_config();
  if (!kernel.ends_with("_128")) return tiny_config();
  dyn_model_config config = k_block_config();
  config.head_size = 128;
  config.key += 1;
  return config;
}

// An engine on the stand-in; without one if any part of it failed to open.
class Rig {
 public:
  explicit Rig(const dyn_model_config& config) : source_(config, DYN_BF16) {
    if (!open_device(DYN_DEVICE_CUDA, 0, {.num_threads = 2, .isa = DYN_ISA_ANY}, &device_).ok())
      return;
    const ModelSource described = {.config = source_.config,
                                   .rope_frequencies = source_.rope_frequencies,
                                   .tensors = source_.tensors,
                                   .cache_fd = -1};
    dyn_model_progress progress = {};
    if (!Model::open(device_, 1, described, &model_).ok()) return;
    if (!model_->wait(DYN_WAIT_FOREVER, &progress).ok()) return;
    const dyn_kv_pool_config pool = {.key = 1,
                                     .num_blocks = kNumBlocks,
                                     .block_size = 16,
                                     .kv_dtype = DYN_KV_BF16,
                                     .reserved = 0};
    if (!KvPool::open(model_, pool, &pool_).ok()) return;
    (void)Engine::open(pool_, kEngine, &engine_);
  }

  // Samples of prompts that come one after another, the longest in chunks, and then decode together: steps of 9, 21, many
  // and 3 tokens. Nothing if a step failed.
  std::optional<std::vector<Sampled>> run(uint32_t length) const {
    if (engine_ == nullptr) return std::nullopt;
    std::vector<Sequence> sequences = {{prompt(1, length), block_range(0, 50), 0},
                                       {prompt(2, 21), block_range(50, 13), 0},
                                       {prompt(3, 9), block_range(63, 13), 0}};
    std::vector<Sampled> samples;
    if (!compute({{&sequences[2], 9}}, &samples)) return std::nullopt;
    if (!compute({{&sequences[1], 21}}, &samples)) return std::nullopt;
    while (sequences[0].num_computed < length) {
      const uint32_t left = length - sequences[0].num_computed;
      if (!compute({{&sequences[0], std::min(left, 200u)}}, &samples)) return std::nullopt;
    }
    for (int step = 0; step < 2; ++step) {
      std::vector<Chunk> chunks;
      for (Sequence& sequence : sequences) chunks.push_back({&sequence, 1});
      if (!compute(chunks, &samples)) return std::nullopt;
    }
    return samples;
  }

 private:
  // The second row of a step samples with all that there is; the third names its likeliest tokens.
  void choose_sampling(uint32_t num_rows) const {
    const dyn_batch& batch = engine_->batch();
    if (num_rows < 3) return;
    dyn_row& drawn = batch.rows[1];
    drawn.temperature = 0.8f;
    drawn.top_p = 0.9f;
    drawn.min_p = 0.01f;
    drawn.top_k = 20;
    drawn.presence_penalty = 0.3f;
    drawn.frequency_penalty = 0.2f;
    drawn.repetition_penalty = 1.2f;
    drawn.num_penalties = 4;
    for (int32_t i = 0; i < 4; ++i) {
      batch.penalty_token_ids[i] = 3 * i;
      batch.penalty_counts[i] = i;
    }
    drawn.num_banned = 1;
    batch.banned_token_ids[0] = 5;
    drawn.num_biases = 1;
    batch.bias_token_ids[0] = 7;
    batch.biases[0] = 2;
    batch.rows[2].num_logprobs = 3;
  }

  bool compute(const std::vector<Chunk>& chunks, std::vector<Sampled>* samples) const {
    const EngineOptions options = {.num_blocks = kNumBlocks,
                                   .block_size = 16,
                                   .max_num_batched_tokens = 256,
                                   .max_model_len = 1280};
    const auto count = static_cast<uint32_t>(chunks.size());
    const uint32_t num_tokens = fill_batch(engine_->batch(), options, chunks);
    choose_sampling(count);
    if (!engine_->submit({.num_seqs = count, .num_tokens = num_tokens, .num_rows = count}).ok())
      return false;
    if (!engine_->wait(DYN_WAIT_FOREVER).ok()) return false;
    for (uint32_t row = 0; row < count; ++row) {
      Sequence& sequence = *chunks[row].sequence;
      sequence.num_computed += chunks[row].num_tokens;
      const Sampled sample = {engine_->batch().sampled_ids[row], engine_->batch().logprobs[row]};
      samples->push_back(sample);
      // A mutant's sample may be no token: the next step would not take it.
      if (sample.id < 0 || sample.id >= static_cast<int32_t>(source_.config.vocab_size))
        return false;
      if (sequence.num_computed == sequence.tokens.size()) sequence.tokens.push_back(sample.id);
    }
    return true;
  }

  TestModel source_;
  std::shared_ptr<Device> device_;
  std::shared_ptr<Model> model_;
  std::shared_ptr<KvPool> pool_;
  std::shared_ptr<Engine> engine_;
};

bool are_near(const std::vector<Sampled>& a, const std::vector<Sampled>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].id != b[i].id || !(std::abs(a[i].logprob - b[i].logprob) <= kNear)) return false;
  }
  return true;
}

struct Tally {
  int num_tried = 0;
  int num_caught = 0;
  int num_not_reached = 0;
};

void try_mutants(const ptx::Kernel& kernel, int first, int step, Tally* tally) {
  const auto set_mutant = standin_call<void(const char*, int)>("dyn_standin_set_mutant");
  const auto is_reached = standin_call<bool()>("dyn_standin_is_mutant_reached");
  const std::string name = kernel.name;
  const dyn_model_config config = config_for(name);
  const uint32_t length = name.find("merge") == std::string::npos ? 70 : 560;
  set_mutant(kernel.name, 0);
  auto rig = std::make_unique<Rig>(config);
  const std::optional<std::vector<Sampled>> expected = rig->run(length);
  CHECK(expected.has_value());
  if (!expected.has_value()) return;
  for (int number = first; number <= static_cast<int>(kernel.num_mutations); number += step) {
    set_mutant(kernel.name, number);
    const std::optional<std::vector<Sampled>> samples = rig->run(length);
    const bool reached = is_reached();
    const bool is_caught = !samples.has_value() || !are_near(*samples, *expected);
    set_mutant(kernel.name, 0);
    if (!samples.has_value()) {
      rig.reset();  // The last of the device: a new one works again.
      rig = std::make_unique<Rig>(config);
    }
    const ptx::Mutation& mutation = kernel.mutations[number - 1];
    if (!reached) {
      ++tally->num_not_reached;
      continue;
    }
    ++tally->num_tried;
    tally->num_caught += is_caught ? 1 : 0;
    if (!is_caught) {
      std::printf("  survivor: %s %d, %s:%d, %s of %s\n", kernel.name, number, kernel.file,
                  mutation.line, mutation.kind, mutation.opcode);
    }
  }
}

int every = 97;

void mutants_are_caught() {
  const auto num_kernels = standin_call<uint32_t()>("dyn_standin_num_kernels");
  const auto kernel_at = standin_call<const ptx::Kernel*(uint32_t)>("dyn_standin_kernel");
  CHECK(num_kernels != nullptr && kernel_at != nullptr);
  if (num_kernels == nullptr || kernel_at == nullptr) return;
  Tally all;
  for (uint32_t i = 0; i < num_kernels(); ++i) {
    const ptx::Kernel& kernel = *kernel_at(i);
    Tally tally;
    try_mutants(kernel, 1 + static_cast<int>(i) % every, every, &tally);
    std::printf("  %-20s %4u places: %d tried, %d caught, %d not reached\n", kernel.name,
                kernel.num_mutations, tally.num_tried, tally.num_caught, tally.num_not_reached);
    all.num_tried += tally.num_tried;
    all.num_caught += tally.num_caught;
    all.num_not_reached += tally.num_not_reached;
  }
  std::printf("  %d mutants tried, %d caught, %d in code that these models do not reach\n",
              all.num_tried, all.num_caught, all.num_not_reached);
  CHECK(all.num_tried > 0);
  CHECK(all.num_caught * 100 >= all.num_tried * kLeastPercent);
}

}  // namespace

int main() {
  const char* const step = std::getenv("DYNAMO_MUTANTS");
  if (step != nullptr) every = std::max(1, std::atoi(step));
  check_claim("faults that are put into the shipped kernels are noticed", mutants_are_caught);
  return check_finish();
}
