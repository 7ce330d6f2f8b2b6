// Same bits, always: random schedules of every format of weights, type of K and V and instruction
// set give each sequence the token ids and log-probabilities of its run alone.
//
//   schedule_test [count] [seed] [--large] [--isa name]
//
// --large: the widths of Qwen3-0.6B with fewer layers and a smaller vocabulary. --isa: all on that
// instruction set; else three of four on the best.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "cpu/isa.h"
#include "pack/dtype.h"
#include "schedule.h"

namespace {

using namespace dyn::test;

constexpr uint32_t kKvTypes[] = {DYN_KV_F32, DYN_KV_BF16, DYN_KV_INT8};
constexpr const char* kKvNames[] = {"F32", "BF16", "int8"};
constexpr uint32_t kMaxPrompt = 640;  // Beyond one span of attention.

uint32_t num_schedules = NUM_SCHEDULES;
uint32_t seed = 1;
bool is_large = false;
std::string_view only_isa;  // By its name; empty for any.
ScheduleEvents events;

struct Kind {
  const char* name;
  dyn_dtype dtype;
  dyn_model_config config;
  uint32_t group_size = 128;
};

// The smallest shape whose rows the type can store, and odd where it may be.
dyn_model_config small_config(dyn_dtype dtype) {
  if (dtype <= DYN_BF16) return tiny_config();
  if (dtype <= DYN_Q4_0) return block_config();
  dyn_model_config config = k_block_config();
  config.intermediate_size = 256;
  return config;
}

dyn_model_config large_config() {
  dyn_model_config config = tiny_config();
  config.rms_norm_eps = 1e-6;
  config.vocab_size = 4096;  // Instead of 151,936.
  config.hidden_size = 1024;
  config.intermediate_size = 3072;
  config.num_layers = 5;  // Instead of 28.
  config.num_heads = 16;
  config.num_kv_heads = 8;
  config.head_size = 128;
  config.qk_norm = 1;
  return config;
}

std::vector<Kind> kinds() {
  std::vector<Kind> kinds;
  const auto add = [&](const char* name, dyn_dtype dtype, const auto& change) {
    kinds.push_back({name, dtype, is_large ? large_config() : small_config(dtype)});
    change(&kinds.back().config);
    kinds.back().config.key = 1000 + kinds.size();
  };
  const auto as_it_is = [](dyn_model_config*) {};
  add("F32", DYN_F32, as_it_is);
  add("F16", DYN_F16, as_it_is);
  add("BF16", DYN_BF16, as_it_is);
  add("Q8_0", DYN_Q8_0, as_it_is);
  add("Q4_0", DYN_Q4_0, as_it_is);
  add("Q4_1", DYN_Q4_1, as_it_is);
  add("Q5_0", DYN_Q5_0, as_it_is);
  add("Q5_1", DYN_Q5_1, as_it_is);
  add("IQ4_NL", DYN_IQ4_NL, as_it_is);
  add("MXFP4", DYN_MXFP4, as_it_is);
  add("Q2_K", DYN_Q2_K, as_it_is);
  add("Q3_K", DYN_Q3_K, as_it_is);
  add("IQ4_XS", DYN_IQ4_XS, as_it_is);
  add("Q4_K", DYN_Q4_K, as_it_is);
  add("Q5_K", DYN_Q5_K, as_it_is);
  add("Q6_K", DYN_Q6_K, as_it_is);
  add("GPTQ in groups of 128", DYN_GPTQ, as_it_is);
  add("AWQ in groups of 64", DYN_AWQ, as_it_is);
  kinds.back().group_size = 64;
  add("GPTQ v2 in groups of 32", DYN_GPTQ_V2, as_it_is);
  kinds.back().group_size = 32;
  add("F32 to q8", DYN_F32, [](auto* config) { config->quantization = DYN_QUANTIZATION_Q8; });
  add("BF16 to q4", DYN_BF16, [](auto* config) { config->quantization = DYN_QUANTIZATION_Q4; });
  if (is_large) return kinds;
  add("F32 with biases", DYN_F32, [](auto* config) {
    config->attention_bias = 1;
    config->rope_layout = DYN_ROPE_INTERLEAVED;
  });
  add("F16 with norms of q and k", DYN_F16, [](auto* config) { config->qk_norm = 1; });
  add("BF16 in a window", DYN_BF16, [](auto* config) { config->sliding_window = 300; });
  add("F16 with local layers", DYN_F16, [](auto* config) { make_local(config, {1}, 48); });
  add("BF16 as Gemma", DYN_BF16, make_gemma);
  add("Q8_0 as Gemma", DYN_Q8_0, make_gemma);
  add("F32 as OLMo", DYN_F32, make_olmo);
  add("Q8_0 with an odd head", DYN_Q8_0, [](auto* config) {
    config->tie_word_embeddings = 0;
    config->num_heads = 16;
    config->head_size = 6;
  });
  return kinds;
}

// Portable kernels need minutes for what the others do in seconds, so large shapes leave them out.
std::vector<dyn_isa> isas() {
  std::vector<dyn_isa> isas = dyn::present_isas();
  if (is_large) std::erase(isas, DYN_ISA_PORTABLE);
  if (only_isa.empty()) return isas;
  std::erase_if(isas, [](dyn_isa isa) { return only_isa != dyn::isa_name(isa); });
  return isas;
}

Schedule::Options random_options(std::mt19937* generator) {
  constexpr uint32_t kBlockSizes[] = {16, 16, 16, 1, 7, 48};
  constexpr uint32_t kMaxChunks[] = {10, 25, 64, 300, 700};
  constexpr uint32_t kMaxTokens[] = {64, 256, 1000};
  const std::vector<dyn_isa> all_isas = isas();  // Mostly the first, the quickest.
  const auto num_isas = static_cast<uint32_t>(all_isas.size());
  const bool is_best = draw(4, generator) > 0;
  return {.isa = is_best ? all_isas.front() : all_isas[draw(num_isas, generator)],
          .kv_dtype = kKvTypes[draw(3, generator)],
          .num_threads = 1 + draw(4, generator),
          .num_engines = 1 + draw(2, generator),
          .block_size = kBlockSizes[draw(6, generator)],
          .max_chunk = kMaxChunks[draw(5, generator)],
          .max_num_batched_tokens = kMaxTokens[draw(3, generator)]};
}

void run_schedule(uint32_t index, const Kind& kind, const TestModel& model, PromptCorpus* corpus) {
  std::seed_seq seeds = {seed, index};
  std::mt19937 generator(seeds);
  Schedule::Options options = random_options(&generator);
  options.kv_dtype = kKvTypes[index % 3];
  std::vector<uint32_t> prompts(1 + draw(6, &generator));
  std::vector<std::vector<Sampled>> expected;
  for (uint32_t& prompt : prompts) {
    prompt = draw(corpus->num_prompts(), &generator);
    expected.push_back(corpus->samples(prompt, options.isa, options.kv_dtype));
  }
  Schedule schedule(model, options, *corpus, prompts, &generator, &events);
  const std::vector<std::vector<Sampled>> samples = schedule.run();
  CHECK(samples == expected);
  if (samples == expected) return;
  printf(
      "  schedule %u of schedule_test %u %u%s: %s, KV %s, %s, %u threads, %u engines, blocks of "
      "%u\n",
      index, num_schedules, seed, is_large ? " --large" : "", kind.name, kKvNames[options.kv_dtype],
      dyn::isa_name(options.isa), options.num_threads, options.num_engines, options.block_size);
  for (size_t s = 0; s < samples.size(); ++s) {
    if (samples[s] != expected[s]) {
      printf("    sequence %zu differs: a prompt of %zu tokens\n", s,
             corpus->prompt(prompts[s]).size());
    }
  }
}

// Format by format, so that one model at a time is in memory. The type of K and V changes with each
// schedule of a format.
void sequences_keep_their_bits() {
  const std::vector<Kind> all = kinds();
  uint32_t index = 0;
  for (uint32_t k = 0; k < all.size(); ++k) {
    const auto end = static_cast<uint32_t>(uint64_t{num_schedules} * (k + 1) / all.size());
    const TestModel model(all[k].config, all[k].dtype, all[k].group_size);
    PromptCorpus corpus(model, kMaxPrompt, seed + k);
    for (; index < end; ++index) run_schedule(index, all[k], model, &corpus);
  }
}

void everything_happened() {
  const ScheduleEvents& e = events;
  printf("  %llu sequences, %llu tokens\n", static_cast<unsigned long long>(e.num_sequences),
         static_cast<unsigned long long>(e.num_tokens));
  const struct {
    const char* what;
    uint64_t count;
  } counts[] = {
      {"prompts cut into chunks", e.num_cut_prompts},
      {"steps that mix chunks and decodes", e.num_mixed_steps},
      {"chunks past one span for several threads", e.num_shared_spans},
      {"prefixes found in blocks of others", e.num_prefix_hits},
      {"preemptions", e.num_preemptions},
      {"hand-overs in the middle of a prompt", e.num_hand_overs},
      {"steps of both engines at once", e.num_overlaps},
  };
  for (const auto& [what, count] : counts) {
    printf("  %llu %s\n", static_cast<unsigned long long>(count), what);
    CHECK(count > 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t* const numbers[] = {&num_schedules, &seed};
  size_t num_numbers = 0;
  for (int i = 1; i < argc; ++i) {
    char* end = nullptr;
    const unsigned long number = std::strtoul(argv[i], &end, 10);
    if (std::strcmp(argv[i], "--large") == 0) {
      is_large = true;
    } else if (std::strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
      only_isa = argv[++i];
    } else if (*argv[i] != '\0' && *end == '\0' && num_numbers < 2) {
      *numbers[num_numbers++] = static_cast<uint32_t>(number);
    } else {
      printf("usage: schedule_test [count] [seed] [--large] [--isa name]\n");
      return 2;
    }
  }
  if (isas().empty()) {
    printf("this CPU has no such instruction set\n");
    return 2;
  }
  const std::string claim = "each sequence of " + std::to_string(num_schedules) +
                            " random schedules, seed " + std::to_string(seed) +
                            (is_large ? ", at the widths of Qwen3-0.6B" : "") +
                            (only_isa.empty() ? "" : ", all on " + std::string(only_isa)) +
                            ", has the bits of its run alone";
  check_claim(claim.c_str(), sequences_keep_their_bits);
  check_claim("the schedules had all that a scheduler does", everything_happened);
  return check_finish();
}
