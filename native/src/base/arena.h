// Arena: lays typed arrays out in one mapping. Two passes over the same list of arrays: the first
// adds their sizes up, the second hands out the addresses.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/checked.h"
#include "base/mapping.h"
#include "base/status.h"

namespace dyn {

class Arena {
 public:
  // Takes the memory that the arrays placed so far need. Place them once more, in the same order.
  Status map(const char* what) {
    RETURN_IF_ERROR(check(what));
    RETURN_IF_ERROR(Mapping::create(used_, what, &mapping_));
    used_ = 0;
    return {};
  }

  // An error if what was placed so far cannot be counted at all.
  Status check(const char* what) const {
    if (overflow_) return out_of_memory(std::string(what) + " needs more than 2^64 bytes");
    return {};
  }

  // Bytes placed so far in this pass.
  uint64_t used() const { return used_; }

  // Sets *array to `count` zeroed elements, aligned to a cache line; to nullptr in the first pass.
  template <typename T>
  void place(uint64_t count, T** array) {
    *array = mapping_.data() == nullptr ? nullptr : reinterpret_cast<T*>(mapping_.data() + used_);
    uint64_t num_bytes = 0;
    overflow_ |= !checked_mul(count, sizeof(T), &num_bytes) ||
                 !checked_add(num_bytes, kCacheLine - 1, &num_bytes) ||
                 !checked_add(used_, num_bytes & ~(kCacheLine - 1), &used_);
  }

 private:
  static constexpr uint64_t kCacheLine = 64;

  Mapping mapping_;
  uint64_t used_ = 0;
  bool overflow_ = false;
};

}  // namespace dyn
