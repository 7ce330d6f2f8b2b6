// cp.async of a warp's lanes: copies that have begun, in the groups that each lane committed. The bytes
// arrive at the wait, so that a read before it finds them still on their way.

#pragma once

#include <cstdint>
#include <vector>

#include "runner/lanes.h"

namespace ptx {

struct AsyncCopy {
  int lane;
  uint32_t group;
  uint64_t to;  // In shared memory.
  uint64_t from;
  uint32_t bytes;
  uint32_t used;  // The rest is zeros.
};

class AsyncCopies {
 public:
  void begin() {
    pending_.clear();
    for (uint32_t& count : committed_) count = 0;
  }
  void add(AsyncCopy copy) {
    copy.group = committed_[copy.lane];
    pending_.push_back(copy);
  }
  void commit(Mask lanes) {
    for_lanes(lanes, [&](int lane) { ++committed_[lane]; });
  }
  // Calls `land(copy)` for copies of these lanes in all groups but the last `num_open`.
  template <class Land>
  void wait(Mask lanes, uint32_t num_open, Land land) {
    std::vector<AsyncCopy> left;
    for (const AsyncCopy& copy : pending_) {
      const bool waits = (lanes >> copy.lane & 1) != 0;
      if (waits && copy.group + num_open < committed_[copy.lane]) {
        land(copy);
      } else {
        left.push_back(copy);
      }
    }
    pending_.swap(left);
  }

 private:
  std::vector<AsyncCopy> pending_;
  uint32_t committed_[kLanes] = {};
};

}  // namespace ptx
