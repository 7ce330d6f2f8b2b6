// RopeTable: cosines and sines of all positions on the GPU, computed by the host in double precision
// as the CPU's are, some hundred positions ahead of the first step that needs them.

#pragma once

#include <span>
#include <vector>

#include "cuda/driver/device_arena.h"
#include "cuda/driver/stream.h"

namespace dyn::cuda {

class RopeTable {
 public:
  void place(uint32_t max_positions, uint32_t num_pairs, DeviceArena* arena);

  // Has all positions below `num_positions` there for what is enqueued from now on.
  Status grow_to(uint32_t num_positions, std::span<const double> frequencies, double magnitude,
                 const Stream& stream);

  const float* angles() const { return angles_; }  // [max_positions, num_pairs, 2], on the GPU

 private:
  float* angles_ = nullptr;
  uint32_t max_positions_ = 0;
  uint32_t num_ready_ = 0;
  std::vector<float> computed_;  // Being copied.
};

}  // namespace dyn::cuda
