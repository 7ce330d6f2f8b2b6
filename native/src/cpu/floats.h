// Arithmetic that kernels of several instruction sets share, as templates of a vector of floats:
// avx2_floats.h and neon_floats.h. Each file that includes this compiles its own, for its own
// instructions.

#pragma once

#include <cstddef>
#include <iterator>

namespace dyn {

// e^x to the bits of base/exp.h, but that a NaN stays one.
template <typename V>
[[gnu::always_inline]] inline typename V::Vector exp_of(typename V::Vector x) {
  using Vector = typename V::Vector;
  const Vector clamped = V::min(V::broadcast(88.0f), V::max(V::broadcast(-87.0f), x));
  const Vector round = V::broadcast(12582912.0f);
  const Vector scaled = V::mul(clamped, V::broadcast(1.44269504088896341f));
  const Vector n = V::sub(V::add(scaled, round), round);
  const Vector high = V::sub(clamped, V::mul(n, V::broadcast(0.693359375f)));
  const Vector r = V::sub(high, V::mul(n, V::broadcast(-2.12194440e-4f)));
  constexpr float kCoefficients[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                     1.6666665459e-1f, 5.0000001201e-1f};
  Vector p = V::broadcast(1.9875691500e-4f);
#pragma GCC unroll 5
  for (const float coefficient : kCoefficients) {
    p = V::add(V::mul(p, r), V::broadcast(coefficient));
  }
  p = V::add(V::add(V::mul(p, V::mul(r, r)), r), V::broadcast(1.0f));
  return V::zero_below(x, V::broadcast(-87.0f), V::mul(p, V::power_of_two(n)));
}

// cap tanh(x / cap); NaN stays NaN. Below tanh(1/4) by the series of tanh, since 1 - e^-2y would lose what is
// small.
template <typename V>
[[gnu::always_inline]] inline typename V::Vector soft_cap_of(typename V::Vector x,
                                                             typename V::Vector cap) {
  using Vector = typename V::Vector;
  const Vector one = V::broadcast(1.0f);
  const Vector y = V::min(V::broadcast(20.0f), V::max(V::broadcast(-20.0f), V::div(x, cap)));
  const Vector square = V::mul(y, y);
  const Vector e = exp_of<V>(V::mul(V::broadcast(-2.0f), y));
  const Vector far = V::div(V::sub(one, e), V::add(one, e));
  constexpr float kCoefficients[] = {-5.39682539e-2f, 1.33333333e-1f, -3.33333333e-1f};
  Vector p = V::broadcast(2.18694885e-2f);
#pragma GCC unroll 3
  for (const float coefficient : kCoefficients) {
    p = V::add(V::mul(p, square), V::broadcast(coefficient));
  }
  const Vector near = V::add(y, V::mul(y, V::mul(square, p)));
  const Vector tanh = V::add(V::zero_below(square, V::broadcast(0x1p-4f), far),
                             V::zero_below(V::negate(square), V::broadcast(-0x1.fffffep-5f), near));
  return V::mul(cap, tanh);
}

// x[at, count) in one vector, filled up with `rest`.
template <typename V>
inline typename V::Vector load_tail(const float* x, size_t at, size_t count, float rest) {
  float lanes[V::kLanes];
  for (size_t i = 0; i < V::kLanes; ++i) lanes[i] = at + i < count ? x[at + i] : rest;
  return V::load(lanes);
}

// Four vectors as one, by one tree.
template <typename V>
[[gnu::always_inline]] inline typename V::Vector add_four(const typename V::Vector* x) {
  return V::add(V::add(x[0], x[1]), V::add(x[2], x[3]));
}

}  // namespace dyn
