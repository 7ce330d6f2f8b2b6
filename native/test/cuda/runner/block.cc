#include "runner/block.h"

#include <algorithm>
#include <cstring>

#include "runner/fault.h"
#include "runner/spaces.h"
#include "runner/warp.h"

namespace ptx {
namespace {

constexpr uint8_t kPoison = 0xcb;  // Bytes of shared and local memory that nothing has written.
constexpr uint32_t kNumBarriers = 16;

}  // namespace

Block::Block(Grid& whole) : grid(whole) {
  const uint32_t num_threads = grid.shape.num_threads();
  const uint32_t num_warps = (num_threads + kLanes - 1) / kLanes;
  shared.resize(grid.kernel.shared_bytes + grid.shape.dynamic_shared_bytes);
  local.resize(size_t{num_threads} * grid.kernel.local_bytes);
  clocks.resize(num_warps);
  priorities_.resize(num_warps);
  for (uint32_t i = 0; i < num_warps; ++i) warps_.push_back(std::make_unique<Warp>(*this, i));
}

Block::~Block() = default;

void Block::begin(uint32_t block_number) {
  number = block_number;
  const uint32_t* const size = grid.shape.grid;
  index[0] = number % size[0];
  index[1] = number / size[0] % size[1];
  index[2] = number / (size[0] * size[1]);
  std::fill(shared.begin(), shared.end(), kPoison);
  std::fill(local.begin(), local.end(), kPoison);
  if (checks_all()) {
    states.assign(shared.size(), ByteState::kUnwritten);
    shared_log.clear();
  }
  for (Barrier& barrier : barriers_) barrier = {};
  for (uint32_t i = 0; i < warps_.size(); ++i) {
    clocks[i] = {};
    clocks[i][i] = 1;
    priorities_[i] = grid.options.seed == 0 ? 0 : static_cast<uint32_t>(grid.random());
    warps_[i]->begin();
  }
}

void Block::run(uint32_t block_number) {
  begin(block_number);
  while (Warp* const warp = choose()) warp->run();
  const bool is_done = std::all_of(warps_.begin(), warps_.end(), [](const auto& warp) {
    return warp->state() == WarpState::kDone;
  });
  if (!is_done) report_stop();
}

Warp* Block::choose() {
  Warp* best = nullptr;
  for (const std::unique_ptr<Warp>& warp : warps_) {
    if (warp->state() != WarpState::kReady) continue;
    const bool is_ahead =
        best == nullptr || priorities_[warp->index()] > priorities_[best->index()];
    if (is_ahead) best = warp.get();
  }
  // Now and then another takes the lead, and a warp that spins gives way.
  if (best != nullptr && grid.options.seed != 0 && grid.random() % 8 == 0) {
    priorities_[best->index()] = static_cast<uint32_t>(grid.random());
  }
  if (best != nullptr && grid.options.seed == 0) ++priorities_[best->index()];
  return best;
}

void Block::arrive(Warp& warp, uint32_t id, uint32_t num_threads, uint32_t votes) {
  const int lane = std::countr_zero(warp.active());
  if (id >= kNumBarriers) warp.fault(warp.line(), lane, "a barrier that does not exist");
  if (num_threads % kLanes != 0)
    warp.fault(warp.line(), lane, "a barrier's count of threads is not of whole warps");
  Barrier& barrier = barriers_[id];
  if (barrier.num_warps == 0) {
    barrier.line = warp.line();
    barrier.num_needed = num_threads;
  }
  if (barrier.num_needed != num_threads)
    warp.fault(warp.line(), lane, "warps of a barrier disagree on its count of threads");
  if (num_threads == 0 && barrier.line != warp.line()) {
    warp.fault(warp.line(), lane,
               "divergent barrier: other warps wait at line " + std::to_string(barrier.line));
  }
  Clock& clock = clocks[warp.index()];
  for (int i = 0; i < kMaxWarps; ++i) barrier.joined[i] = std::max(barrier.joined[i], clock[i]);
  ++clock[warp.index()];
  ++barrier.num_warps;
  barrier.num_threads += static_cast<uint32_t>(std::popcount(warp.live()));
  barrier.votes += votes;
  if (warp.state() == WarpState::kAtBarrier) barrier.waiting.push_back(&warp);
  const uint32_t needed = num_threads == 0 ? num_warps() : num_threads / kLanes;
  if (barrier.num_warps == needed) open(barrier);
}

void Block::open(Barrier& barrier) {
  for (Warp* const warp : barrier.waiting) {
    Clock& clock = clocks[warp->index()];
    for (int i = 0; i < kMaxWarps; ++i) clock[i] = std::max(clock[i], barrier.joined[i]);
    warp->pass_barrier(barrier.votes, barrier.num_threads);
  }
  barrier = {};
}

void Block::report_stop() const {
  const auto waits = [](const auto& warp) { return warp->state() == WarpState::kAtBarrier; };
  const Warp& warp = **std::find_if(warps_.begin(), warps_.end(), waits);
  const bool has_ended = std::any_of(warps_.begin(), warps_.end(), [](const auto& other) {
    return other->state() == WarpState::kDone;
  });
  warp.fault(warp.line(), std::countr_zero(warp.live()),
             has_ended ? "threads ended while others wait at a barrier"
                       : "deadlock: warps wait at different barriers");
}

std::string Block::name_of(const Access& access) const {
  const std::string lane =
      access.lane == kSeveralLanes ? "some lanes" : "lane " + std::to_string(access.lane);
  return "block " + std::to_string(access.block - 1) + ", warp " + std::to_string(access.warp) +
         ", " + lane;
}

void launch(const Kernel& kernel, const Shape& shape, std::span<const uint8_t> parameters,
            const MemoryMap& memory, const RunOptions& options) {
  if (shape.num_threads() > std::min(kernel.max_threads, 1024u))
    throw Fault("too many threads in a block: kernel " + std::string(kernel.name));
  if (parameters.size() != kernel.parameter_bytes)
    throw Fault("parameters of another size: kernel " + std::string(kernel.name));
  Grid grid{kernel, shape, parameters, memory, options, {}, std::mt19937(options.seed)};
  std::vector<uint32_t> order(size_t{shape.grid[0]} * shape.grid[1] * shape.grid[2]);
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  if (options.seed != 0) std::shuffle(order.begin(), order.end(), grid.random);
  Block block(grid);
  for (const uint32_t number : order) block.run(number);
}

}  // namespace ptx
