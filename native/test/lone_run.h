// A sequence's run alone: everything else is compared with it.

#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "test_model.h"

namespace dyn::test {

inline constexpr uint32_t kNumSamples = 12;

inline std::vector<int32_t> prompt(uint32_t seed, uint32_t length) {
  std::mt19937 generator(seed);
  std::vector<int32_t> tokens(length);
  for (int32_t& token : tokens) token = static_cast<int32_t>(generator() % 67);
  return tokens;
}

inline std::vector<int32_t> block_range(int32_t first, int32_t count) {
  std::vector<int32_t> blocks(static_cast<size_t>(count));
  std::iota(blocks.begin(), blocks.end(), first);
  return blocks;
}

// Samples that everything else is compared with: one thread, whole prompt at once, alone.
inline std::vector<Sampled> expected_samples(const TestModel& model, uint32_t seed, uint32_t length,
                                             const EngineOptions& options = {}) {
  TestEngine engine(model, options);
  Sequence sequence = {prompt(seed, length), block_range(0, 13), 0};
  return engine.generate(&sequence, length, kNumSamples);
}

}  // namespace dyn::test
