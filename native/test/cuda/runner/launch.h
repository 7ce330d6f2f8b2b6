// Runs a kernel: blocks one after another, each warp until it waits, in an order that a seed chooses.

#pragma once

#include <cstdint>
#include <span>

#include "runner/kernel.h"
#include "runner/memory_map.h"

namespace ptx {

struct Shape {
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t dynamic_shared_bytes = 0;

  uint32_t num_threads() const { return block[0] * block[1] * block[2]; }
};

enum class Checks {
  kBounds,  // Bounds, alignment and barriers.
  kAll,     // Races and unwritten shared memory too: many times slower.
};

struct RunOptions {
  Checks checks = Checks::kAll;
  uint32_t seed = 0;  // 0 runs blocks, warps and lanes in order; others let one warp run ahead.
  int mutant = 0;     // The mutation that is on, or 0.
  bool* is_reached = nullptr;                 // Set when a lane comes to the mutation; may be null.
  uint64_t max_segments = uint64_t{1} << 32;  // All warps'; past it the kernel does not end.
};

// Throws Fault. `parameters` are the bytes of the parameter block.
void launch(const Kernel& kernel, const Shape& shape, std::span<const uint8_t> parameters,
            const MemoryMap& memory, const RunOptions& options);

}  // namespace ptx
