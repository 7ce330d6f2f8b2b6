// The angles of rotary position embeddings (RoPE, arXiv:2104.09864), the same on every device.

#pragma once

#include <cstdint>
#include <span>

namespace dyn {

// magnitude * cosine and sine of position * frequency for each pair of a head.
void rope_angles(uint32_t position, std::span<const double> frequencies, double magnitude,
                 float* cosines /* [num_pairs] */, float* sines /* [num_pairs] */);

}  // namespace dyn
