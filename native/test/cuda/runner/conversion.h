// Conversions between types, packed and half floats.

#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "runner/arithmetic.h"
#include "runner/lanes.h"
#include "runner/spaces.h"

namespace ptx {

enum class Rounding { kNone, kRn, kRz, kRm, kRp, kRni, kRzi, kRmi, kRpi };

template <Rounding kRounding, class T>
T rounded(T value) {
  if constexpr (kRounding == Rounding::kRni) return std::nearbyint(value);
  if constexpr (kRounding == Rounding::kRzi) return std::trunc(value);
  if constexpr (kRounding == Rounding::kRmi) return std::floor(value);
  if constexpr (kRounding == Rounding::kRpi) return std::ceil(value);
  return value;
}

// Floats to whole numbers saturate, and NaN is 0.
template <class To, class From>
To whole(From value) {
  if (std::isnan(value)) return 0;
  constexpr double kLeast = static_cast<double>(std::numeric_limits<To>::min());
  // 2^31 and the like: the first number that is too large.
  constexpr double kPast = static_cast<double>(std::numeric_limits<To>::max() / 2 + 1) * 2;
  const double wide = static_cast<double>(value);
  if (wide < kLeast) return std::numeric_limits<To>::min();
  if (wide >= kPast) return std::numeric_limits<To>::max();
  return static_cast<To>(wide);
}

template <class To, class From>
To saturated(From value) {
  if (std::cmp_less(value, std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (std::cmp_greater(value, std::numeric_limits<To>::max()))
    return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

template <class To, class From, Rounding kRounding, bool kSaturate>
To convert(From value) {
  if constexpr (kIsFloat<From> && kIsFloat<To>) {
    static_assert(kRounding != Rounding::kRz && kRounding != Rounding::kRm &&
                  kRounding != Rounding::kRp);
    const To result = static_cast<To>(rounded<kRounding>(value));
    if constexpr (!kSaturate) return result;
    return result > 0 ? std::min(result, To{1}) : To{0};
  } else if constexpr (kIsFloat<From>) {
    return whole<To>(rounded<kRounding>(value));
  } else if constexpr (kIsFloat<To>) {
    static_assert(kRounding == Rounding::kRn);
    return static_cast<To>(value);
  } else if constexpr (kSaturate) {
    return saturated<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

struct Bf16 {
  static float widen(uint16_t bits) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  template <Rounding kRounding>
  static uint16_t narrow(float value) {
    static_assert(kRounding == Rounding::kRn || kRounding == Rounding::kRz);
    if (std::isnan(value)) return 0x7fff;
    uint32_t bits = std::bit_cast<uint32_t>(value);
    if constexpr (kRounding == Rounding::kRn) bits += 0x7fff + (bits >> 16 & 1);
    return static_cast<uint16_t>(bits >> 16);
  }
};

struct F16 {
  static float widen(uint16_t bits) {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
    const int exponent = bits >> 10 & 31;
    const uint32_t fraction = bits & 0x3ff;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
    const float size = exponent == 0
                           ? std::ldexp(static_cast<float>(fraction), -24)
                           : std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25);
    return sign != 0 ? -size : size;
  }
  template <Rounding kRounding>
  static uint16_t narrow(float value) {
    static_assert(kRounding == Rounding::kRn || kRounding == Rounding::kRz);
    if (std::isnan(value)) return 0x7fff;
    const uint32_t sign = std::signbit(value) ? 0x8000 : 0;
    const double size = std::fabs(static_cast<double>(value));
    int exponent = 0;
    if (size > 0) std::frexp(size, &exponent);
    // A step between neighbours: 2^-24 below the normal numbers.
    const int step = std::max(exponent - 11, -24);
    const double steps = std::ldexp(size, -step);
    const double whole = kRounding == Rounding::kRn ? std::nearbyint(steps) : std::trunc(steps);
    const double result = std::ldexp(whole, step);
    const bool is_infinite = std::isinf(value) || (kRounding == Rounding::kRn && result >= 65536);
    if (is_infinite) return static_cast<uint16_t>(sign | 0x7c00);
    if (result >= 65536) return static_cast<uint16_t>(sign | 0x7bff);
    if (result < std::ldexp(1.0, -14)) {
      return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::ldexp(result, 24)));
    }
    int power = 0;
    const double fraction = std::frexp(result, &power);  // [0.5, 1)
    const uint32_t mantissa = static_cast<uint32_t>(std::ldexp(fraction, 11)) & 0x3ff;
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(power + 14) << 10 | mantissa);
  }
};

template <class Half>
float widen(uint16_t bits) {
  return Half::widen(bits);
}
template <class Half, Rounding kRounding, bool kRelu>
uint16_t narrow(float value) {
  const bool is_cut = kRelu && value < 0;
  return Half::template narrow<kRounding>(is_cut ? 0.0f : value);
}
template <class Half, Rounding kRounding, bool kRelu>
uint32_t narrow_two(float high, float low) {
  const uint32_t top = narrow<Half, kRounding, kRelu>(high);
  return top << 16 | narrow<Half, kRounding, kRelu>(low);
}

template <class Part>
auto pack_two(Part low, Part high) {
  using Whole = typename Wider<Part>::Type;
  return static_cast<Whole>(static_cast<Whole>(low) |
                            static_cast<Whole>(static_cast<Whole>(high) << (8 * sizeof(Part))));
}
inline uint64_t pack_four(uint16_t a, uint16_t b, uint16_t c, uint16_t d) {
  return static_cast<uint64_t>(pack_two(c, d)) << 32 | pack_two(a, b);
}

// Takes a row apart, the low bits first. A part may be the row itself.
template <class Part, class From, class Row, size_t kParts>
void unpack(Mask mask, From from, Row* const (&parts)[kParts]) {
  for_lanes(mask, [&](int lane) {
    const auto whole = lane_of(from, lane);
    for (size_t i = 0; i < kParts; ++i) {
      parts[i][lane] = static_cast<Part>(whole >> (8 * sizeof(Part) * i));
    }
  });
}

inline uint64_t to_shared(uint64_t address) {
  return address - kSharedWindow;
}
inline uint64_t from_shared(uint64_t address) {
  return address + kSharedWindow;
}

template <Space kSpace>
bool is_in_space(uint64_t address) {
  return space_of(address) == kSpace;
}
template <Space kSpace, class From>
Mask test_space(From address) {
  return test<is_in_space<kSpace>>(address);
}

}  // namespace ptx
