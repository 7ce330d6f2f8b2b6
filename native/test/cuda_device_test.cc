// The CUDA device behind the seam, on the stand-in for the driver: LD_LIBRARY_PATH names its folder.

#include <dlfcn.h>

#include <algorithm>
#include <cmath>

#include "check.h"
#include "device_suite.h"
#include "engine/open_device.h"

namespace {

using namespace dyn;
using namespace dyn::test;

std::shared_ptr<Device> open_cuda() {
  std::shared_ptr<Device> device;
  const dyn_device_config any = {.num_threads = 2, .isa = DYN_ISA_ANY};
  const Status status = open_device(DYN_DEVICE_CUDA, 0, any, &device);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  CHECK(status.ok());
  return device;
}

std::shared_ptr<Device> open_cpu() {
  std::shared_ptr<Device> device;
  CHECK(open_device(DYN_DEVICE_CPU, 0, {.num_threads = 2, .isa = DYN_ISA_ANY}, &device).ok());
  return device;
}

template <typename Function>
Function* standin_call(const char* name) {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  void* call = library == nullptr ? nullptr : dlsym(library, name);
  if (library != nullptr) dlclose(library);
  return reinterpret_cast<Function*>(reinterpret_cast<uintptr_t>(call));
}

void lose(Device*) {
  standin_call<void()>("dyn_standin_lose_next")();
}

// Log-probabilities of the two devices part by the rounding of activations to BF16.
constexpr float kNear = 0.05f;

// Same ids from the CPU, or a first difference where both are as likely within kNear.
void tokens_are_the_cpus() {
  const DeviceUnderTest* cuda = device_suite::device_under_test;
  DeviceUnderTest cpu = {.name = "CPU",
                         .open = open_cpu,
                         .kv_dtype = DYN_KV_BF16,
                         .weights = DYN_BF16,
                         .lose = nullptr};
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    device_suite::device_under_test = &cpu;
    const std::vector<Sampled> expected = device_suite::alone(device_suite::Loaded(), seed, 40);
    device_suite::device_under_test = cuda;
    const std::vector<Sampled> samples = device_suite::alone(device_suite::Loaded(), seed, 40);
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(std::abs(samples[i].logprob - expected[i].logprob) < kNear);
      if (samples[i].id != expected[i].id) break;
    }
  }
}

// A sequence of more than two spans, prefilled in chunks of `chunk_size` and then decoded.
std::vector<Sampled> long_run(uint32_t chunk_size) {
  constexpr uint32_t kLength = 1100;
  constexpr uint32_t kDecoded = 4;
  const EngineOptions options = {
      .num_blocks = 80, .block_size = 16, .max_num_batched_tokens = 1280, .max_model_len = 1280};
  const device_suite::Loaded loaded;
  std::shared_ptr<KvPool> pool;
  CHECK(KvPool::open(
            loaded.model,
            {.key = 1, .num_blocks = 80, .block_size = 16, .kv_dtype = DYN_KV_BF16, .reserved = 0},
            &pool)
            .ok());
  std::shared_ptr<Engine> engine;
  CHECK(Engine::open(pool,
                     {.max_num_seqs = 8,
                      .max_num_rows = 8,
                      .max_num_batched_tokens = 1280,
                      .max_model_len = 1280},
                     &engine)
            .ok());
  Sequence sequence = {prompt(9, kLength), block_range(0, 80), 0};
  std::vector<Sampled> samples;
  while (samples.size() < kDecoded) {
    const auto left = static_cast<uint32_t>(sequence.tokens.size()) - sequence.num_computed;
    const uint32_t num_tokens = std::min(left, chunk_size);
    const Chunk chunk = {&sequence, num_tokens};
    const uint32_t filled = fill_batch(engine->batch(), options, {&chunk, 1});
    CHECK(engine->submit({.num_seqs = 1, .num_tokens = filled, .num_rows = 1}).ok());
    CHECK(engine->wait(DYN_WAIT_FOREVER).ok());
    sequence.num_computed += num_tokens;
    if (num_tokens < left) continue;
    samples.push_back({engine->batch().sampled_ids[0], engine->batch().logprobs[0]});
    sequence.tokens.push_back(samples.back().id);
  }
  return samples;
}

// Decodes `seqs` sequences together, some steps, with and without graphs.
std::vector<Sampled> decoded(uint32_t num_seqs, bool with_graphs) {
  const device_suite::Loaded loaded;
  const device_suite::Worker worker(loaded.open_pool(16));
  worker.engine().use_graphs(with_graphs);
  std::vector<Sequence> sequences;
  for (uint32_t s = 0; s < num_seqs; ++s) {
    sequences.push_back(
        {prompt(20 + s, 3 + 7 * s), block_range(static_cast<int32_t>(8 * s), 8), 0});
  }
  std::vector<Sampled> all;
  for (uint32_t step = 0; step < 20; ++step) {
    std::vector<Chunk> chunks;
    for (Sequence& sequence : sequences) {
      const auto length = static_cast<uint32_t>(sequence.tokens.size());
      chunks.push_back({&sequence, length - sequence.num_computed});
    }
    const std::vector<Sampled> samples = worker.step(chunks);
    for (uint32_t s = 0; s < num_seqs; ++s) {
      all.push_back(samples[s]);
      sequences[s].tokens.push_back(samples[s].id);
    }
  }
  return all;
}

// Loads the model from the cache file, or packs it where that is -1.
dyn_model_progress load(std::shared_ptr<Device> device, const TestModel& source, int cache_fd,
                        std::shared_ptr<Model>* model) {
  const ModelSource described = {.config = source.config,
                                 .rope_frequencies = source.rope_frequencies,
                                 .tensors = source.tensors,
                                 .cache_fd = cache_fd};
  CHECK(Model::open(std::move(device), 1, described, model).ok());
  dyn_model_progress progress = {};
  CHECK((*model)->wait(DYN_WAIT_FOREVER, &progress).ok());
  CHECK(progress.num_bytes_done > 0 && progress.num_bytes > progress.num_bytes_done / 2);
  return progress;
}

void images_are_kept_until_they_are_in_a_file() {
  const TestModel source(tiny_config(), DYN_BF16);
  const std::shared_ptr<Device> device = open_cuda();
  std::shared_ptr<Model> packed;
  const dyn_model_progress first = load(device, source, -1, &packed);
  CHECK(first.source == DYN_WEIGHTS_PACKED && first.image != nullptr);
  const MemoryFile file({static_cast<const std::byte*>(first.image), first.num_bytes});
  std::shared_ptr<Model> cached;
  const dyn_model_progress second = load(device, source, file.fd(), &cached);
  CHECK(second.source == DYN_WEIGHTS_CACHED && second.image == nullptr);
  CHECK(cached->is_loaded());
}

void graphs_change_no_bits() {
  for (const uint32_t num_seqs : {1u, 3u, 5u}) {
    CHECK(decoded(num_seqs, true) == decoded(num_seqs, false));
  }
}

// Chunks of one tile are split among warps by their spans, long ones are not.
void spans_are_merged_to_the_same_bits() {
  const std::vector<Sampled> expected = long_run(1100);
  CHECK(long_run(37) == expected);
  CHECK(long_run(500) == expected);
}

// Contexts, buffers and modules, as the stand-in counts them.
void nothing_is_left() {
  const auto num_live = standin_call<uint64_t()>("dyn_standin_num_live");
  if (num_live != nullptr) CHECK(num_live() == 0);
}

}  // namespace

int main() {
  std::shared_ptr<Device> first = open_cuda();
  const bool can_lose = standin_call<void()>("dyn_standin_lose_next") != nullptr;
  const DeviceUnderTest cuda = {.name = "CUDA",
                                .open = open_cuda,
                                .kv_dtype = DYN_KV_BF16,
                                .weights = DYN_BF16,
                                .lose = can_lose ? std::function<void(Device*)>(lose) : nullptr};
  first.reset();
  test::check_device(cuda);
  device_suite::claim(cuda, "tokens are the CPU's but for near ties", tokens_are_the_cpus);
  device_suite::claim(cuda, "long contexts have the same bits however they are cut",
                      spans_are_merged_to_the_same_bits);
  device_suite::claim(cuda, "graphs change no bits", graphs_change_no_bits);
  device_suite::claim(cuda, "an image is kept until it is in a file",
                      images_are_kept_until_they_are_in_a_file);
  device_suite::claim(cuda, "nothing is left on the device", nothing_is_left);
  return check_finish();
}
