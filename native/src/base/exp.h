// e^x in F32, the same bits on every machine and in every loop that a compiler vectorises, which
// libm's is not. Cephes' method (expf.c): x = n ln 2 + r, a polynomial of degree 7 in r, times 2^n.
// Relative error below 2e-7.

#pragma once

#include <bit>
#include <cstdint>

#include "base/on_device.h"

namespace dyn {

// 0 below -87 (so also for minus infinity, and for NaN), and as at 88 above it.
DYN_ON_DEVICE inline float exp_f32(float x) {
  const float clamped = !(x > -87.0f) ? -87.0f : (x > 88.0f ? 88.0f : x);
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it drops the fraction.
  const float n = (clamped * 1.44269504088896341f + kRound) - kRound;
  const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t exponent = static_cast<int32_t>(n) + 127;
  const float power = std::bit_cast<float>(exponent << 23);
  return !(x >= -87.0f) ? 0.0f : p * power;
}

}  // namespace dyn
