#include "test_model.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dyn::test {
namespace {

// A fixture that cannot be made is no test result; say why and end.
void require(bool condition, const char* what) {
  if (condition) return;
  std::printf("cannot set the test up: %s: %s\n", what, dyn_last_error());
  std::exit(1);
}

struct Extent {
  uint32_t rank;
  uint64_t rows;
  uint64_t columns;
};

Extent extent_of(const dyn_model_config& c, dyn_role role) {
  const uint64_t q = uint64_t{c.num_heads} * c.head_size;
  const uint64_t kv = uint64_t{c.num_kv_heads} * c.head_size;
  switch (role) {
    case DYN_EMBEDDING:
    case DYN_HEAD:
      return {2, c.vocab_size, c.hidden_size};
    case DYN_Q:
      return {2, q, c.hidden_size};
    case DYN_K:
    case DYN_V:
      return {2, kv, c.hidden_size};
    case DYN_O:
      return {2, c.hidden_size, q};
    case DYN_GATE:
    case DYN_UP:
      return {2, c.intermediate_size, c.hidden_size};
    case DYN_DOWN:
      return {2, c.hidden_size, c.intermediate_size};
    case DYN_Q_BIAS:
      return {1, q, 1};
    case DYN_K_BIAS:
    case DYN_V_BIAS:
      return {1, kv, 1};
    case DYN_Q_NORM:
      return {1, c.qk_norm == DYN_QK_NORM_ROWS ? q : c.head_size, 1};
    case DYN_K_NORM:
      return {1, c.qk_norm == DYN_QK_NORM_ROWS ? kv : c.head_size, 1};
    case DYN_FINAL_NORM:
    case DYN_ATTENTION_NORM:
    case DYN_MLP_NORM:
    case DYN_POST_ATTENTION_NORM:
    case DYN_POST_MLP_NORM:
      break;
  }
  return {1, c.hidden_size, 1};
}

// From the order of halves to that of pairs, within each head: as GGUF's converter does.
void interleave_rows(uint32_t head_size, uint64_t columns, std::vector<float>* values) {
  const std::vector<float> halves = *values;
  for (size_t row = 0; row < halves.size() / columns; ++row) {
    const size_t i = row % head_size;
    const size_t from = row - i + (i % 2) * (head_size / 2) + i / 2;
    for (size_t k = 0; k < columns; ++k) (*values)[row * columns + k] = halves[from * columns + k];
  }
}

bool is_bias(dyn_role role) {
  return role == DYN_Q_BIAS || role == DYN_K_BIAS || role == DYN_V_BIAS;
}

constexpr dyn_role kBiasRoles[] = {DYN_Q_BIAS, DYN_K_BIAS, DYN_V_BIAS};
constexpr dyn_role kQkNormRoles[] = {DYN_Q_NORM, DYN_K_NORM};
constexpr dyn_role kLayerRoles[] = {DYN_ATTENTION_NORM, DYN_Q,    DYN_K,  DYN_V,   DYN_O,
                                    DYN_MLP_NORM,       DYN_GATE, DYN_UP, DYN_DOWN};
constexpr dyn_role kPostNormRoles[] = {DYN_POST_ATTENTION_NORM, DYN_POST_MLP_NORM};

bool is_norm_before(dyn_role role) {
  return role == DYN_ATTENTION_NORM || role == DYN_MLP_NORM;
}

bool has_local_layers(const dyn_model_config& config) {
  return std::ranges::any_of(config.local_layers, [](uint64_t layers) { return layers != 0; });
}

}  // namespace

std::vector<float> random_floats(size_t count, float scale, std::mt19937* generator) {
  std::vector<float> values(count);
  for (float& value : values) {
    const double unit = static_cast<double>((*generator)()) / 4294967296.0;
    value = static_cast<float>((2 * unit - 1) * scale);
  }
  return values;
}

MemoryFile::MemoryFile(std::span<const std::byte> bytes) : fd_(memfd_create("test", MFD_CLOEXEC)) {
  require(fd_ >= 0, "memfd_create");
  size_t num_written = 0;
  while (num_written < bytes.size()) {
    const ssize_t count = write(fd_, bytes.data() + num_written, bytes.size() - num_written);
    require(count > 0, "write");
    num_written += static_cast<size_t>(count);
  }
}

MemoryFile::~MemoryFile() {
  close(fd_);
}

void MemoryFile::truncate(uint64_t num_bytes) const {
  require(ftruncate(fd_, static_cast<off_t>(num_bytes)) == 0, "ftruncate");
}

TestModel::TestModel(const dyn_model_config& model_config, dyn_dtype dtype, uint32_t group_size)
    : config(model_config), rope_frequencies(plain_rope(model_config.head_size)) {
  if (has_local_layers(config)) {
    const std::vector<double> local = plain_rope(config.head_size, 200);
    rope_frequencies.insert(rope_frequencies.end(), local.begin(), local.end());
  }
  std::mt19937 generator(static_cast<uint32_t>(config.key));
  std::vector<std::byte> bytes;
  const auto add = [&](dyn_role role, uint32_t layer) {
    const Extent extent = extent_of(config, role);
    std::vector<float> values = random_floats(extent.rows * extent.columns, 0.3f, &generator);
    if (extent.rank == 1 && !is_bias(role) && config.norm_offset == 0) {
      for (float& value : values) value += 1.0f;
    }
    const bool is_rotated =
        role == DYN_Q || role == DYN_K || role == DYN_Q_BIAS || role == DYN_K_BIAS;
    if (is_rotated && config.rope_layout == DYN_ROPE_INTERLEAVED) {
      interleave_rows(config.head_size, extent.columns, &values);
    }
    const auto put = [&](dyn_part part, dyn_dtype stored, uint64_t rows, uint64_t columns,
                         const std::vector<std::byte>& encoded) {
      tensors.push_back({.role = static_cast<uint16_t>(role),
                         .dtype = static_cast<uint16_t>(stored),
                         .layer = layer,
                         .fd = -1,
                         .rank = static_cast<uint16_t>(extent.rank),
                         .part = static_cast<uint16_t>(part),
                         .shape = {rows, columns},
                         .offset = bytes.size(),
                         .num_bytes = encoded.size()});
      bytes.insert(bytes.end(), encoded.begin(), encoded.end());
    };
    if (is_in_parts(dtype) && extent.rank == 2 && role != DYN_EMBEDDING && role != DYN_HEAD) {
      const PartsShape shape = {.num_outputs = static_cast<uint32_t>(extent.rows),
                                .num_inputs = static_cast<uint32_t>(extent.columns),
                                .group_size = group_size,
                                .is_symmetric = false};
      const EncodedParts parts = encode_parts(values, dtype, shape);
      const uint64_t num_groups = extent.columns / shape.group_size;
      put(DYN_WHOLE, dtype, extent.rows, extent.columns, parts.quants);
      put(DYN_ZEROS, dtype, num_groups, extent.rows, parts.zeros);
      put(DYN_SCALES, DYN_F16, num_groups, extent.rows, parts.scales);
      return;
    }
    const bool fits = is_float_type(dtype) || (extent.rank == 2 && !is_in_parts(dtype));
    const dyn_dtype stored = fits ? dtype : DYN_F32;
    put(DYN_WHOLE, stored, extent.rows, extent.columns, encode(values, stored));
  };
  add(DYN_EMBEDDING, 0);
  add(DYN_FINAL_NORM, 0);
  if (config.tie_word_embeddings == 0) add(DYN_HEAD, 0);
  for (uint32_t layer = 0; layer < config.num_layers; ++layer) {
    for (const dyn_role role : kLayerRoles) {
      if (config.norms != DYN_NORMS_BEHIND || !is_norm_before(role)) add(role, layer);
    }
    if (config.norms != DYN_NORMS_BEFORE) {
      for (const dyn_role role : kPostNormRoles) add(role, layer);
    }
    if (config.attention_bias == 1) {
      for (const dyn_role role : kBiasRoles) add(role, layer);
    }
    if (config.qk_norm != DYN_QK_NORM_NONE) {
      for (const dyn_role role : kQkNormRoles) add(role, layer);
    }
  }
  file = std::make_unique<MemoryFile>(bytes);
  for (dyn_tensor& tensor : tensors) tensor.fd = file->fd();
}

dyn_status open_cpu(uint32_t owner, uint32_t num_threads, dyn_isa isa, dyn_device** device) {
  const dyn_device_config config = {.num_threads = num_threads, .isa = isa};
  return dyn_device_open(DYN_DEVICE_CPU, 0, owner, &config, device);
}

dyn_status begin_model(dyn_device* device, uint32_t owner, const TestModel& model, int cache_fd,
                       dyn_model** opened) {
  return dyn_model_open(device, owner, &model.config, model.rope_frequencies.data(),
                        model.tensors.data(), static_cast<uint32_t>(model.tensors.size()), cache_fd,
                        opened);
}

dyn_status open_model(dyn_device* device, uint32_t owner, const TestModel& model,
                      dyn_model** opened) {
  const dyn_status status = begin_model(device, owner, model, -1, opened);
  dyn_model_progress progress;
  return status == DYN_OK ? dyn_model_wait(*opened, DYN_WAIT_FOREVER, &progress) : status;
}

std::vector<double> plain_rope(uint32_t head_size, double theta) {
  std::vector<double> frequencies(head_size / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / head_size);
  }
  return frequencies;
}

dyn_model_config tiny_config() {
  dyn_model_config config = {};
  config.key = 1;
  config.rms_norm_eps = 1e-5;
  config.rope_magnitude = 1;
  config.vocab_size = 67;
  config.hidden_size = 40;
  config.intermediate_size = 88;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_size = 10;
  config.tie_word_embeddings = 1;
  return config;
}

dyn_model_config block_config() {
  dyn_model_config config = tiny_config();
  config.key = 2;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.head_size = 16;
  return config;
}

dyn_model_config k_block_config() {
  dyn_model_config config = tiny_config();
  config.key = 3;
  config.hidden_size = 256;
  config.intermediate_size = 512;
  config.head_size = 64;
  return config;
}

void make_local(dyn_model_config* config, std::initializer_list<uint32_t> layers, uint32_t window) {
  for (const uint32_t layer : layers) config->local_layers[layer / 64] |= uint64_t{1} << layer % 64;
  config->local_window = window;
  config->local_rope_magnitude = 1;
}

void make_gemma(dyn_model_config* config) {
  make_local(config, {0}, 30);
  config->norms = DYN_NORMS_AROUND;
  config->norm_offset = 1;
  config->qk_norm = DYN_QK_NORM_HEADS;
  config->activation = DYN_ACTIVATION_GELU_TANH;
  config->embedding_scale = 6.25;
  config->attention_scale = 0.2;
  config->attention_softcap = 5;
  config->logit_softcap = 3;
}

void make_olmo(dyn_model_config* config) {
  make_local(config, {1}, 300);
  config->norms = DYN_NORMS_BEHIND;
  config->qk_norm = DYN_QK_NORM_ROWS;
}

dyn_row greedy_row(int32_t token) {
  dyn_row row = {};
  row.token = token;
  row.top_p = 1;
  row.repetition_penalty = 1;
  return row;
}

uint32_t fill_batch(const dyn_batch& batch, const EngineOptions& options,
                    std::span<const Chunk> chunks) {
  const uint32_t block_size = options.block_size;
  const uint32_t max_blocks = (options.max_model_len + block_size - 1) / block_size;
  uint32_t token = 0;
  batch.query_start_loc[0] = 0;
  for (uint32_t s = 0; s < chunks.size(); ++s) {
    const Sequence& sequence = *chunks[s].sequence;
    for (uint32_t i = 0; i < chunks[s].num_tokens; ++i, ++token) {
      batch.token_ids[token] = sequence.tokens[sequence.num_computed + i];
    }
    batch.query_start_loc[s + 1] = static_cast<int32_t>(token);
    batch.seq_lens[s] = static_cast<int32_t>(sequence.num_computed + chunks[s].num_tokens);
    for (uint32_t b = 0; b < sequence.blocks.size() && b < max_blocks; ++b) {
      batch.block_tables[s * max_blocks + b] = sequence.blocks[b];
    }
    batch.rows[s] = greedy_row(static_cast<int32_t>(token) - 1);
    batch.rows[s].seed = s;
  }
  return token;
}

TestEngine::TestEngine(const TestModel& model, const EngineOptions& options) : options_(options) {
  const dyn_kv_pool_config pool_config = {.key = model.config.key * 1000003 +
                                                 options.num_blocks * 1009 + options.block_size +
                                                 options.kv_dtype * 7777777u,
                                          .num_blocks = options.num_blocks,
                                          .block_size = options.block_size,
                                          .kv_dtype = options.kv_dtype,
                                          .reserved = 0};
  const dyn_engine_config engine_config = {.max_num_seqs = options.max_num_seqs,
                                           .max_num_rows = options.max_num_rows,
                                           .max_num_batched_tokens = options.max_num_batched_tokens,
                                           .max_model_len = options.max_model_len};
  require(open_cpu(options.owner, options.num_threads, options.isa, &device_) == DYN_OK, "device");
  require(open_model(device_, options.owner, model, &model_) == DYN_OK, "model");
  require(dyn_kv_pool_open(model_, options.owner, &pool_config, &pool_) == DYN_OK, "pool");
  require(dyn_engine_open(pool_, options.owner, &engine_config, &engine_) == DYN_OK, "engine");
  require(dyn_engine_batch(engine_, &batch_) == DYN_OK, "batch");
}

// Those that a test has released with their owner are closed already.
TestEngine::~TestEngine() {
  dyn_engine_close(engine_);
  dyn_kv_pool_close(pool_);
  dyn_model_close(model_);
  dyn_device_close(device_);
}

uint32_t TestEngine::fill(std::span<const Chunk> chunks) {
  return fill_batch(batch_, options_, chunks);
}

std::vector<Sampled> TestEngine::step(std::span<const Chunk> chunks) {
  const uint32_t num_tokens = fill(chunks);
  const auto num_seqs = static_cast<uint32_t>(chunks.size());
  require(dyn_engine_submit(engine_, num_seqs, num_tokens, num_seqs) == DYN_OK, "submit");
  require(dyn_engine_wait(engine_, DYN_WAIT_FOREVER) == DYN_OK, "wait");
  std::vector<Sampled> samples;
  for (uint32_t s = 0; s < num_seqs; ++s) {
    samples.push_back({batch_.sampled_ids[s], batch_.logprobs[s]});
    chunks[s].sequence->num_computed += chunks[s].num_tokens;
  }
  return samples;
}

std::vector<Sampled> TestEngine::generate(Sequence* sequence, uint32_t chunk_size,
                                          uint32_t num_samples) {
  std::vector<Sampled> samples;
  while (samples.size() < num_samples) {
    const auto num_left = static_cast<uint32_t>(sequence->tokens.size()) - sequence->num_computed;
    const Chunk chunk = {sequence, num_left < chunk_size ? num_left : chunk_size};
    const Sampled sample = step(std::span(&chunk, 1)).front();
    if (chunk.num_tokens < num_left) continue;  // The sample of an unfinished prompt means nothing.
    samples.push_back(sample);
    sequence->tokens.push_back(sample.id);
  }
  return samples;
}

}  // namespace dyn::test
