// The bytes that kernels may touch: allocations of the device, pinned memory of the host, and variables of modules.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ptx {

class MemoryMap {
 public:
  void add(uint64_t begin, uint64_t bytes) {
    const Range range{begin, begin + bytes};
    const auto place = std::upper_bound(
        ranges_.begin(), ranges_.end(), begin,
        [](uint64_t address, const Range& other) { return address < other.begin; });
    ranges_.insert(place, range);
  }

  // False if nothing begins there.
  bool remove(uint64_t begin) {
    const auto place = std::find_if(ranges_.begin(), ranges_.end(),
                                    [=](const Range& range) { return range.begin == begin; });
    if (place == ranges_.end()) return false;
    ranges_.erase(place);
    last_ = {};
    return true;
  }

  bool contains(uint64_t address, uint64_t bytes) const {
    if (address >= last_.begin && address + bytes <= last_.end) return true;
    const auto next =
        std::upper_bound(ranges_.begin(), ranges_.end(), address,
                         [](uint64_t sought, const Range& range) { return sought < range.begin; });
    if (next == ranges_.begin()) return false;
    const Range& range = *(next - 1);
    if (address + bytes > range.end) return false;
    last_ = range;
    return true;
  }

 private:
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  std::vector<Range> ranges_;  // By begin; they do not overlap.
  mutable Range last_;         // The range that the last access was in.
};

}  // namespace ptx
