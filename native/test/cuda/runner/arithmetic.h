// The arithmetic of PTX for one lane. Whole numbers wrap; floats round to nearest even, and denormals
// stay unless the instruction flushes them.
//
// Approximations. ex2, lg2, rsqrt, sin, cos and tanh, and the approximate division, reciprocal and root are
// computed in double and rounded once. A GPU is within 2^-22 of that, so its last bits differ.

#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "runner/lanes.h"

namespace ptx {

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;
// Wraps: the arithmetic of signed numbers is that of unsigned ones, at least as wide as an int.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) < 4, uint32_t, std::make_unsigned_t<T>>;
template <class T>
struct Wider;
template <>
struct Wider<int16_t> {
  using Type = int32_t;
};
template <>
struct Wider<uint16_t> {
  using Type = uint32_t;
};
template <>
struct Wider<int32_t> {
  using Type = int64_t;
};
template <>
struct Wider<uint32_t> {
  using Type = uint64_t;
};
template <>
struct Wider<int64_t> {
  __extension__ typedef __int128 Type;
};
template <>
struct Wider<uint64_t> {
  __extension__ typedef unsigned __int128 Type;
};

template <class T>
T same(T value) {
  return value;
}
template <class T>
T second(T, T value) {
  return value;
}
template <class T>
T add(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return a + b;
  } else {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
}
template <class T>
T subtract(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return a - b;
  } else {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  }
}
template <class T>
T multiply(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return a * b;
  } else {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
}
template <class T>
typename Wider<T>::Type multiply_wide(T a, T b) {
  using W = typename Wider<T>::Type;
  return static_cast<W>(static_cast<W>(a) * static_cast<W>(b));
}
template <class T>
T multiply_high(T a, T b) {
  return static_cast<T>(multiply_wide<T>(a, b) >> (8 * sizeof(T)));
}
template <class T>
T multiply_add(T a, T b, T c) {
  return add(multiply(a, b), c);
}
template <class T>
T multiply_high_add(T a, T b, T c) {
  return add(multiply_high(a, b), c);
}
template <class T>
typename Wider<T>::Type multiply_wide_add(T a, T b, typename Wider<T>::Type c) {
  return add(multiply_wide<T>(a, b), c);
}
template <class T>
T fused(T a, T b, T c) {
  return std::fma(a, b, c);
}
// The machine gives all ones for a division of whole numbers by zero, and wraps the least one by -1.
template <class T>
T divide(T a, T b) {
  if constexpr (kIsFloat<T>) {
    return a / b;
  } else {
    if (b == 0) return static_cast<T>(~T{0});
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return subtract(T{0}, a);
    }
    return static_cast<T>(a / b);
  }
}
template <class T>
T remainder(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}
// A number goes before a NaN, and -0 is below 0.
template <class T>
T least(T a, T b) {
  if constexpr (kIsFloat<T>) {
    if (std::isnan(a)) return b;
    if (a == b) return std::signbit(a) ? a : b;
    return b < a ? b : a;
  } else {
    return std::min(a, b);
  }
}
template <class T>
T greatest(T a, T b) {
  if constexpr (kIsFloat<T>) {
    if (std::isnan(a)) return b;
    if (a == b) return std::signbit(a) ? b : a;
    return b > a ? b : a;
  } else {
    return std::max(a, b);
  }
}
template <class T>
T least_or_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : least(a, b);
}
template <class T>
T greatest_or_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : greatest(a, b);
}
template <class T>
T negate(T a) {
  if constexpr (kIsFloat<T>) {
    return -a;
  } else {
    return subtract(T{0}, a);
  }
}
template <class T>
T absolute(T a) {
  if constexpr (kIsFloat<T>) {
    return std::fabs(a);
  } else {
    return a < 0 ? negate(a) : a;
  }
}
// PTX: the sign of `a` on the size of `b`.
template <class T>
T copy_sign(T a, T b) {
  return std::copysign(b, a);
}

template <class T>
T bits_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <class T>
T bits_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <class T>
T bits_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <class T>
T complement(T a) {
  return static_cast<T>(~a);
}
template <class T>
T is_zero(T a) {
  return a == 0 ? T{1} : T{0};
}
// A shift by the width or more leaves nothing, or the sign.
template <class T>
T shift_left(T a, uint32_t n) {
  return n >= 8 * sizeof(T) ? T{0} : static_cast<T>(static_cast<Wrapping<T>>(a) << n);
}
template <class T>
T shift_right(T a, uint32_t n) {
  if (n >= 8 * sizeof(T)) return a < T{0} ? static_cast<T>(~T{0}) : T{0};
  return static_cast<T>(a >> n);
}
enum FunnelMode { kWrap, kClamp };
template <FunnelMode kMode>
uint32_t funnel_shift(uint32_t n) {
  return kMode == kWrap ? n & 31 : std::min(n, 32u);
}
template <FunnelMode kMode>
uint32_t funnel_left(uint32_t low, uint32_t high, uint32_t n) {
  const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
  return static_cast<uint32_t>(both << funnel_shift<kMode>(n) >> 32);
}
template <FunnelMode kMode>
uint32_t funnel_right(uint32_t low, uint32_t high, uint32_t n) {
  const uint64_t both = static_cast<uint64_t>(high) << 32 | low;
  return static_cast<uint32_t>(both >> funnel_shift<kMode>(n));
}
template <class T>
uint32_t count_ones(T a) {
  return static_cast<uint32_t>(std::popcount(static_cast<std::make_unsigned_t<T>>(a)));
}
template <class T>
uint32_t count_leading_zeros(T a) {
  return static_cast<uint32_t>(std::countl_zero(static_cast<std::make_unsigned_t<T>>(a)));
}
template <class T>
T reverse_bits(T a) {
  T reversed = 0;
  for (size_t i = 0; i < 8 * sizeof(T); ++i) {
    reversed = static_cast<T>(reversed << 1 | (a >> i & 1));
  }
  return reversed;
}
// The highest bit that is not the sign; all ones if there is none.
template <class T>
uint32_t leading_position(T a) {
  using U = std::make_unsigned_t<T>;
  const U bits = static_cast<U>(a < T{0} ? ~a : a);
  return bits == 0 ? ~0u : static_cast<uint32_t>(8 * sizeof(T) - 1) - count_leading_zeros(bits);
}
template <class T>
uint32_t leading_distance(T a) {
  const uint32_t position = leading_position(a);
  return position == ~0u ? ~0u : static_cast<uint32_t>(8 * sizeof(T) - 1) - position;
}
// Place and length are the lowest bytes of their operands; a field past the top repeats the sign.
template <class T>
T extract_bits(T a, uint32_t place, uint32_t length) {
  using U = std::make_unsigned_t<T>;
  constexpr uint32_t kTop = 8 * sizeof(T) - 1;
  const uint32_t first = place & 0xff;
  const uint32_t count = length & 0xff;
  if (count == 0) return 0;
  const uint32_t sign_place = std::min(first + count - 1, kTop);
  const bool sign = std::is_signed_v<T> && (static_cast<U>(a) >> sign_place & 1) != 0;
  U field = first > kTop ? U{0} : static_cast<U>(static_cast<U>(a) >> first);
  const uint32_t kept = first > kTop ? 0 : sign_place - first + 1;
  const U mask = kept > kTop ? ~U{0} : static_cast<U>((U{1} << kept) - 1);
  field &= mask;
  return static_cast<T>(sign ? field | static_cast<U>(~mask) : field);
}
// Puts the low bits of `a` into `b`.
template <class T>
T insert_bits(T a, T b, uint32_t place, uint32_t length) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  const uint32_t first = place & 0xff;
  const uint32_t count = std::min(length & 0xff, kBits);
  if (count == 0 || first >= kBits) return b;
  const T field = count == kBits ? static_cast<T>(~T{0}) : static_cast<T>((T{1} << count) - 1);
  const T mask = static_cast<T>(field << first);
  return static_cast<T>((b & static_cast<T>(~mask)) | (static_cast<T>(a << first) & mask));
}
// Each nibble of `choice` names a byte of `high:low`; its top bit asks for the sign alone.
inline uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t choice) {
  const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t nibble = choice >> (4 * i) & 15;
    uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (nibble & 7)) & 0xff);
    if ((nibble & 8) != 0) byte = (byte & 0x80) != 0 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
}
// Bit 4a + 2b + c of `table` is the result for those three bits.
inline uint32_t logic_of_three(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (uint32_t i = 0; i < 8; ++i) {
    if ((table >> i & 1) == 0) continue;
    result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
  }
  return result;
}
template <class T>
T add_difference(T a, T b, T c) {
  return add(a > b ? subtract(a, b) : subtract(b, a), c);
}
template <class Byte, class Word>
Word dot_of_bytes(uint32_t a, uint32_t b, Word sum) {
  for (int i = 0; i < 4; ++i) {
    const Word x = static_cast<Byte>(a >> (8 * i) & 0xff);
    const Word y = static_cast<Byte>(b >> (8 * i) & 0xff);
    sum = add<Word>(sum, static_cast<Word>(x * y));
  }
  return sum;
}
template <class T>
T choose(T a, T b, bool first) {
  return first ? a : b;
}

template <class T>
T exp2_of(T a) {
  return static_cast<T>(std::exp2(static_cast<double>(a)));
}
template <class T>
T log2_of(T a) {
  return static_cast<T>(std::log2(static_cast<double>(a)));
}
template <class T>
T reciprocal(T a) {
  return T{1} / a;
}
template <class T>
T reciprocal_root(T a) {
  return static_cast<T>(1 / std::sqrt(static_cast<double>(a)));
}
template <class T>
T root(T a) {
  return std::sqrt(a);
}
template <class T>
T sine(T a) {
  return static_cast<T>(std::sin(static_cast<double>(a)));
}
template <class T>
T cosine(T a) {
  return static_cast<T>(std::cos(static_cast<double>(a)));
}
template <class T>
T hyperbolic_tangent(T a) {
  return static_cast<T>(std::tanh(static_cast<double>(a)));
}

// Relations of floats are false for NaN unless their name says otherwise.
template <class T>
bool is_nan(T a) {
  if constexpr (kIsFloat<T>) {
    return std::isnan(a);
  } else {
    return false;
  }
}
template <class T>
bool has_nan(T a, T b) {
  return is_nan(a) || is_nan(b);
}
template <class T>
bool are_numbers(T a, T b) {
  return !has_nan(a, b);
}
template <class T>
bool equal(T a, T b) {
  return are_numbers(a, b) && !(a < b) && !(b < a);
}
template <class T>
bool not_equal(T a, T b) {
  return a < b || b < a;
}
template <class T>
bool less(T a, T b) {
  return a < b;
}
template <class T>
bool less_or_equal(T a, T b) {
  return a <= b;
}
template <class T>
bool greater(T a, T b) {
  return a > b;
}
template <class T>
bool greater_or_equal(T a, T b) {
  return a >= b;
}
template <class T>
bool equal_or_nan(T a, T b) {
  return has_nan(a, b) || equal(a, b);
}
template <class T>
bool not_equal_or_nan(T a, T b) {
  return has_nan(a, b) || not_equal(a, b);
}
template <class T>
bool less_or_nan(T a, T b) {
  return !(a >= b);
}
template <class T>
bool less_or_equal_or_nan(T a, T b) {
  return !(a > b);
}
template <class T>
bool greater_or_nan(T a, T b) {
  return !(a <= b);
}
template <class T>
bool greater_or_equal_or_nan(T a, T b) {
  return !(a < b);
}

// Denormals of float are zeros of their sign, on the way in and out.
template <class T>
T flushed(T value) {
  if constexpr (std::is_same_v<T, float>) {
    return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
  } else {
    return value;
  }
}
template <auto kFn, class = decltype(kFn)>
struct Flush;
template <auto kFn, class Result, class... In>
struct Flush<kFn, Result (*)(In...)> {
  static Result run(In... in) { return flushed(kFn(flushed(in)...)); }
};
// Between 0 and 1; NaN and -0 are 0.
template <auto kFn, class = decltype(kFn)>
struct Saturate;
template <auto kFn, class... In>
struct Saturate<kFn, float (*)(In...)> {
  static float run(In... in) {
    const float value = kFn(in...);
    return value > 0 ? std::min(value, 1.0f) : 0.0f;
  }
};

}  // namespace ptx
