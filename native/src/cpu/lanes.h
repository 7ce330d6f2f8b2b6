// Lanes: four neighbouring floats, what every 64-bit CPU multiplies and adds at once. Written out
// (a GNU extension that Clang shares) because GCC does not keep an array of sums in registers.
//
// Lanes lie across outputs, never along a sum: every output is one sum in the order of its terms,
// so it has the same bits in a group of 16, of 4, or alone.

#pragma once

#include <cstddef>
#include <iterator>

namespace dyn {

typedef float Lanes __attribute__((vector_size(16), aligned(4), may_alias));
inline constexpr size_t kLanes = 4;

inline Lanes load_lanes(const float* from) {
  return *reinterpret_cast<const Lanes*>(from);
}

inline void store_lanes(float* to, Lanes lanes) {
  *reinterpret_cast<Lanes*>(to) = lanes;
}

// y[n] += sum over k of x[k] * w[k * stride + n], for 16 neighbouring n.
inline void add_products_16(const float* w, size_t stride, const float* x, size_t count, float* y) {
  Lanes sums[16 / kLanes];
  for (size_t n = 0; n < std::size(sums); ++n) sums[n] = load_lanes(y + n * kLanes);
  for (size_t k = 0; k < count; ++k) {
    for (size_t n = 0; n < std::size(sums); ++n) {
      sums[n] += x[k] * load_lanes(w + k * stride + n * kLanes);
    }
  }
  for (size_t n = 0; n < std::size(sums); ++n) store_lanes(y + n * kLanes, sums[n]);
}

// y[n] += sum over k of x[k] * w[k * stride + n], for one n.
inline void add_products_1(const float* w, size_t stride, const float* x, size_t count, float* y) {
  float sum = *y;
  for (size_t k = 0; k < count; ++k) sum += x[k] * w[k * stride];
  *y = sum;
}

}  // namespace dyn
