#include "cuda/step/rope_table.h"

#include <algorithm>

#include "graph/rope.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kPositions = 1024;  // Computed at a time.

}  // namespace

void RopeTable::place(uint32_t max_positions, uint32_t num_pairs, DeviceArena* arena) {
  max_positions_ = max_positions;
  arena->place(uint64_t{max_positions} * num_pairs * 2, &angles_);
}

Status RopeTable::grow_to(uint32_t num_positions, std::span<const double> frequencies,
                          double magnitude, const Stream& stream) {
  const size_t num_pairs = frequencies.size();
  while (num_ready_ < num_positions) {
    const uint32_t count = std::min(kPositions, max_positions_ - num_ready_);
    std::vector<float> cosines(num_pairs);
    std::vector<float> sines(num_pairs);
    computed_.resize(count * num_pairs * 2);
    for (uint32_t i = 0; i < count; ++i) {
      rope_angles(num_ready_ + i, frequencies, magnitude, cosines.data(), sines.data());
      for (size_t pair = 0; pair < num_pairs; ++pair) {
        computed_[(i * num_pairs + pair) * 2] = cosines[pair];
        computed_[(i * num_pairs + pair) * 2 + 1] = sines[pair];
      }
    }
    RETURN_IF_ERROR(stream.copy_in(device_pointer(angles_ + num_ready_ * num_pairs * 2),
                                   computed_.data(), computed_.size() * sizeof(float)));
    RETURN_IF_ERROR(stream.wait());
    num_ready_ += count;
  }
  return {};
}

}  // namespace dyn::cuda
