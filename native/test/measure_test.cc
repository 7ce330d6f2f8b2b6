// Sizes measured before anything is opened equal what is mapped then, to the page, and nearly what
// is resident after steps that fill every row, token and block.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/checked.h"
#include "check.h"
#include "test_model.h"

namespace {

struct Range {
  void* data;
  size_t size;
};

std::vector<Range> mapped;  // By the library, since the vector was cleared.

}  // namespace

// The linker leads the library's calls of mmap here (--wrap).
extern "C" {
void* __real_mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset);

void* __wrap_mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  void* const data = __real_mmap(at, size, protection, flags, fd, offset);
  if (data == MAP_FAILED) return data;
  madvise(data, size,
          MADV_NOHUGEPAGE);  // Or a page that is not touched could come with a huge one.
  mapped.push_back({data, size});
  return data;
}
}

namespace {

using namespace dyn::test;

struct Shape {
  const char* name;
  dyn_model_config model;
  dyn_dtype dtype;
  EngineOptions engine;
};

uint64_t whole_pages(uint64_t num_bytes) {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return (num_bytes + page - 1) / page * page;
}

uint64_t mapped_bytes() {
  uint64_t sum = 0;
  for (const Range& range : mapped) sum += whole_pages(range.size);
  return sum;
}

uint64_t resident_bytes() {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  uint64_t sum = 0;
  for (const Range& range : mapped) {
    std::vector<unsigned char> is_there(whole_pages(range.size) / page);
    CHECK(mincore(range.data, range.size, is_there.data()) == 0);
    const auto count =
        std::ranges::count_if(is_there, [](unsigned char c) { return (c & 1) != 0; });
    sum += static_cast<uint64_t>(count) * page;
  }
  return sum;
}

dyn_model_config config_of(uint64_t key, uint32_t hidden, uint32_t num_heads, uint32_t vocab_size) {
  dyn_model_config config = tiny_config();
  config.key = key;
  config.hidden_size = hidden;
  config.intermediate_size = 2 * hidden;
  config.num_heads = num_heads;
  config.num_kv_heads = std::max(1u, num_heads / 2);
  config.head_size = hidden / num_heads;
  config.vocab_size = vocab_size;
  return config;
}

// Long contexts of many rows: the penalties alone are 268 MB.
Shape many_rows() {
  dyn_model_config model = config_of(71, 16, 1, 131072);
  model.num_layers = 1;
  return {.name = "256 rows, 131,072 tokens",
          .model = model,
          .dtype = DYN_F32,
          .engine = {.num_threads = 2,
                     .num_blocks = 16,
                     .max_num_seqs = 256,
                     .max_num_rows = 256,
                     .max_num_batched_tokens = 263,
                     .max_model_len = 131072}};
}

// A model of which a prefill fills much: activations in F32.
Shape long_prefill() {
  return {.name = "2,048 tokens a step",
          .model = config_of(72, 512, 8, 4096),
          .dtype = DYN_F32,
          .engine = {.num_threads = 2,
                     .num_blocks = 128,
                     .max_num_seqs = 8,
                     .max_num_rows = 8,
                     .max_num_batched_tokens = 2048,
                     .max_model_len = 4096}};
}

// Blocks of 8 bits, whose products read activations of 8 bits, on K and V of 8 bits.
Shape quantised() {
  return {.name = "8 bits",
          .model = config_of(73, 256, 4, 32768),
          .dtype = DYN_Q8_0,
          .engine = {.num_threads = 2,
                     .num_blocks = 64,
                     .block_size = 32,
                     .max_num_seqs = 32,
                     .max_num_rows = 32,
                     .max_num_batched_tokens = 1024,
                     .max_model_len = 8192,
                     .kv_dtype = DYN_KV_INT8}};
}

// A step's tokens go to three of seven experts each, in one of two layers.
Shape with_experts() {
  dyn_model_config model = config_of(74, 256, 4, 4096);
  add_experts(&model);
  return {.name = "experts",
          .model = model,
          .dtype = DYN_Q8_0,
          .engine = {.num_threads = 2,
                     .num_blocks = 128,
                     .max_num_seqs = 8,
                     .max_num_rows = 8,
                     .max_num_batched_tokens = 2048,
                     .max_model_len = 4096}};
}

struct Sizes {
  dyn_model_sizes model;
  dyn_engine_sizes engine;
};

Sizes measure(const TestModel& model, const EngineOptions& options) {
  Sizes sizes = {};
  dyn_device* device = nullptr;
  CHECK(open_cpu(9, options.num_threads, options.isa, &device) == DYN_OK);
  std::vector<dyn_tensor> tensors = model.tensors;
  for (dyn_tensor& tensor : tensors) tensor.fd = -1;
  const auto num_tensors = static_cast<uint32_t>(tensors.size());
  const dyn_kv_pool_config pool = {.key = 0,
                                   .num_blocks = options.num_blocks,
                                   .block_size = options.block_size,
                                   .kv_dtype = options.kv_dtype,
                                   .reserved = 0};
  const dyn_engine_config engine = {.max_num_seqs = options.max_num_seqs,
                                    .max_num_rows = options.max_num_rows,
                                    .max_num_batched_tokens = options.max_num_batched_tokens,
                                    .max_model_len = options.max_model_len};
  CHECK(dyn_model_measure(device, &model.config, tensors.data(), num_tensors, &sizes.model) ==
        DYN_OK);
  CHECK(dyn_engine_measure(device, &model.config, tensors.data(), num_tensors, &pool, &engine,
                           &sizes.engine) == DYN_OK);
  CHECK(dyn_owner_release(9) == DYN_OK);
  return sizes;
}

// Every sequence's table is full. Blocks are written by turns, so that a step writes to all of them.
void fill_sequences(const dyn_batch& batch, const EngineOptions& options, const Shape& shape,
                    uint32_t last_tokens) {
  const uint32_t max_blocks = options.max_model_len / options.block_size;
  const auto block_of = [&](uint32_t seq, uint32_t index) {
    return static_cast<int32_t>((seq + index) % options.num_blocks);
  };
  uint32_t token = 0;
  batch.query_start_loc[0] = 0;
  for (uint32_t s = 0; s < options.max_num_seqs; ++s) {
    const bool is_last = s + 1 == options.max_num_seqs;
    const uint32_t share =
        (options.max_num_batched_tokens - last_tokens) / std::max(1u, options.max_num_seqs - 1);
    const uint32_t num_tokens = is_last ? options.max_num_batched_tokens - token : share;
    const uint32_t seq_len = is_last ? options.max_model_len : num_tokens + s % 16;
    for (uint32_t i = 0; i < num_tokens; ++i, ++token) {
      batch.token_ids[token] = static_cast<int32_t>(token % shape.model.vocab_size);
    }
    batch.query_start_loc[s + 1] = static_cast<int32_t>(token);
    batch.seq_lens[s] = static_cast<int32_t>(seq_len);
    for (uint32_t i = 0; i < max_blocks; ++i) {
      batch.block_tables[s * max_blocks + i] = block_of(s, i);
    }
  }
}

// Every row draws from the whole vocabulary, and penalises, bans, biases, masks and names as much as
// it may.
void fill_rows(const dyn_batch& batch, const EngineOptions& options, const Shape& shape) {
  const uint32_t num_penalties = std::min(options.max_model_len, shape.model.vocab_size);
  for (uint32_t index = 0; index < options.max_num_rows; ++index) {
    dyn_row& row = batch.rows[index];
    row = greedy_row(batch.query_start_loc[index + 1] - 1);
    row.temperature = 1000;
    row.top_p = 0.99f;
    row.presence_penalty = 0.1f;
    row.frequency_penalty = 0.1f;
    row.repetition_penalty = 1.1f;
    row.penalty_start = index * num_penalties;
    row.num_penalties = num_penalties;
    row.banned_start = index * DYN_MAX_BANNED_TOKENS;
    row.num_banned = DYN_MAX_BANNED_TOKENS;
    for (uint32_t i = 0; i < num_penalties; ++i) {
      batch.penalty_token_ids[row.penalty_start + i] = static_cast<int32_t>(i);
      batch.penalty_counts[row.penalty_start + i] = 1;
    }
    for (uint32_t i = 0; i < DYN_MAX_BANNED_TOKENS; ++i) {
      batch.banned_token_ids[row.banned_start + i] = static_cast<int32_t>(i);
    }
    row.bias_start = index * DYN_MAX_BIASES;
    row.num_biases = DYN_MAX_BIASES;
    for (uint32_t i = 0; i < DYN_MAX_BIASES; ++i) {
      batch.bias_token_ids[row.bias_start + i] = static_cast<int32_t>(i);
      batch.biases[row.bias_start + i] = 0.5f;
    }
    const uint32_t mask_words = dyn::ceil_div(shape.model.vocab_size, 32u);
    std::fill_n(batch.masks + size_t{index} * mask_words, mask_words, UINT32_MAX);
    row.mask = index + 1;
    row.num_logprobs = DYN_MAX_LOGPROBS;
  }
}

void run_full_step(const TestEngine& engine, const Shape& shape, uint32_t last_tokens) {
  const EngineOptions& options = engine.options();
  fill_sequences(engine.batch(), options, shape, last_tokens);
  fill_rows(engine.batch(), options, shape);
  CHECK(dyn_engine_submit(engine.get(), options.max_num_seqs, options.max_num_batched_tokens,
                          options.max_num_rows) == DYN_OK);
  CHECK(dyn_engine_wait(engine.get(), DYN_WAIT_FOREVER) == DYN_OK);
}

void check_shape(const Shape& shape, uint32_t last_tokens) {
  const TestModel model(shape.model, shape.dtype);
  mapped.clear();
  const Sizes sizes = measure(model, shape.engine);
  CHECK(mapped.empty());
  const TestEngine engine(model, shape.engine);
  const uint64_t budget = sizes.model.image + sizes.engine.kv_pool + sizes.engine.workspace;
  CHECK(mapped_bytes() == budget);
  run_full_step(engine, shape, last_tokens);
  const auto resident = static_cast<double>(resident_bytes());
  const auto share = resident / static_cast<double>(budget);
  printf(
      "  %s: %.1f MB measured, batch %.1f, activations %.1f, attention %.1f, logits %.1f, "
      "sampling %.1f, KV %.1f, image %.1f; resident %.2f %%\n",
      shape.name, static_cast<double>(budget) / 1e6, static_cast<double>(sizes.engine.batch) / 1e6,
      static_cast<double>(sizes.engine.activations) / 1e6,
      static_cast<double>(sizes.engine.attention) / 1e6,
      static_cast<double>(sizes.engine.logits) / 1e6,
      static_cast<double>(sizes.engine.sampling) / 1e6,
      static_cast<double>(sizes.engine.kv_pool) / 1e6, static_cast<double>(sizes.model.image) / 1e6,
      share * 100);
  CHECK(share >= 0.98 && share <= 1.0);
}

void budgets_are_mapped_and_filled() {
  check_shape(many_rows(), 8);  // So few tokens that their attention is shared by spans.
  check_shape(long_prefill(), 256);
  check_shape(quantised(), 32);
  check_shape(with_experts(), 256);
}

void what_cannot_be_opened_cannot_be_measured() {
  const TestModel model(tiny_config());
  dyn_device* device = nullptr;
  CHECK(open_cpu(9, 1, DYN_ISA_ANY, &device) == DYN_OK);
  const auto num_tensors = static_cast<uint32_t>(model.tensors.size());
  const dyn_kv_pool_config pool = {0, 8, 16, DYN_KV_F32, 0};
  const dyn_kv_pool_config no_blocks = {0, 0, 16, DYN_KV_F32, 0};
  const dyn_engine_config engine = {1, 1, 1, 1};
  const dyn_engine_config no_seqs = {0, 1, 1, 1};
  dyn_model_sizes model_sizes;
  dyn_engine_sizes sizes;
  const auto measure = [&](const dyn_kv_pool_config& blocks, const dyn_engine_config& limits) {
    return dyn_engine_measure(device, &model.config, model.tensors.data(), num_tensors, &blocks,
                              &limits, &sizes);
  };
  CHECK(measure(pool, engine) == DYN_OK);
  CHECK(measure(no_blocks, engine) == DYN_INVALID_ARGUMENT);
  CHECK(measure(pool, no_seqs) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_model_measure(device, &model.config, model.tensors.data(), num_tensors - 1,
                          &model_sizes) == DYN_MODEL_NOT_LOADABLE);
  CHECK(dyn_model_measure(device, &model.config, nullptr, 0, &model_sizes) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_owner_release(9) == DYN_OK);
  CHECK(dyn_model_measure(device, &model.config, model.tensors.data(), num_tensors, &model_sizes) ==
        DYN_INVALID_ARGUMENT);
}

}  // namespace

int main() {
  check_claim("what is measured is mapped, to the page, and filled by a full step to 2 %",
              budgets_are_mapped_and_filled);
  check_claim("what cannot be opened cannot be measured", what_cannot_be_opened_cannot_be_measured);
  return check_finish();
}
