#include "schedule.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/checked.h"
#include "cpu/attention/attention.h"

namespace dyn::test {
namespace {

constexpr uint32_t kNumPrompts = 8;
constexpr uint32_t kShortPrompt = 60;

std::vector<int32_t> random_tokens(uint32_t count, uint32_t vocab_size, std::mt19937* generator) {
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(draw(vocab_size, generator));
  return tokens;
}

uint32_t length(const std::vector<int32_t>& tokens) {
  return static_cast<uint32_t>(tokens.size());
}

}  // namespace

uint32_t draw(uint32_t count, std::mt19937* generator) {
  return static_cast<uint32_t>((*generator)()) % count;
}

// One in eight prompts is long, at least five sixths of max_prompt; every second begins as
// others.
PromptCorpus::PromptCorpus(const TestModel& model, uint32_t max_prompt, uint32_t seed)
    : model_(model) {
  std::mt19937 generator(seed);
  const std::vector<int32_t> stem = random_tokens(max_prompt, model.config.vocab_size, &generator);
  for (uint32_t i = 0; i < kNumPrompts; ++i) {
    const uint32_t len =
        i == 1 ? max_prompt - draw(max_prompt / 6, &generator) : 1 + draw(kShortPrompt, &generator);
    std::vector<int32_t> tokens = random_tokens(len, model.config.vocab_size, &generator);
    if (i % 2 == 1) std::copy_n(stem.begin(), draw(len + 1, &generator), tokens.begin());
    prompts_.push_back(std::move(tokens));
  }
}

uint32_t PromptCorpus::max_model_len() const {
  const auto longest =
      std::ranges::max_element(prompts_, {}, [](const auto& prompt) { return prompt.size(); });
  return length(*longest) + kNumSamples;
}

const std::vector<Sampled>& PromptCorpus::samples(uint32_t index, dyn_isa isa, uint32_t kv_dtype) {
  std::vector<Sampled>& samples = samples_[{index, isa, kv_dtype}];
  if (!samples.empty()) return samples;
  const uint32_t num_blocks = ceil_div(max_model_len(), 16u);
  TestEngine engine(model_, {.num_blocks = num_blocks,
                             .max_num_batched_tokens = max_model_len(),
                             .max_model_len = max_model_len(),
                             .isa = isa,
                             .kv_dtype = kv_dtype});
  Sequence sequence = {prompts_[index], std::vector<int32_t>(num_blocks), 0};
  std::iota(sequence.blocks.begin(), sequence.blocks.end(), 0);
  samples = engine.generate(&sequence, max_model_len(), kNumSamples);
  return samples;
}

Schedule::Schedule(const TestModel& model, const Options& options, const PromptCorpus& corpus,
                   const std::vector<uint32_t>& prompts, std::mt19937* generator,
                   ScheduleEvents* events)
    : options_(options), generator_(generator), events_(events) {
  uint32_t num_blocks = 0;
  for (const uint32_t index : prompts) {
    Running running;
    running.sequence.tokens = corpus.prompt(index);
    running.prompt_len = length(running.sequence.tokens);
    running.engine = draw(options.num_engines, generator);
    num_blocks += ceil_div(running.prompt_len + PromptCorpus::kNumSamples, options.block_size);
    running_.push_back(std::move(running));
  }
  num_blocks += draw(8, generator);
  num_users_.resize(num_blocks);
  free_blocks_.resize(num_blocks);
  std::iota(free_blocks_.begin(), free_blocks_.end(), 0);
  for (uint32_t engine = 0; engine < options.num_engines; ++engine) {
    engines_.push_back(std::make_unique<TestEngine>(
        model, EngineOptions{.owner = engine + 1,
                             .num_threads = options.num_threads,
                             .num_blocks = num_blocks,
                             .block_size = options.block_size,
                             .max_num_batched_tokens = options.max_num_batched_tokens,
                             .max_model_len = corpus.max_model_len(),
                             .isa = options.isa,
                             .kv_dtype = options.kv_dtype}));
  }
  events_->num_sequences += prompts.size();
}

// Takes over the whole blocks of the sequence that has computed most of this one's beginning. Its
// last token is computed in any case.
void Schedule::take_prefix(Running* running) {
  const std::vector<int32_t>& tokens = running->sequence.tokens;
  const Sequence* donor = nullptr;
  uint32_t num_hit = 0;
  for (const Running& other : running_) {
    if (&other == running || !other.is_placed) continue;
    const uint32_t limit = std::min(other.sequence.num_computed, length(tokens) - 1);
    uint32_t num_equal = 0;
    while (num_equal < limit && other.sequence.tokens[num_equal] == tokens[num_equal]) ++num_equal;
    if (num_equal / options_.block_size <= num_hit) continue;
    num_hit = num_equal / options_.block_size;
    donor = &other.sequence;
  }
  if (donor == nullptr) return;
  running->sequence.blocks.assign(donor->blocks.begin(), donor->blocks.begin() + num_hit);
  running->sequence.num_computed = num_hit * options_.block_size;
  ++events_->num_prefix_hits;
}

void Schedule::place(Running* running) {
  std::vector<int32_t>& blocks = running->sequence.blocks;
  const uint32_t num_needed =
      ceil_div(running->prompt_len + PromptCorpus::kNumSamples, options_.block_size);
  if (!happens_once_in(4)) take_prefix(running);
  while (blocks.size() < num_needed) {
    std::swap(free_blocks_[draw(length(free_blocks_), generator_)], free_blocks_.back());
    blocks.push_back(free_blocks_.back());
    free_blocks_.pop_back();
  }
  for (const int32_t block : blocks) ++num_users_[static_cast<size_t>(block)];
  running->is_placed = true;
}

void Schedule::release(Running* running) {
  for (const int32_t block : running->sequence.blocks) {
    if (--num_users_[static_cast<size_t>(block)] == 0) free_blocks_.push_back(block);
  }
  running->sequence.blocks.clear();
  running->sequence.num_computed = 0;
  running->is_placed = false;
}

// One of the accidents of a sequence between two steps.
void Schedule::disturb(Running* running) {
  if (running->is_done()) return;
  if (!running->is_placed) {
    if (happens_once_in(2)) place(running);
    return;
  }
  if (num_preemptions_left_ > 0 && running->sequence.num_computed > 0 && happens_once_in(30)) {
    --num_preemptions_left_;
    release(running);
    ++events_->num_preemptions;
  } else if (options_.num_engines == 2 && happens_once_in(4)) {
    if (running->is_in_prompt()) ++events_->num_hand_overs;
    running->engine = 1 - running->engine;
  }
}

// Adds a chunk of the sequence, or none.
void Schedule::choose(Running* running, Step* step) {
  if (running->is_done() || !running->is_placed || happens_once_in(5)) return;
  uint32_t num_left_in_step = options_.max_num_batched_tokens;
  for (const Chunk& chunk : step->chunks) num_left_in_step -= chunk.num_tokens;
  const uint32_t num_left = length(running->sequence.tokens) - running->sequence.num_computed;
  const uint32_t max_chunk = std::min(num_left, options_.max_chunk);
  const uint32_t wanted = happens_once_in(2) ? max_chunk : 1 + draw(max_chunk, generator_);
  const uint32_t num_tokens = std::min(wanted, num_left_in_step);
  if (num_tokens == 0) return;
  step->owners.push_back(running);
  step->chunks.push_back({&running->sequence, num_tokens});
}

// As the engine's caller does it: a row of logits only where a token is to be sampled.
void Schedule::submit(uint32_t engine, Step* step) {
  const TestEngine& to = *engines_[engine];
  const uint32_t num_tokens = engines_[engine]->fill(step->chunks);
  uint32_t num_decodes = 0;
  uint32_t num_parts = 0;
  for (size_t i = 0; i < step->chunks.size(); ++i) {
    Running* const owner = step->owners[i];
    const uint32_t begin = owner->sequence.num_computed;
    const uint32_t end = begin + step->chunks[i].num_tokens;
    const bool is_whole = begin == 0 && end >= owner->prompt_len;
    num_decodes += begin >= owner->prompt_len;
    num_parts += begin < owner->prompt_len && !is_whole;
    if (begin < owner->prompt_len && !is_whole && !owner->is_cut) {
      owner->is_cut = true;
      ++events_->num_cut_prompts;
    }
    events_->num_shared_spans += end > kAttentionSpan && options_.num_threads > 1;
    if (end < length(owner->sequence.tokens)) continue;
    to.batch().rows[step->rows.size()] = greedy_row(to.batch().query_start_loc[i + 1] - 1);
    step->rows.push_back(owner);
  }
  events_->num_mixed_steps += num_decodes > 0 && num_parts > 0;
  events_->num_tokens += num_tokens;
  if (dyn_engine_submit(to.get(), static_cast<uint32_t>(step->chunks.size()), num_tokens,
                        static_cast<uint32_t>(step->rows.size())) == DYN_OK) {
    return;
  }
  std::printf("  a step was refused: %s\n", dyn_last_error());
  is_refused_ = true;
  *step = {};
}

void Schedule::finish(uint32_t engine, const Step& step) {
  const TestEngine& from = *engines_[engine];
  dyn_engine_wait(from.get(), DYN_WAIT_FOREVER);
  for (const Chunk& chunk : step.chunks) chunk.sequence->num_computed += chunk.num_tokens;
  for (size_t row = 0; row < step.rows.size(); ++row) {
    Running* const owner = step.rows[row];
    owner->samples.push_back({from.batch().sampled_ids[row], from.batch().logprobs[row]});
    owner->sequence.tokens.push_back(owner->samples.back().id);
    if (owner->is_done()) release(owner);
  }
}

std::vector<std::vector<Sampled>> Schedule::run() {
  std::vector<Running*> order;
  for (Running& running : running_) order.push_back(&running);
  while (!is_refused_ && !std::ranges::all_of(running_, &Running::is_done)) {
    std::ranges::shuffle(order, *generator_);
    Step steps[2];
    for (Running* running : order) disturb(running);
    for (Running* running : order) choose(running, &steps[running->engine]);
    for (uint32_t engine = 0; engine < options_.num_engines; ++engine) {
      if (!steps[engine].chunks.empty()) submit(engine, &steps[engine]);
    }
    events_->num_overlaps += !steps[0].chunks.empty() && !steps[1].chunks.empty();
    for (uint32_t engine = 0; engine < options_.num_engines; ++engine) {
      if (!steps[engine].chunks.empty()) finish(engine, steps[engine]);
    }
  }
  std::vector<std::vector<Sampled>> samples;
  for (Running& running : running_) samples.push_back(std::move(running.samples));
  return samples;
}

}  // namespace dyn::test
