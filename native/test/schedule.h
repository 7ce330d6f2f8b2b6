// Random schedules: what a scheduler may do with some sequences on one pool and one or two engines.
// Chunks and decodes in ragged batches, prefixes found in blocks of others, blocks anywhere and
// used anew, preemption by recomputing, and hand-over in the middle of a prompt as by a prefill
// worker.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "test_model.h"

namespace dyn::test {

// Uniform within 0 and `count` - 1, or nearly so.
uint32_t draw(uint32_t count, std::mt19937* generator);

// Counts of events, so that a test can tell that its schedules had all of them.
struct ScheduleEvents {
  uint64_t num_sequences = 0;
  uint64_t num_tokens = 0;        // Computed, in all steps.
  uint64_t num_cut_prompts = 0;   // Computed in part by one step.
  uint64_t num_mixed_steps = 0;   // With a part of a prompt and a decode.
  uint64_t num_shared_spans = 0;  // Chunks past one span of attention, for several threads.
  uint64_t num_prefix_hits = 0;   // Prefixes found in blocks of another sequence.
  uint64_t num_preemptions = 0;   // After which other blocks were filled from the start.
  uint64_t num_hand_overs = 0;    // Between two engines, in the middle of a prompt.
  uint64_t num_overlaps = 0;      // Steps submitted while the other engine's ran.
};

// The prompts that schedules of one model draw from, some with a prefix in common, and what each
// gives alone: in one chunk, on one thread. Only what is asked for is computed, once.
class PromptCorpus {
 public:
  PromptCorpus(const TestModel& model, uint32_t max_prompt, uint32_t seed);

  uint32_t num_prompts() const { return static_cast<uint32_t>(prompts_.size()); }
  const std::vector<int32_t>& prompt(uint32_t index) const { return prompts_[index]; }
  uint32_t max_model_len() const;

  // No engine may be open.
  const std::vector<Sampled>& samples(uint32_t index, dyn_isa isa, uint32_t kv_dtype);

  static constexpr uint32_t kNumSamples = 5;

 private:
  const TestModel& model_;
  std::vector<std::vector<int32_t>> prompts_;
  std::map<std::tuple<uint32_t, dyn_isa, uint32_t>, std::vector<Sampled>> samples_;
};

class Schedule {
 public:
  struct Options {
    dyn_isa isa;
    uint32_t kv_dtype;
    uint32_t num_threads;
    uint32_t num_engines;  // 1 or 2
    uint32_t block_size;
    uint32_t max_chunk;
    uint32_t max_num_batched_tokens;
  };

  Schedule(const TestModel& model, const Options& options, const PromptCorpus& corpus,
           const std::vector<uint32_t>& prompts, std::mt19937* generator, ScheduleEvents* events);

  // Until each sequence has all its samples, which it returns; fewer where a step was refused.
  std::vector<std::vector<Sampled>> run();

 private:
  struct Running {
    Sequence sequence;
    uint32_t prompt_len = 0;
    uint32_t engine = 0;
    bool is_placed = false;  // In blocks.
    bool is_cut = false;
    std::vector<Sampled> samples;

    bool is_done() const { return samples.size() == PromptCorpus::kNumSamples; }
    bool is_in_prompt() const {
      return sequence.num_computed > 0 && sequence.num_computed < prompt_len;
    }
  };
  struct Step {
    std::vector<Running*> owners;  // One a chunk.
    std::vector<Chunk> chunks;
    std::vector<Running*> rows;  // Whose chunk ends where the next token is sampled.
  };

  bool happens_once_in(uint32_t count) { return draw(count, generator_) == 0; }
  void place(Running* running);
  void take_prefix(Running* running);
  void release(Running* running);
  void disturb(Running* running);
  void choose(Running* running, Step* step);
  void submit(uint32_t engine, Step* step);
  void finish(uint32_t engine, const Step& step);

  const Options options_;
  std::mt19937* const generator_;
  ScheduleEvents* const events_;
  std::vector<Running> running_;
  std::vector<int32_t> free_blocks_;
  std::vector<uint32_t> num_users_;  // [num_blocks]
  uint32_t num_preemptions_left_ = 2;
  bool is_refused_ = false;
  std::vector<std::unique_ptr<TestEngine>> engines_;
};

}  // namespace dyn::test
