// The CUDA device's sampling against the CPU's sampler on the same logits, on the stand-in for the driver.

#include <cmath>
#include <limits>
#include <vector>

#include "base/arena.h"
#include "check.h"
#include "cpu/isa.h"
#include "cpu/sample/sampler.h"
#include "cuda/driver/memory.h"
#include "cuda/module/kernels.h"
#include "cuda/sample/sample_args.h"
#include "test_model.h"

namespace {

using namespace dyn;
using test::random_floats;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Everything that one row may ask for.
struct Asked {
  dyn_row row;
  std::vector<int32_t> penalised = {};
  std::vector<int32_t> counts = {};
  std::vector<int32_t> banned = {};
  std::vector<int32_t> biased = {};
  std::vector<float> biases = {};
  std::vector<uint32_t> mask = {};
};

struct Result {
  int32_t id;
  float logprob;
  int32_t rank;
  std::vector<int32_t> top_ids;
  std::vector<float> top_logprobs;
};

constexpr int32_t kPosition = 17;

class Gpu {
 public:
  Gpu() {
    const Status opened = context_.open(0);
    if (!opened.ok()) std::printf("%s\n", opened.message().c_str());
    CHECK(opened.ok());
    CHECK(kernels_.load(context_).ok());
    CHECK(stream_.open(context_).ok());
  }

  Result sample(const std::vector<float>& logits, const Asked& asked) {
    const auto vocab_size = static_cast<uint32_t>(logits.size());
    dyn_row row = asked.row;
    row.token = 0;
    row.num_penalties = static_cast<uint32_t>(asked.penalised.size());
    row.num_banned = static_cast<uint32_t>(asked.banned.size());
    row.num_biases = static_cast<uint32_t>(asked.biased.size());
    row.mask = asked.mask.empty() ? 0 : 1;
    const float drop = row.min_p > 0 ? -std::log(row.min_p) : kInfinity;
    const std::vector<int32_t> out(3 + 2 * DYN_MAX_LOGPROBS, 0);
    const cuda::SampleArgs args = {.logits = send(logits),
                                   .rows = send(std::vector<dyn_row>{row}),
                                   .positions = send(std::vector<int32_t>{kPosition}),
                                   .drops = send(std::vector<float>{drop}),
                                   .num_rows = send(std::vector<uint32_t>{1}),
                                   .penalty_token_ids = send(asked.penalised),
                                   .penalty_counts = send(asked.counts),
                                   .banned_token_ids = send(asked.banned),
                                   .bias_token_ids = send(asked.biased),
                                   .biases = send(asked.biases),
                                   .masks = send(asked.mask),
                                   .sampled_ids = send(std::vector<int32_t>{0}),
                                   .logprobs = send(std::vector<float>{0}),
                                   .ranks = send(std::vector<int32_t>{0}),
                                   .top_ids = send(std::vector<int32_t>(DYN_MAX_LOGPROBS)),
                                   .top_logprobs = send(std::vector<float>(DYN_MAX_LOGPROBS)),
                                   .changed = send(logits),
                                   .candidates = send(std::vector<cuda::Candidate>(vocab_size)),
                                   .vocab_size = vocab_size,
                                   .mask_words = (vocab_size + 31) / 32};
    CHECK(kernels_.launch(stream_, cuda::Kernel::kSample, {.x = 1, .y = 1, .threads = 256}, args)
              .ok());
    Result result = {.id = 0,
                     .logprob = 0,
                     .rank = 0,
                     .top_ids = std::vector<int32_t>(row.num_logprobs),
                     .top_logprobs = std::vector<float>(row.num_logprobs)};
    fetch(args.sampled_ids, &result.id, 1);
    fetch(args.logprobs, &result.logprob, 1);
    fetch(args.ranks, &result.rank, 1);
    fetch(args.top_ids, result.top_ids.data(), row.num_logprobs);
    fetch(args.top_logprobs, result.top_logprobs.data(), row.num_logprobs);
    CHECK(stream_.wait().ok());
    buffers_.clear();
    return result;
  }

 private:
  template <typename T>
  T* send(const std::vector<T>& values) {
    cuda::DeviceBuffer buffer;
    const uint64_t num_bytes = values.size() * sizeof(T);
    CHECK(cuda::DeviceBuffer::create(context_, num_bytes + 16, "a test", &buffer).ok());
    CHECK(stream_.copy_in(buffer.at(0), values.data(), num_bytes).ok());
    CHECK(stream_.wait().ok());
    buffers_.push_back(std::move(buffer));
    return reinterpret_cast<T*>(buffers_.back().at(0));
  }

  template <typename T>
  void fetch(const T* from, T* to, size_t count) {
    const auto address = reinterpret_cast<CUdeviceptr>(from);
    CHECK(stream_.copy_out(to, address, count * sizeof(T)).ok());
  }

  cuda::Context context_;
  cuda::Kernels kernels_;
  cuda::Stream stream_;
  std::vector<cuda::DeviceBuffer> buffers_;
};

Result sample_on_cpu(std::vector<float> logits, const Asked& asked) {
  Arena arena;
  dyn_isa isa = DYN_ISA_ANY;
  CHECK(choose_isa(DYN_ISA_ANY, &isa).ok());
  Sampler sampler(rowwise_kernels(isa));
  const auto vocab_size = static_cast<uint32_t>(logits.size());
  sampler.place(vocab_size, 4096, &arena);
  CHECK(arena.map("scratch").ok());
  sampler.place(vocab_size, 4096, &arena);
  Result result = {.id = 0,
                   .logprob = 0,
                   .rank = 0,
                   .top_ids = std::vector<int32_t>(asked.row.num_logprobs),
                   .top_logprobs = std::vector<float>(asked.row.num_logprobs)};
  const Sample sample = sampler.sample(logits, {.row = asked.row,
                                                .position = kPosition + 1,
                                                .lists = {.penalised_ids = asked.penalised,
                                                          .counts = asked.counts,
                                                          .banned_ids = asked.banned,
                                                          .biased_ids = asked.biased,
                                                          .biases = asked.biases,
                                                          .mask = asked.mask},
                                                .top_ids = result.top_ids,
                                                .top_logprobs = result.top_logprobs});
  result.id = sample.id;
  result.logprob = sample.logprob;
  result.rank = sample.rank;
  return result;
}

bool is_close(float a, float b) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-5f * (1 + std::abs(b));
}

void check_same(Gpu* gpu, const std::vector<float>& logits, const Asked& asked) {
  const Result expected = sample_on_cpu(logits, asked);
  const Result found = gpu->sample(logits, asked);
  CHECK(found.id == expected.id);
  CHECK(is_close(found.logprob, expected.logprob));
  CHECK(found.rank == expected.rank);
  CHECK(found.top_ids == expected.top_ids);
  for (size_t i = 0; i < expected.top_ids.size() && expected.top_ids[i] >= 0; ++i) {
    CHECK(is_close(found.top_logprobs[i], expected.top_logprobs[i]));
  }
}

Gpu* gpu = nullptr;

// Logits in steps, so that some are equal.
std::vector<float> some_logits(uint32_t vocab_size, uint32_t seed, bool are_stepped) {
  std::mt19937 generator(seed);
  std::vector<float> logits = random_floats(vocab_size, 4, &generator);
  if (are_stepped) {
    for (float& logit : logits) logit = std::round(logit * 4) / 4;
  }
  return logits;
}

dyn_row row_of(float temperature, uint64_t seed) {
  dyn_row row = test::greedy_row(0);
  row.temperature = temperature;
  row.seed = seed;
  return row;
}

void greedy_is_the_cpus() {
  for (const uint32_t vocab_size : {1u, 31u, 67u, 2048u, 5003u}) {
    for (uint32_t seed = 0; seed < 4; ++seed) {
      check_same(gpu, some_logits(vocab_size, seed, seed % 2 == 0), {.row = row_of(0, seed)});
    }
  }
}

void draws_are_the_cpus() {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<float> logits = some_logits(3001, 7, false);
    check_same(gpu, logits, {.row = row_of(0.3f + 0.1f * static_cast<float>(seed % 12), seed)});
  }
}

void filters_are_the_cpus() {
  for (const uint32_t vocab_size : {67u, 2048u}) {
    for (uint64_t seed = 0; seed < 36; ++seed) {
      Asked asked = {.row = row_of(0.8f, seed)};
      asked.row.top_k = std::vector<int32_t>{0, 1, 5, 40, 60, 1500}[seed % 6];
      asked.row.top_p = std::vector<float>{1.0f, 0.9f, 0.3f, 0.0f}[seed / 2 % 4];
      asked.row.min_p = seed % 5 == 0 ? 0.05f : 0.0f;
      check_same(gpu, some_logits(vocab_size, static_cast<uint32_t>(seed), seed % 3 == 0), asked);
    }
  }
}

void changes_are_the_cpus() {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Asked asked = {.row = row_of(seed % 2 == 0 ? 0.0f : 1.0f, seed)};
    asked.row.repetition_penalty = 1.3f;
    asked.row.presence_penalty = 0.4f;
    asked.row.frequency_penalty = 0.2f;
    for (int32_t id = 0; id < 60; id += 3) {
      asked.penalised.push_back(id);
      asked.counts.push_back(id % 4);
      asked.biased.push_back(id + 1);
      asked.biases.push_back(id % 2 == 0 ? 2.5f : -kInfinity);
      asked.banned.push_back(id + 2);
      asked.banned.push_back(id + 2);
    }
    if (seed % 3 == 0) {
      asked.mask.assign(63, 0x5a5a0f0fu + static_cast<uint32_t>(seed));
    }
    check_same(gpu, some_logits(2011, static_cast<uint32_t>(seed), false), asked);
  }
}

void likeliest_and_ranks_are_the_cpus() {
  for (const uint32_t count : {1u, 5u, 20u}) {
    for (const uint32_t vocab_size : {3u, 67u, 2048u}) {
      Asked asked = {.row = row_of(1.0f, count)};
      asked.row.num_logprobs = count;
      check_same(gpu, some_logits(vocab_size, count, true), asked);
      asked.row.kind = DYN_ROW_SCORE;
      asked.row.target = 2;
      check_same(gpu, some_logits(vocab_size, count, true), asked);
    }
  }
}

void what_is_no_distribution_is_no_sample() {
  std::vector<float> logits = some_logits(100, 1, false);
  logits[57] = std::numeric_limits<float>::quiet_NaN();
  CHECK(gpu->sample(logits, {.row = row_of(1, 1)}).id == DYN_NO_SAMPLE);
  logits[57] = kInfinity;
  check_same(gpu, logits, {.row = row_of(0, 1)});
  Asked nothing = {.row = row_of(1, 1)};
  nothing.mask.assign(4, 0);
  check_same(gpu, some_logits(100, 2, false), nothing);
}

}  // namespace

int main() {
  Gpu opened;
  gpu = &opened;
  check_claim("greedy ids are the CPU's, and its log-probabilities", greedy_is_the_cpus);
  check_claim("draws from all tokens are the CPU's", draws_are_the_cpus);
  check_claim("draws by top-k, top-p and min-p are the CPU's", filters_are_the_cpus);
  check_claim("biases, penalties, bans and masks are the CPU's", changes_are_the_cpus);
  check_claim("likeliest ids and ranks are the CPU's", likeliest_and_ranks_are_the_cpus);
  check_claim("what is no distribution is no sample", what_is_no_distribution_is_no_sample);
  return check_finish();
}
