#include "cuda/cuda_step.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "graph/model_config.h"

namespace dyn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kSampleBlocks = 64;  // Rows that are sampled at once: each has scratch.
constexpr uint32_t kSampleThreads = 256;
constexpr uint32_t kMostGraphTokens = 256;  // Most tokens of a step that is captured.
constexpr size_t kMostGraphs = 128;  // Most of one engine; further extents are launched singly.
constexpr auto kLook = std::chrono::milliseconds(2);  // Between two looks at the mark.
// Half of a layer takes no GPU so long.
constexpr auto kHang = std::chrono::seconds(10);

}  // namespace

CudaStep::CudaStep(CudaKvPool* pool)
    : pool_(pool),
      kernels_(pool->model().device().kernels()),
      vocab_size_(pool->model().config().vocab_size),
      decoder_(pool->model().config(), pool->model().on_device(), kernels_) {}

// The step's memory is freed when nothing computes on it any more.
CudaStep::~CudaStep() {
  while (is_submitted_ && wait(DYN_WAIT_FOREVER).code() == DYN_TIMEOUT) continue;
}

Status CudaStep::reserve(const StepLimits& limits) {
  const cuda::Context& context = pool_->model().device().context();
  dyn_engine_sizes sizes = {};
  place(limits, &sizes);
  RETURN_IF_ERROR(device_.take(context, "the workspace"));
  RETURN_IF_ERROR(pinned_.take(context, "the batch"));
  place(limits, &sizes);
  RETURN_IF_ERROR(stream_.open(context));
  *progress_ = 0;
  RETURN_IF_ERROR(decoder_.clear(stream_));
  return stream_.wait();
}

Status CudaStep::measure(const StepLimits& limits, dyn_engine_sizes* sizes) {
  place(limits, sizes);
  RETURN_IF_ERROR(device_.check("the workspace"));
  RETURN_IF_ERROR(pinned_.check("the batch"));
  sizes->workspace = device_.used();
  return {};
}

// Both passes of the arenas go through here, and so does measure().
void CudaStep::place(const StepLimits& limits, dyn_engine_sizes* sizes) {
  const dyn_model_config& config = pool_->model().config();
  const cuda::AttentionPlan::Shape shape = {
      .num_heads = config.num_heads,
      .num_kv_heads = config.num_kv_heads,
      .sliding_window = config.sliding_window,
      .num_processors = pool_->model().device().context().facts().num_processors};
  auto since = [this, from = device_.used()]() mutable {
    const uint64_t before = from;
    from = device_.used();
    return from - before;
  };
  staging_.place(limits, shape, &pinned_, &device_);
  pinned_.place(1, &progress_);
  rope_.place(limits.max_model_len, config.head_size / 2, &device_);
  sizes->attention = since();
  decoder_.place(limits, staging_.max_parts(), &device_);
  sizes->activations = since();
  num_sample_blocks_ = std::min(kSampleBlocks, limits.max_size.num_rows);
  const uint64_t num_changed = uint64_t{num_sample_blocks_} * vocab_size_;
  device_.place(num_changed, &changed_);
  device_.place(num_changed, &candidates_);
  sizes->sampling = since();
}

Status CudaStep::submit(const StepInput& input) {
  input_ = input;
  is_submitted_ = true;
  moved_ = Clock::now();
  has_called_ = false;  // No step runs.
  RETURN_IF_ERROR(pool_->model().device().context().enter());
  const int32_t* positions = input.positions;
  const int32_t last = *std::max_element(positions, positions + input.size.num_tokens);
  RETURN_IF_ERROR(rope_.grow_to(static_cast<uint32_t>(last) + 1,
                                pool_->model().weights().rope_frequencies(LayerKind::kOrdinary),
                                pool_->model().config().rope_magnitude, stream_));
  return enqueue();
}

// Steps that only decode come again and again with the same extent.
bool CudaStep::is_graph(const StepInput& input) const {
  return uses_graphs_ && input.size.num_tokens == input.size.num_seqs &&
         input.size.num_tokens <= kMostGraphTokens;
}

Status CudaStep::enqueue() {
  const bool is_replayed = is_graph(input_);
  staging_.plan(input_, is_replayed);
  RETURN_IF_ERROR(staging_.send(input_, stream_));
  RETURN_IF_ERROR(is_replayed ? replay() : compute());
  RETURN_IF_ERROR(staging_.fetch(input_, stream_));
  RETURN_IF_ERROR(stream_.mark());
  return stream_.then([](void* self) { static_cast<CudaStep*>(self)->end(); }, this);
}

Status CudaStep::replay() {
  const auto known = graphs_.find(staging_.extent());
  if (known != graphs_.end()) return known->second.launch(stream_);
  if (graphs_.size() >= kMostGraphs) return compute();
  cuda::Graph graph;
  RETURN_IF_ERROR(
      graph.capture(pool_->model().device().context(), stream_, [this] { return compute(); }));
  return graphs_.emplace(staging_.extent(), std::move(graph)).first->second.launch(stream_);
}

Status CudaStep::compute() const {
  RETURN_IF_ERROR(decoder_.forward(staging_, pool_->blocks(), rope_, progress_, stream_));
  return sample();
}

Status CudaStep::sample() const {
  cuda::SampleArgs args = {};
  staging_.describe(&args);
  args.logits = decoder_.logits();
  args.changed = changed_;
  args.candidates = candidates_;
  args.vocab_size = vocab_size_;
  const cuda::Grid grid = {.x = std::min(num_sample_blocks_, staging_.extent().num_rows),
                           .y = 1,
                           .threads = kSampleThreads};
  return kernels_.launch(stream_, cuda::Kernel::kSample, grid, args);
}

// On a thread of the driver's.
void CudaStep::end() {
  {
    const std::lock_guard lock(mutex_);
    has_called_ = true;
  }
  called_.notify_all();
}

Status CudaStep::wait(uint32_t timeout_us) {
  RETURN_IF_ERROR(pool_->model().device().context().enter());
  const bool is_endless = timeout_us == DYN_WAIT_FOREVER;
  const Clock::time_point deadline = Clock::now() + std::chrono::microseconds(timeout_us);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const Clock::time_point look = Clock::now() + kLook;
      called_.wait_until(lock, is_endless ? look : std::min(look, deadline),
                         [this] { return has_called_; });
    }
    bool is_done = false;
    const Status status = look(&is_done);
    if (!status.ok() || is_done) {
      is_submitted_ = false;
      if (status.ok()) staging_.take(input_);
      return status;
    }
    if (!is_endless && Clock::now() >= deadline) {
      return {DYN_TIMEOUT, "the step is not done yet"};
    }
  }
}

// Says whether the step is done, and gives up on a GPU that does not get on with it.
Status CudaStep::look(bool* is_done) {
  RETURN_IF_ERROR(stream_.is_marked(is_done));
  const Clock::time_point now = Clock::now();
  const auto progress = static_cast<uint32_t>(this->progress());
  if (progress != seen_progress_) {
    seen_progress_ = progress;
    moved_ = now;
  }
  if (*is_done || now - moved_ < kHang) return {};
  const cuda::Context& context = pool_->model().device().context();
  context.give_up();
  return context.enter();
}

// The GPU raises the number with each norm of a layer.
uint64_t CudaStep::progress() const {
  return 1 + uint64_t{std::atomic_ref<uint32_t>(*progress_).load(std::memory_order_relaxed)};
}

}  // namespace dyn
