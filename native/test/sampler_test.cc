// The sampler against naive twins that sort everything, and its promises about bits and randomness.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "base/arena.h"
#include "base/random.h"
#include "check.h"
#include "cpu/isa.h"
#include "cpu/sample/logit_changes.h"
#include "cpu/sample/logits.h"
#include "cpu/sample/sampler.h"
#include "reference.h"
#include "test_model.h"
#include "tolerances.h"

namespace {

using namespace dyn;
using test::random_floats;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

dyn_isa isa = DYN_ISA_PORTABLE;  // The tests run on each in turn.

class TestSampler {
 public:
  explicit TestSampler(uint32_t vocab_size) : sampler_(rowwise_kernels(isa)) {
    sampler_.place(vocab_size, 64, &arena_);
    CHECK(arena_.map("scratch").ok());
    sampler_.place(vocab_size, 64, &arena_);
  }
  Sample sample(std::vector<float>* logits, const SampleParams& params) {
    return sampler_.sample(*logits, params);
  }

 private:
  Arena arena_;
  Sampler sampler_;
};

SampleParams plain_params(float temperature) {
  dyn_row row = test::greedy_row(0);
  row.temperature = temperature;
  row.seed = 42;
  return {.row = row, .position = 0, .lists = {}};
}

// The ids that may be drawn, by a full sort, in vLLM's order of filters.
std::set<int32_t> allowed_ids(const std::vector<float>& logits, const SampleParams& params) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)];
    const float y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  const double max = logits[static_cast<size_t>(ids[0])];
  const auto weight = [&](int32_t id) {
    return std::exp((logits[static_cast<size_t>(id)] - max) / params.row.temperature);
  };
  std::erase_if(ids, [&](int32_t id) { return weight(id) < params.row.min_p; });
  if (params.row.top_k > 0 && ids.size() > static_cast<size_t>(params.row.top_k)) {
    ids.resize(static_cast<size_t>(params.row.top_k));
  }
  double mass = 0;
  for (const int32_t id : ids) mass += weight(id);
  std::set<int32_t> allowed;
  double sum = 0;
  for (const int32_t id : ids) {
    allowed.insert(id);
    sum += weight(id);
    if (sum >= params.row.top_p * mass && params.row.top_p < 1) break;
  }
  return allowed;
}

void greedy_takes_the_first_largest() {
  std::mt19937 generator(1);
  for (const uint32_t vocab : {1u, 2u, 15u, 16u, 17u, 1000u}) {
    TestSampler sampler(vocab);
    std::vector<float> logits = random_floats(vocab, 5, &generator);
    logits[vocab / 3] = 6;
    logits[vocab - 1] = 6;
    const Sample sample = sampler.sample(&logits, plain_params(0));
    CHECK(sample.id == static_cast<int32_t>(vocab / 3));
    CHECK(std::abs(sample.logprob - reference::log_softmax(logits, vocab / 3)) <
          tolerance::kLogprob);
  }
}

void filters_allow_what_a_sort_allows() {
  std::mt19937 generator(2);
  constexpr uint32_t kVocab = 700;
  TestSampler sampler(kVocab);
  for (const float temperature : {0.3f, 1.0f, 2.0f}) {
    for (const int32_t top_k : {0, 1, 5, 300, 699, 5000}) {
      for (const float top_p : {0.001f, 0.5f, 0.95f, 1.0f}) {
        for (const float min_p : {0.0f, 0.05f, 1.0f}) {
          SampleParams params = plain_params(temperature);
          params.row.top_k = top_k;
          params.row.top_p = top_p;
          params.row.min_p = min_p;
          std::vector<float> logits = random_floats(kVocab, 4, &generator);
          for (size_t i = 0; i < 40; ++i) logits[i * 7] = logits[i * 11];  // Ties.
          const std::set<int32_t> allowed = allowed_ids(logits, params);
          std::set<int32_t> drawn;
          for (params.position = 0; params.position < 400; ++params.position) {
            drawn.insert(sampler.sample(&logits, params).id);
          }
          CHECK(std::includes(allowed.begin(), allowed.end(), drawn.begin(), drawn.end()));
          CHECK(allowed.size() > 4 || drawn.size() == allowed.size() || temperature < 1);
        }
      }
    }
  }
}

void draws_follow_the_distribution() {
  const std::vector<float> original = {0.0f, 1.0f, 2.0f, -1.0f, 0.5f};
  TestSampler sampler(5);
  for (const bool is_filtered : {false, true}) {
    SampleParams params = plain_params(0.8f);
    if (is_filtered) params.row.top_k = 3;  // Leaves ids 1, 2 and 4.
    std::vector<double> expected(5);
    double total = 0;
    for (size_t id = 0; id < 5; ++id) {
      if (is_filtered && (id == 0 || id == 3)) continue;
      total += expected[id] = std::exp(original[id] / 0.8);
    }
    constexpr int kDraws = 200000;
    std::vector<int> counts(5);
    std::vector<float> logits = original;
    for (params.position = 0; params.position < kDraws; ++params.position) {
      ++counts[static_cast<size_t>(sampler.sample(&logits, params).id)];
    }
    for (size_t id = 0; id < 5; ++id) {
      const double p = expected[id] / total;
      CHECK(std::abs(counts[id] - kDraws * p) <= 5 * std::sqrt(kDraws * p * (1 - p)) + 0.5);
    }
  }
}

void randomness_is_of_seed_and_position() {
  CHECK(uniform(1, 2) == uniform(1, 2));
  CHECK(uniform(1, 2) != uniform(2, 1));
  CHECK(uniform(0, 0) != uniform(0, 1));
  double sum = 0;
  double smallest = 1;
  double largest = 0;
  for (uint64_t position = 0; position < 100000; ++position) {
    const double u = uniform(7, position);
    sum += u;
    smallest = std::min(smallest, u);
    largest = std::max(largest, u);
  }
  CHECK(smallest >= 0 && smallest < 1e-3 && largest < 1 && largest > 0.999);
  CHECK(std::abs(sum / 100000 - 0.5) < 0.005);
}

void penalties_are_those_of_vllm() {
  // Ids 0 and 1 only in the prompt, 2 and 3 twice in the output.
  const std::vector<int32_t> ids = {0, 1, 2, 3};
  const std::vector<int32_t> counts = {0, 0, 2, 2};
  const std::vector<float> logits = {3.0f, -3.0f, 4.0f, -4.0f, 1.0f};
  std::vector<float> changed = logits;
  float saved[8];
  LogitChanges changes(saved);
  dyn_row row = test::greedy_row(0);
  row.presence_penalty = 0.5f;
  row.frequency_penalty = 0.25f;
  row.repetition_penalty = 2.0f;
  const TokenLists lists = {.penalised_ids = ids, .counts = counts, .banned_ids = {}};
  CHECK(changes.apply(row, lists, changed));
  CHECK(changed == (std::vector<float>{1.5f, -6.0f, 1.0f, -9.0f, 1.0f}));
  changes.undo(lists, changed);
  CHECK(changed == logits);
}

void changes_are_taken_back_and_not_in_the_logprob() {
  std::mt19937 generator(4);
  const std::vector<float> original = random_floats(50, 3, &generator);
  const std::vector<int32_t> ids = {3, 9, 9, 20};
  const std::vector<int32_t> counts = {1, 0, 4, 2};
  const std::vector<int32_t> banned = {9, 20, 31};
  TestSampler sampler(50);
  for (const float temperature : {0.0f, 1.0f}) {
    SampleParams params = plain_params(temperature);
    params.row.presence_penalty = 1.5f;
    params.row.frequency_penalty = 0.7f;
    params.row.repetition_penalty = 1.3f;
    params.lists = {.penalised_ids = ids, .counts = counts, .banned_ids = banned};
    for (params.position = 0; params.position < 300; ++params.position) {
      std::vector<float> logits = original;
      const Sample sample = sampler.sample(&logits, params);
      CHECK(std::memcmp(logits.data(), original.data(), 50 * sizeof(float)) == 0);
      CHECK(std::find(banned.begin(), banned.end(), sample.id) == banned.end());
      const double expected = reference::log_softmax(original, static_cast<size_t>(sample.id));
      CHECK(std::abs(sample.logprob - expected) < tolerance::kLogprob);
    }
  }
}

// Checks all that a row asks for beside its sample, against a full sort and the double log-softmax.
void likeliest_tokens_and_ranks_are_those_of_a_sort() {
  std::mt19937 generator(5);
  for (const uint32_t vocab : {1u, 7u, 20u, 41u, 3000u}) {
    std::vector<float> logits = random_floats(vocab, 3, &generator);
    for (size_t i = 0; i + 11 < vocab; i += 5) logits[i] = logits[i + 11];  // Ties.
    std::vector<int32_t> ids(vocab);
    std::iota(ids.begin(), ids.end(), 0);
    std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
      return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
    });
    TestSampler sampler(vocab);
    for (const size_t count : {1u, 2u, 20u}) {
      std::vector<int32_t> top_ids(count);
      std::vector<float> top_logprobs(count);
      SampleParams params = plain_params(1.0f);
      params.top_ids = top_ids;
      params.top_logprobs = top_logprobs;
      for (const int32_t target : {-1, 0, static_cast<int32_t>(vocab - 1)}) {
        params.row.kind = target < 0 ? DYN_ROW_SAMPLE : DYN_ROW_SCORE;
        params.row.target = target;
        const Sample sample = sampler.sample(&logits, params);
        CHECK(target < 0 || sample.id == target);
        CHECK(ids[static_cast<size_t>(sample.rank - 1)] == sample.id);
        const double expected = reference::log_softmax(logits, static_cast<size_t>(sample.id));
        CHECK(std::abs(sample.logprob - expected) < tolerance::kLogprob);
        for (size_t i = 0; i < count; ++i) {
          CHECK(top_ids[i] == (i < vocab ? ids[i] : DYN_NO_SAMPLE));
          if (i >= vocab) continue;
          const double of_top = reference::log_softmax(logits, static_cast<size_t>(ids[i]));
          CHECK(std::abs(top_logprobs[i] - of_top) < tolerance::kLogprob);
          CHECK(top_ids[i] != sample.id || top_logprobs[i] == sample.logprob);
        }
      }
    }
  }
}

void biases_come_first_and_are_not_in_the_logprob() {
  const std::vector<float> original = {1.0f, 4.0f, 2.0f, -1.0f};
  const std::vector<int32_t> biased = {3, 1};
  const std::vector<float> biases = {6.0f, -kInfinity};
  const std::vector<int32_t> penalised = {3};
  const std::vector<int32_t> counts = {1};
  TestSampler sampler(4);
  SampleParams params = plain_params(0);
  params.lists = {.penalised_ids = {}, .counts = {}, .biased_ids = biased, .biases = biases};
  std::vector<float> logits = original;
  Sample sample = sampler.sample(&logits, params);
  CHECK(sample.id == 3);
  CHECK(std::abs(sample.logprob - reference::log_softmax(original, 3)) < tolerance::kLogprob);
  CHECK(logits == original);
  params.row.repetition_penalty = 5;  // (-1 + 6) / 5 is below 2.
  params.lists.penalised_ids = penalised;
  params.lists.counts = counts;
  sample = sampler.sample(&logits, params);
  CHECK(sample.id == 2);
  CHECK(logits == original);
}

void masked_rows_sample_what_is_allowed() {
  std::mt19937 generator(6);
  constexpr uint32_t kVocab = 70;
  const std::vector<float> original = random_floats(kVocab, 3, &generator);
  const std::vector<uint32_t> mask = {0x80000001u, 0, 0x20u};  // Ids 0, 31 and 69.
  TestSampler sampler(kVocab);
  for (const float temperature : {0.0f, 1.0f, 50.0f}) {
    for (const int32_t top_k : {0, 2}) {
      SampleParams params = plain_params(temperature);
      params.row.top_k = top_k;
      params.lists.mask = mask;
      std::set<int32_t> drawn;
      for (params.position = 0; params.position < 300; ++params.position) {
        std::vector<float> logits = original;
        const Sample sample = sampler.sample(&logits, params);
        drawn.insert(sample.id);
        CHECK(sample.id == 0 || sample.id == 31 || sample.id == 69);
        CHECK(logits == original);
        const double expected = reference::log_softmax(original, static_cast<size_t>(sample.id));
        CHECK(std::abs(sample.logprob - expected) < tolerance::kLogprob);
      }
      const size_t num_drawn = temperature == 0.0f ? 1 : top_k == 0 ? 3 : 2;
      CHECK(temperature == 1.0f || drawn.size() == num_drawn);
    }
  }
  SampleParams params = plain_params(1);
  const std::vector<uint32_t> nothing(3);
  params.lists.mask = nothing;
  std::vector<float> logits = original;
  CHECK(sampler.sample(&logits, params).id == DYN_NO_SAMPLE);
}

// Under every kind of sampling: whether `row` gives an id of the vocabulary.
void check_row(std::vector<float> row, bool has_sample) {
  TestSampler sampler(static_cast<uint32_t>(row.size()));
  for (const float temperature : {0.0f, 1e-30f, 1.0f, 1e30f}) {
    for (const int32_t top_k : {0, 2}) {
      SampleParams params = plain_params(temperature);
      params.row.top_k = top_k;
      params.row.top_p = top_k > 0 ? 0.5f : 1.0f;
      const Sample sample = sampler.sample(&row, params);
      if (has_sample) {
        CHECK(sample.id >= 0 && static_cast<size_t>(sample.id) < row.size());
      } else {
        CHECK(sample.id == DYN_NO_SAMPLE);
      }
    }
  }
}

void a_row_without_a_distribution_gives_no_id() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_row({nan, nan, nan}, false);
  check_row({-kInfinity, -kInfinity, -kInfinity}, false);
  check_row({kInfinity, 1, kInfinity}, false);
  check_row({3e38f, -3e38f, 0}, true);
  check_row({-kInfinity, 1, -kInfinity}, true);
  // One NaN among many, wherever the vectors and their tails meet it.
  for (const size_t size : {1u, 15u, 16u, 63u, 64u, 65u, 200u}) {
    for (size_t at = 0; at < size; ++at) {
      std::vector<float> row(size, 1.0f);
      row[at] = nan;
      check_row(row, false);
    }
  }
}

void small_temperature_is_nearly_greedy() {
  TestSampler sampler(4);
  std::vector<float> logits = {1.0f, 1.5f, 1.49f, 0.0f};
  SampleParams params = plain_params(1e-4f);
  for (params.position = 0; params.position < 1000; ++params.position) {
    CHECK(sampler.sample(&logits, params).id == 1);
  }
}

// Every id of a vocabulary of several blocks, at the mass in its middle.
void large_vocabularies_are_drawn_by_mass() {
  std::mt19937 generator(9);
  for (const uint32_t vocab : {1023u, 1024u, 1025u, 3000u}) {
    std::vector<float> logits = random_floats(vocab, 3, &generator);
    for (size_t i = 0; i < vocab; i += 7) logits[i] = -kInfinity;
    const RowwiseKernels& kernels = rowwise_kernels(isa);
    const float max = max_logit(kernels, logits);
    const double total = sum_of_weights(kernels, logits, max, 0.7f);
    double before = 0;
    for (size_t id = 0; id < vocab; ++id) {
      const double weight = std::exp((double{logits[id]} - max) / 0.7);
      if (weight > 1e-3 * total / vocab) {
        CHECK(id_at_mass(kernels, logits, max, 0.7f, before + weight / 2) ==
              static_cast<int32_t>(id));
      }
      before += weight;
    }
    CHECK(std::abs(total - before) < 1e-5 * before);
    CHECK(id_at_mass(kernels, logits, max, 0.7f, 2 * total) >= 0);
  }
}

void run_tests() {
  check_claim("greedy takes the largest, the first of equals", greedy_takes_the_first_largest);
  check_claim("top-k, top-p and min-p allow what a full sort allows",
              filters_allow_what_a_sort_allows);
  check_claim("draws follow the distribution", draws_follow_the_distribution);
  check_claim("a random number is f(seed, position)", randomness_is_of_seed_and_position);
  check_claim("penalties have vLLM's meaning", penalties_are_those_of_vllm);
  check_claim("changes are taken back, and log-probabilities know nothing of them",
              changes_are_taken_back_and_not_in_the_logprob);
  check_claim("likeliest tokens and ranks are those of a full sort",
              likeliest_tokens_and_ranks_are_those_of_a_sort);
  check_claim("biases come before penalties, and log-probabilities know nothing of them",
              biases_come_first_and_are_not_in_the_logprob);
  check_claim("a masked row samples what is allowed, or nothing",
              masked_rows_sample_what_is_allowed);
  check_claim("a row with a NaN, or without a finite maximum, gives no id; any other does",
              a_row_without_a_distribution_gives_no_id);
  check_claim("a small temperature is nearly greedy", small_temperature_is_nearly_greedy);
  check_claim("a draw from a large vocabulary finds its id block by block",
              large_vocabularies_are_drawn_by_mass);
}

}  // namespace

int main() {
  for (const dyn_isa candidate : present_isas()) {
    isa = candidate;
    run_tests();
  }
  return check_finish();
}
