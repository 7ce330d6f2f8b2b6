// Small random models in memory files, and engines on them, driven through the C ABI only.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "dynamo_engine.h"
#include "encode.h"

namespace dyn::test {

std::vector<float> random_floats(size_t count, float scale, std::mt19937* generator);

// A file that exists in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();
  int fd() const { return fd_; }
  void truncate(uint64_t num_bytes) const;

 private:
  int fd_;
};

// Weights drawn from a seed: equal configs give equal models and equal keys.
struct TestModel {
  // group_size: inputs that share a scale in GPTQ's and AWQ's matrices.
  explicit TestModel(const dyn_model_config& config, dyn_dtype dtype = DYN_F32,
                     uint32_t group_size = 128);

  dyn_model_config config;
  std::vector<double> rope_frequencies;  // [head_size / 2]
  std::vector<dyn_tensor> tensors;
  std::unique_ptr<MemoryFile> file;
};

// Opens the CPU as a caller would.
dyn_status open_cpu(uint32_t owner, uint32_t num_threads, dyn_isa isa, dyn_device** device);

// Begins to load it as a caller would, from a cache file if `cache_fd` is not -1.
dyn_status begin_model(dyn_device* device, uint32_t owner, const TestModel& model, int cache_fd,
                       dyn_model** opened);

// Likewise without a cache, and waits for the end.
dyn_status open_model(dyn_device* device, uint32_t owner, const TestModel& model,
                      dyn_model** opened);

// theta^(-2i / head_size)
std::vector<double> plain_rope(uint32_t head_size, double theta = 10000);

// As tiny_config, but with rows of whole blocks: hidden 64, heads of size 16, intermediate 96.
dyn_model_config block_config();

// Likewise with rows of whole blocks of 256: hidden 256, heads of size 64, intermediate 512.
dyn_model_config k_block_config();

// Makes these layers local: with such a window, and a theta of 200.
void make_local(dyn_model_config* config, std::initializer_list<uint32_t> layers, uint32_t window);

// All that Gemma 2 and 3 have beside Llama: local layers, norms around each block, GeGLU, scales,
// soft caps.
void make_gemma(dyn_model_config* config);

// All that OLMo 2 and 3 have: local layers, norms behind each block, norms of whole rows of q and k.
void make_olmo(dyn_model_config* config);

// 2 layers, hidden 40, 4 heads on 2 KV heads of size 10, vocabulary 67, tied.
dyn_model_config tiny_config();

struct EngineOptions {
  uint32_t owner = 1;
  uint32_t num_threads = 1;
  uint32_t num_blocks = 64;
  uint32_t block_size = 16;
  uint32_t max_num_seqs = 8;
  uint32_t max_num_rows = 8;
  uint32_t max_num_batched_tokens = 128;
  uint32_t max_model_len = 200;
  dyn_isa isa = DYN_ISA_ANY;
  uint32_t kv_dtype = DYN_KV_F32;
};

// A sequence and the blocks that hold its K and V.
struct Sequence {
  std::vector<int32_t> tokens;
  std::vector<int32_t> blocks;
  uint32_t num_computed = 0;
};

// The next `num_tokens` of `sequence`.
struct Chunk {
  Sequence* sequence;
  uint32_t num_tokens;
};

struct Sampled {
  int32_t id;
  float logprob;
  bool operator==(const Sampled&) const = default;
};

// Row for the logits of `token`, with all else off.
dyn_row greedy_row(int32_t token);

// Fills a batch in, greedy, one row for each chunk. Returns the step's number of tokens.
uint32_t fill_batch(const dyn_batch& batch, const EngineOptions& options,
                    std::span<const Chunk> chunks);

class TestEngine {
 public:
  TestEngine(const TestModel& model, const EngineOptions& options);
  TestEngine(const TestEngine&) = delete;
  TestEngine& operator=(const TestEngine&) = delete;
  ~TestEngine();

  dyn_engine* get() const { return engine_; }
  dyn_kv_pool* pool() const { return pool_; }
  const dyn_batch& batch() const { return batch_; }
  const EngineOptions& options() const { return options_; }

  // As fill_batch.
  uint32_t fill(std::span<const Chunk> chunks);

  // Fills, submits, waits; then counts the chunks as computed.
  std::vector<Sampled> step(std::span<const Chunk> chunks);

  // Prefills in chunks of `chunk_size`, then decodes greedily to `num_samples` samples.
  std::vector<Sampled> generate(Sequence* sequence, uint32_t chunk_size, uint32_t num_samples);

 private:
  EngineOptions options_;
  dyn_device* device_ = nullptr;
  dyn_model* model_ = nullptr;
  dyn_kv_pool* pool_ = nullptr;
  dyn_engine* engine_ = nullptr;
  dyn_batch batch_ = {};
};

}  // namespace dyn::test
