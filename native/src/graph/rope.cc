#include "graph/rope.h"

#include <cmath>
#include <cstddef>

namespace dyn {

void rope_angles(uint32_t position, std::span<const double> frequencies, double magnitude,
                 float* cosines, float* sines) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double angle = position * frequencies[i];
    cosines[i] = static_cast<float>(magnitude * std::cos(angle));
    sines[i] = static_cast<float>(magnitude * std::sin(angle));
  }
}

}  // namespace dyn
