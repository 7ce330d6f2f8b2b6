#include "made_up_device.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/random.h"
#include "graph/tensor_table.h"

namespace dyn::test {
namespace {

class MadeUpStep;

// Runs whole steps in the order in which they came.
class Stream {
 public:
  Stream() : thread_([this] { work(); }) {}
  ~Stream() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void enqueue(MadeUpStep* step);
  void forget(MadeUpStep* step);
  Status wait(const MadeUpStep* step, uint32_t timeout_us);
  uint64_t num_steps() const { return num_steps_; }
  void lose() { is_lost_ = true; }

 private:
  bool has(const MadeUpStep* step) const {
    return running_ == step || std::ranges::find(queue_, step) != queue_.end();
  }
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MadeUpStep*> queue_;
  MadeUpStep* running_ = nullptr;
  bool stopping_ = false;
  std::atomic<bool> is_lost_ = false;
  std::atomic<uint64_t> num_steps_ = 1;
  std::thread thread_;
};

struct MadeUpPool {
  Stream* stream;
  uint64_t weights;
  uint32_t block_size;
  std::vector<int32_t> tokens;  // [num_blocks, block_size]
};

class MadeUpStep final : public DeviceStep {
 public:
  explicit MadeUpStep(MadeUpPool* pool) : pool_(*pool) {}
  ~MadeUpStep() override { pool_.stream->forget(this); }

  Status reserve(const StepLimits& limits) override {
    limits_ = limits;
    return {};
  }
  Status submit(const StepInput& input) override {
    input_ = input;
    pool_.stream->enqueue(this);
    return {};
  }
  Status wait(uint32_t timeout_us) override { return pool_.stream->wait(this, timeout_us); }
  void use_graphs(bool) override {}
  uint64_t progress() const override { return pool_.stream->num_steps(); }

  void run() {
    for (uint32_t token = 0; token < input_.size.num_tokens; ++token) {
      pool_.tokens[static_cast<size_t>(input_.slots[token])] = input_.batch.token_ids[token];
    }
    for (uint32_t row = 0; row < input_.size.num_rows; ++row) sample(row);
  }

 private:
  void sample(uint32_t row) {
    const dyn_batch& batch = input_.batch;
    const int32_t token = batch.rows[row].token;
    const int32_t* start = std::upper_bound(batch.query_start_loc,
                                            batch.query_start_loc + input_.size.num_seqs, token);
    const auto seq = static_cast<size_t>(start - batch.query_start_loc) - 1;
    const int32_t* table = batch.block_tables + seq * limits_.max_blocks;
    const auto length = static_cast<uint32_t>(input_.positions[token]) + 1;
    uint64_t hash = pool_.weights;
    for (uint32_t position = 0; position < length; ++position) {
      const auto block = static_cast<size_t>(table[position / pool_.block_size]);
      const int32_t seen = pool_.tokens[block * pool_.block_size + position % pool_.block_size];
      hash = splitmix64(hash ^ static_cast<uint64_t>(seen));
    }
    batch.sampled_ids[row] = static_cast<int32_t>(hash % limits_.vocab_size);
    batch.logprobs[row] = -static_cast<float>(hash >> 40);
  }

  MadeUpPool& pool_;
  StepLimits limits_ = {};
  StepInput input_ = {};
};

void Stream::enqueue(MadeUpStep* step) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(step);
  }
  changed_.notify_all();
}

void Stream::forget(MadeUpStep* step) {
  std::unique_lock lock(mutex_);
  std::erase(queue_, step);
  changed_.wait(lock, [&] { return running_ != step; });
}

Status Stream::wait(const MadeUpStep* step, uint32_t timeout_us) {
  std::unique_lock lock(mutex_);
  const auto is_over = [&] { return is_lost_ || !has(step); };
  if (timeout_us == DYN_WAIT_FOREVER) {
    changed_.wait(lock, is_over);
  } else if (!changed_.wait_for(lock, std::chrono::microseconds(timeout_us), is_over)) {
    return {DYN_TIMEOUT, "the step is not done yet"};
  }
  return is_lost_ ? Status(DYN_DEVICE_LOST, "the made-up device is lost") : Status();
}

void Stream::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    running_ = queue_.front();
    queue_.pop_front();
    lock.unlock();
    if (!is_lost_) running_->run();
    ++num_steps_;
    lock.lock();
    running_ = nullptr;
    changed_.notify_all();
  }
}

class MadeUpKvPool final : public DeviceKvPool {
 public:
  MadeUpKvPool(Stream* stream, uint64_t weights, const dyn_kv_pool_config& config)
      : pool_{.stream = stream,
              .weights = weights,
              .block_size = config.block_size,
              .tokens = std::vector<int32_t>(size_t{config.num_blocks} * config.block_size)} {}

  Status discard(uint32_t first_block, uint32_t num_blocks) override {
    std::fill_n(pool_.tokens.begin() + static_cast<ptrdiff_t>(first_block * pool_.block_size),
                num_blocks * pool_.block_size, -1);
    return {};
  }
  std::unique_ptr<DeviceStep> open_step() override { return std::make_unique<MadeUpStep>(&pool_); }

 private:
  MadeUpPool pool_;
};

// All of its weights is one number: the first bytes of the embedding.
class MadeUpModel final : public DeviceModel {
 public:
  MadeUpModel(Stream* stream, uint64_t weights) : stream_(stream), weights_(weights) {}

  Status wait(uint32_t, dyn_model_progress* progress) override {
    *progress = {.num_bytes = sizeof(weights_),
                 .num_bytes_done = sizeof(weights_),
                 .image = &weights_,
                 .source = DYN_WEIGHTS_PACKED,
                 .opener = 0};
    return {};
  }
  bool is_loaded() override { return true; }
  Status open_pool(const dyn_kv_pool_config& config, std::unique_ptr<DeviceKvPool>* pool) override {
    if (config.kv_dtype != DYN_KV_BF16) return invalid_argument("this device has BF16 only");
    *pool = std::make_unique<MadeUpKvPool>(stream_, weights_, config);
    return {};
  }

 private:
  Stream* const stream_;
  const uint64_t weights_;
};

class MadeUpDevice final : public Device {
 public:
  dyn_device_facts facts() const override {
    dyn_device_facts facts = {};
    facts.memory_bytes = 1 << 20;
    facts.kind = DYN_DEVICE_CUDA;
    facts.ordinal = 3;
    facts.pack_version = 1;
    return facts;
  }
  Status check_same(const dyn_device_config&) const override { return {}; }
  Status load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) override {
    TensorTable table;
    RETURN_IF_ERROR(TensorTable::create(source.config, source.tensors, &table));
    const dyn_tensor& embedding = table.get(DYN_EMBEDDING, {});
    uint64_t weights = 0;
    if (pread(embedding.fd, &weights, sizeof(weights), static_cast<off_t>(embedding.offset)) !=
        sizeof(weights)) {
      return not_loadable("the embedding cannot be read");
    }
    *model = std::make_unique<MadeUpModel>(&stream_, weights);
    return {};
  }

  Status measure_model(const ModelSource&, dyn_model_sizes* sizes) override {
    *sizes = {.weights = sizeof(uint64_t), .image = sizeof(uint64_t)};
    return {};
  }
  Status measure_step(const ModelSource& source, const dyn_kv_pool_config& pool, const StepLimits&,
                      dyn_engine_sizes* sizes) override {
    TensorTable table;
    RETURN_IF_ERROR(TensorTable::create(source.config, source.tensors, &table));
    sizes->kv_block = pool.block_size * sizeof(int32_t);
    sizes->kv_pool = pool.num_blocks * sizes->kv_block;
    return {};
  }

  void lose() { stream_.lose(); }

 private:
  Stream stream_;
};

}  // namespace

std::shared_ptr<Device> open_made_up_device() {
  return std::make_shared<MadeUpDevice>();
}

void lose_made_up_device(Device* device) {
  static_cast<MadeUpDevice*>(device)->lose();
}

}  // namespace dyn::test
