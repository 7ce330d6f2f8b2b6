// A checksum of weights, for damage and not for malice: any change within one word changes it, and
// others pass unseen once in 2^64. Eight lanes of xor, rotate and multiply, in the manner of xxHash
// (its multiplier too), since one multiplication has to wait for the one before: as fast as memory.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dyn {

// `num_bytes` is a multiple of 64.
inline uint64_t checksum(const std::byte* bytes, size_t num_bytes) {
  constexpr uint64_t kPrime = 0x9e3779b185ebca87;
  constexpr size_t kNumLanes = 8;
  uint64_t lanes[kNumLanes] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (size_t at = 0; at < num_bytes; at += sizeof(lanes)) {
    for (size_t lane = 0; lane < kNumLanes; ++lane) {
      uint64_t word;
      std::memcpy(&word, bytes + at + lane * sizeof(word), sizeof(word));
      lanes[lane] = std::rotl(lanes[lane] ^ word, 29) * kPrime;
    }
  }
  uint64_t sum = num_bytes;
  for (const uint64_t lane : lanes) sum = std::rotl(sum ^ lane, 29) * kPrime;
  return sum;
}

}  // namespace dyn
