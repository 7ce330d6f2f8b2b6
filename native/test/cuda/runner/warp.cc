#include "runner/warp.h"

#include <algorithm>

#include "runner/fault.h"

namespace ptx {
namespace {

constexpr uint8_t kPoison = 0xc5;  // Bytes of registers that nothing has written.
constexpr int64_t kQuantum = 1 << 16;

template <class Word>
std::vector<Word> make_rows(uint32_t num_rows) {
  return std::vector<Word>(size_t{num_rows} * kLanes);
}

template <class Word>
void poison(std::vector<Word>& rows) {
  if (!rows.empty()) std::memset(rows.data(), kPoison, rows.size() * sizeof(Word));
}

}  // namespace

Warp::Warp(Block& block, uint32_t index)
    : block_(block),
      index_(index),
      rows16_(make_rows<uint16_t>(block.grid.kernel.rows.of16)),
      rows32_(make_rows<uint32_t>(block.grid.kernel.rows.of32)),
      rows64_(make_rows<uint64_t>(block.grid.kernel.rows.of64)),
      predicates_(block.grid.kernel.rows.predicates) {
  mutant = block.grid.options.mutant;
  const uint32_t* const size = shape().block;
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    const uint32_t thread = index * kLanes + lane;
    tid[0][lane] = thread % size[0];
    tid[1][lane] = thread / size[0] % size[1];
    tid[2][lane] = thread / (size[0] * size[1]);
    const Mask bit = Mask{1} << lane;
    lane_ids[lane] = lane;
    lane_masks[0][lane] = bit;
    lane_masks[1][lane] = bit - 1;
    lane_masks[2][lane] = bit | (bit - 1);
    lane_masks[3][lane] = ~(bit | (bit - 1));
    lane_masks[4][lane] = ~(bit - 1);
  }
}

void Warp::begin() {
  const uint32_t left = shape().num_threads() - index_ * kLanes;
  live_ = left >= kLanes ? kAllLanes : (Mask{1} << left) - 1;
  groups_[0] = {live_, 0, false};
  num_groups_ = 1;
  current_ = 0;
  state_ = WarpState::kReady;
  is_yielding_ = false;
  lane_clock_ = 1;
  copies.begin();
  poison(rows16_);
  poison(rows32_);
  poison(rows64_);
  std::fill(predicates_.begin(), predicates_.end(), 0xc5c5c5c5);
  refill_budget();
}

void Warp::refill_budget() {
  Grid& grid = block_.grid;
  budget_ = grid.options.seed == 0 ? kQuantum : static_cast<int64_t>(1 + grid.random() % 64);
}

bool Warp::pause(int segment) {
  groups_[current_].segment = segment;
  if (budget_ <= 0) {
    is_yielding_ = true;
    Grid& grid = block_.grid;
    grid.num_segments += kQuantum;
    if (grid.num_segments > grid.options.max_segments) fault(0, 0, "the kernel does not end");
    refill_budget();
  }
  return true;
}

int Warp::next() {
  if (is_yielding_) {
    is_yielding_ = false;
    return -1;
  }
  join_groups();
  if (num_groups_ == 0) {
    state_ = WarpState::kDone;
    return -1;
  }
  current_ = choose_group();
  return groups_[current_].segment;
}

// Drops empty groups, and joins those that stand at one segment.
void Warp::join_groups() {
  int kept = 0;
  for (int i = 0; i < num_groups_; ++i) {
    if (groups_[i].lanes == 0) continue;
    Group* const end = groups_ + kept;
    Group* const twin = std::find_if(
        groups_, end, [&](const Group& group) { return group.segment == groups_[i].segment; });
    if (twin == end) {
      groups_[kept++] = groups_[i];
    } else {
      twin->lanes |= groups_[i].lanes;
      twin->is_waiting = false;
    }
  }
  num_groups_ = kept;
}

// The group that lags behind, so that groups meet again; by seed, any.
int Warp::choose_group() {
  int candidates[kLanes];
  int count = 0;
  for (int i = 0; i < num_groups_; ++i) {
    if (!groups_[i].is_waiting) candidates[count++] = i;
  }
  if (count == 0) {
    const int lane = std::countr_zero(groups_[0].lanes);
    fault(line_, lane, "lanes wait for others of their warp, which never come");
  }
  Grid& grid = block_.grid;
  if (grid.options.seed != 0) return candidates[grid.random() % static_cast<uint32_t>(count)];
  return *std::min_element(candidates, candidates + count,
                           [&](int a, int b) { return groups_[a].segment < groups_[b].segment; });
}

bool Warp::gathers(int segment, int line, Mask members) {
  line_ = line;
  const Mask here = active();
  if ((here & ~members) != 0) {
    fault(line, std::countr_zero(here & ~members), "a lane runs that the member mask leaves out");
  }
  if ((members & live_ & ~here) == 0) return false;
  groups_[current_].segment = segment;
  groups_[current_].is_waiting = true;
  return true;
}

Mask Warp::split(Mask going, int segment) {
  groups_[current_].lanes &= ~going;
  groups_[num_groups_++] = {going, segment, false};
  return active();
}

Mask Warp::end(Mask lanes) {
  live_ &= ~lanes;
  groups_[current_].lanes &= ~lanes;
  for (int i = 0; i < num_groups_; ++i) groups_[i].is_waiting = false;
  return active();
}

void Warp::require_all(int line) const {
  if (active() == kAllLanes) return;
  fault(line, std::countr_one(active()), "a lane that has ended is missing");
}

void Warp::wait_at_barrier(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes) {
  state_ = WarpState::kAtBarrier;
  arrive(resume, line, id, num_threads, votes);
}

void Warp::arrive_at_barrier(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes) {
  arrive(resume, line, id, num_threads, votes);
}

void Warp::arrive(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes) {
  groups_[current_].segment = resume;
  line_ = line;
  sync_lanes();
  const int count = std::popcount(active() & votes);
  block_.arrive(*this, id, num_threads, static_cast<uint32_t>(count));
}

void Warp::pass_barrier(uint32_t votes, uint32_t num_threads) {
  state_ = WarpState::kReady;
  barrier_votes_ = votes;
  barrier_threads_ = num_threads;
}

void Warp::trap(Mask lanes, int line) const {
  fault(line, std::countr_zero(lanes), "trap");
}

Access Warp::access(int lane, bool is_strong) const {
  const uint32_t own = block_.clocks[index_][index_];
  return {block_.number + 1,          own,      lane_clock_, static_cast<uint8_t>(index_),
          static_cast<uint8_t>(lane), is_strong};
}

void Warp::fault(int line, int lane, std::string_view what) const {
  const Kernel& kernel = block_.grid.kernel;
  const auto triple = [](uint32_t x, uint32_t y, uint32_t z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
  };
  const uint32_t* const block = block_.index;
  throw Fault(std::string(what) + ": kernel " + kernel.name + ", block " +
              triple(block[0], block[1], block[2]) + ", thread " +
              triple(tid[0][lane], tid[1][lane], tid[2][lane]) + ", " + kernel.file + ":" +
              std::to_string(line));
}

}  // namespace ptx
