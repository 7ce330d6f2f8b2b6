// A warp that runs: 32 lanes in lockstep under a mask. Lanes that go different ways are groups, each at a
// segment of the kernel; a group runs until the next segment, and groups that meet are joined.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runner/async_copies.h"
#include "runner/block.h"
#include "runner/lanes.h"

namespace ptx {

enum class WarpState { kReady, kAtBarrier, kDone };

class Warp {
 public:
  Warp(Block& block, uint32_t index);

  // Before each block.
  void begin();
  void run() { block_.grid.kernel.run(*this); }

  // For the code of a kernel.
  int mutant = 0;
  uint32_t tid[3][kLanes];
  uint32_t lane_ids[kLanes];
  uint32_t lane_masks[5][kLanes];  // Equal, less, less or equal, greater, greater or equal.
  uint16_t nowhere16[kLanes];
  uint32_t nowhere32[kLanes];
  uint64_t nowhere64[kLanes];
  Mask no_predicate = 0;
  AsyncCopies copies;

  // Notes that the mutation is come to.
  bool reach() {
    if (block_.grid.options.is_reached != nullptr) *block_.grid.options.is_reached = true;
    return true;
  }
  uint16_t* rows16() { return rows16_.data(); }
  uint32_t* rows32() { return rows32_.data(); }
  uint64_t* rows64() { return rows64_.data(); }
  Mask* predicates() { return predicates_.data(); }
  const Shape& shape() const { return block_.grid.shape; }
  const uint32_t* block_index() const { return block_.index; }
  uint32_t index() const { return index_; }
  Block& block() { return block_; }

  template <class T>
  T parameter(uint32_t offset) const {
    T value;
    std::memcpy(&value, block_.grid.parameters.data() + offset, sizeof value);
    return value;
  }

  // The lanes that run, those that have not ended.
  Mask active() const { return groups_[current_].lanes; }
  Mask live() const { return live_; }

  // The segment to go on with, of the group that was chosen; -1 if the warp stops.
  int next();
  // True if the running group must stop before `segment`.
  bool pauses(int segment) {
    const bool goes_on = --budget_ > 0 && num_groups_ == 1;
    return !goes_on && pause(segment);
  }
  // True if lanes of `members` have yet to come to this segment.
  bool gathers(int segment, int line, Mask members);
  Mask split(Mask going, int segment);
  // The lanes that are left of the running group.
  Mask end(Mask lanes);

  // The member mask in a register, which must be the same in all lanes.
  template <class In>
  Mask members(int line, In in) const {
    return uniform(line, in);
  }
  template <class In>
  uint32_t uniform(int line, In in) const {
    const uint32_t first = lane_of(in, std::countr_zero(active()));
    for_lanes(active(), [&](int lane) {
      if (lane_of(in, lane) != first) fault(line, lane, "lanes of a warp disagree on an operand");
    });
    return first;
  }
  // All 32 lanes are there, as for mma and ldmatrix.
  void require_all(int line) const;
  // __syncwarp: lanes see each other's writes.
  void sync_lanes() { ++lane_clock_; }

  void wait_at_barrier(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes);
  void arrive_at_barrier(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes);
  uint32_t barrier_votes() const { return barrier_votes_; }
  uint32_t barrier_threads() const { return barrier_threads_; }
  void wait_for_copies(Mask lanes, int line, int num_open);
  [[noreturn]] void trap(Mask lanes, int line) const;

  // For memory accesses.
  Access access(int lane, bool is_strong) const;
  const Clock& clock() const { return block_.clocks[index_]; }
  [[noreturn]] void fault(int line, int lane, std::string_view what) const;

  // For the block.
  WarpState state() const { return state_; }
  void pass_barrier(uint32_t votes, uint32_t num_threads);
  int line() const { return line_; }

 private:
  struct Group {
    Mask lanes = 0;
    int segment = 0;
    bool is_waiting = false;  // For lanes of other groups.
  };

  bool pause(int segment);
  void join_groups();
  int choose_group();
  void refill_budget();
  void arrive(int resume, int line, uint32_t id, uint32_t num_threads, Mask votes);

  Block& block_;
  const uint32_t index_;
  std::vector<uint16_t> rows16_;
  std::vector<uint32_t> rows32_;
  std::vector<uint64_t> rows64_;
  std::vector<Mask> predicates_;
  Group groups_[kLanes + 1];
  int num_groups_ = 0;
  int current_ = 0;
  Mask live_ = 0;
  WarpState state_ = WarpState::kReady;
  int64_t budget_ = 0;  // Segments until another warp may go first.
  bool is_yielding_ = false;
  uint32_t lane_clock_ = 1;
  uint32_t barrier_votes_ = 0;
  uint32_t barrier_threads_ = 0;
  int line_ = 0;  // The collective's or barrier's at which it waits.
};

}  // namespace ptx
