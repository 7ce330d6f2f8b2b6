// Who touched each byte last, and whether a barrier lies between two accesses of which one writes.
//
// Warps of a block are ordered by vector clocks, which barriers join; lanes of a warp by a count that
// __syncwarp and barriers raise. Blocks of a launch are never ordered. Strong accesses (atomics, volatile)
// may meet one another.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace ptx {

constexpr int kMaxWarps = 32;
constexpr uint8_t kSeveralLanes = 0xff;

using Clock = std::array<uint32_t, kMaxWarps>;  // How far one warp knows each warp to be.

struct Access {
  uint32_t block = 0;       // 1 + the block's number in its launch; 0 is no access.
  uint32_t clock = 0;       // The warp's own, at the access.
  uint32_t lane_clock = 0;  // Likewise of its lanes.
  uint8_t warp = 0;
  uint8_t lane = 0;
  bool is_strong = false;
};

class RaceLog {
 public:
  // The other access if there is one without order; `now` is noted.
  const Access* read(uint64_t address, uint64_t bytes, const Access& now, const Clock& clock);
  // With `is_same`, the bytes do not change: lanes of one warp may then write them together, as idiom has it.
  const Access* write(uint64_t address, uint64_t bytes, const Access& now, const Clock& clock,
                      bool is_same);
  void clear() {
    pages_.clear();
    last_page_ = nullptr;
  }

 private:
  struct Mark {
    Access write;
    Access reads[2];  // Two warps': a third reader needs no place of its own.
  };
  static constexpr uint64_t kPageBytes = 1024;
  using Page = std::array<Mark, kPageBytes>;

  Mark& mark(uint64_t address);

  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;
  Page* last_page_ = nullptr;
  uint64_t last_number_ = 0;
  Access found_;
};

}  // namespace ptx
