// Random numbers as a function of (seed, position) and nothing else, so that a sample does not
// depend on the batch, on preemption, or on what was sampled before.

#pragma once

#include <cstdint>

#include "base/on_device.h"

namespace dyn {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
DYN_ON_DEVICE constexpr uint64_t splitmix64(uint64_t state) {
  uint64_t z = state + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Uniform in [0, 1).
DYN_ON_DEVICE constexpr double uniform(uint64_t seed, uint64_t position) {
  return static_cast<double>(splitmix64(splitmix64(seed) ^ position) >> 11) * 0x1p-53;
}

}  // namespace dyn
