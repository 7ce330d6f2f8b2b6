// Each instruction that computes, as PTX (planted/instructions.ts), against what it says in the PTX ISA: whole numbers in
// 128 bits, floats in double or long double, bits one by one. Approximations may be 2^-20 away.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "run_kernel.h"

namespace {

__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 UnsignedWide;

constexpr uint32_t kNumThreads = 1024;

std::set<std::string>& claimed() {
  static std::set<std::string> names;
  return names;
}

// Values at the edges of a type, and between.
template <class T>
std::vector<T> values_of() {
  static std::mt19937_64 random(7);
  std::vector<T> values(kNumThreads);
  for (T& value : values) {
    if constexpr (std::is_floating_point_v<T>) {
      constexpr T kEdges[] = {0,
                              T(-0.0),
                              1,
                              -1,
                              T(0.5),
                              T(1.5),
                              T(2.5),
                              T(-2.5),
                              T(1e-42),
                              T(-1e-42),
                              T(3e38),
                              T(-3e38),
                              T(2147483648.0),
                              T(-2147483904.0),
                              T(4294967296.0),
                              T(1.8446744e19),
                              std::numeric_limits<T>::infinity(),
                              -std::numeric_limits<T>::infinity(),
                              std::numeric_limits<T>::quiet_NaN(),
                              T(65504),
                              T(65520),
                              T(6e-8),
                              T(1.00390625),
                              T(1.01171875)};
      const uint64_t pick = random() % 64;
      const double size =
          std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 60) - 83);
      value =
          pick < std::size(kEdges) ? kEdges[pick] : static_cast<T>(pick % 2 == 0 ? size : -size);
    } else {
      const int shift = static_cast<int>(random() % 64);
      const uint64_t bits = random() % 8 == 0 ? uint64_t{1} << shift : random() >> shift;
      value = static_cast<T>(random() % 2 == 0 ? bits : ~bits);
    }
  }
  return values;
}

template <class T>
bool is_equal(T expected, T got, double tolerance) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(expected)) return std::isnan(got);
    if (std::memcmp(&expected, &got, sizeof got) == 0) return true;
    const double size = std::fabs(static_cast<double>(expected));
    const double error = std::fabs(static_cast<double>(got) - static_cast<double>(expected));
    // Flushed to zero, or near it.
    return tolerance > 0 && (error <= tolerance * size || (size < 1.2e-38 && error < 1.2e-38));
  } else {
    return expected == got;
  }
}

// `name` computes what `expected` says. Arrays that the kernel does not read are there all the same.
template <class Out, class... In>
void instruction(const std::string& name, std::function<Out(In...)> expected,
                 double tolerance = 0) {
  claimed().insert(name);
  std::tuple<std::vector<In>...> inputs{values_of<In>()...};
  std::vector<Out> out(kNumThreads);
  ptx::TestMemory memory;
  const uint64_t target = memory.add(out);
  uint64_t sources[3] = {target, target, target};
  size_t count = 0;
  std::apply([&](auto&... arrays) { ((sources[count++] = memory.add(arrays)), ...); }, inputs);
  const ptx::Shape shape = {{1, 1, 1}, {kNumThreads, 1, 1}};
  ptx::RunOptions options;
  options.checks = ptx::Checks::kBounds;
  const std::string fault =
      run(name.c_str(), shape, memory, options, target, sources[0], sources[1], sources[2]);
  if (!fault.empty()) std::printf("  %s\n", fault.c_str());
  CHECK(fault.empty());
  int num_wrong = 0;
  for (size_t i = 0; i < kNumThreads; ++i) {
    const Out want = std::apply([&](auto&... arrays) { return expected(arrays[i]...); }, inputs);
    if (!is_equal(want, out[i], tolerance) && num_wrong++ == 0) {
      std::apply(
          [&](auto&... arrays) {
            std::printf("  %s of", name.c_str());
            ((std::printf(" %.9g", static_cast<double>(arrays[i]))), ...);
          },
          inputs);
      std::printf(": %.17g, expected %.17g\n", static_cast<double>(out[i]),
                  static_cast<double>(want));
    }
  }
  CHECK(num_wrong == 0);
}

template <class T>
constexpr int kBits = 8 * sizeof(T);

template <class T>
void whole_numbers(const std::string& type) {
  using Two = std::function<T(T, T)>;
  instruction<T, T, T>("add_" + type, Two([](T a, T b) { return static_cast<T>(Wide{a} + b); }));
  instruction<T, T, T>("sub_" + type, Two([](T a, T b) { return static_cast<T>(Wide{a} - b); }));
  instruction<T, T, T>("mul_lo_" + type, Two([](T a, T b) {
                         return static_cast<T>(static_cast<UnsignedWide>(Wide{a}) *
                                               static_cast<UnsignedWide>(Wide{b}));
                       }));
  instruction<T, T, T>("mul_hi_" + type, Two([](T a, T b) {
                         if constexpr (std::is_same_v<T, uint64_t>)
                           return static_cast<T>(static_cast<UnsignedWide>(a) * b >> 64);
                         return static_cast<T>(Wide{a} * b >> kBits<T>);
                       }));
  instruction<T, T, T, T>(
      "mad_lo_" + type, std::function<T(T, T, T)>([](T a, T b, T c) {
        return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b) +
                              static_cast<uint64_t>(c));
      }));
  instruction<T, T, T>("div_" + type, Two([](T a, T b) {
                         return b == 0 ? static_cast<T>(-1) : static_cast<T>(Wide{a} / b);
                       }));
  instruction<T, T, T>("rem_" + type,
                       Two([](T a, T b) { return b == 0 ? a : static_cast<T>(Wide{a} % b); }));
  instruction<T, T, T>("min_" + type, Two([](T a, T b) { return a < b ? a : b; }));
  instruction<T, T, T>("max_" + type, Two([](T a, T b) { return a < b ? b : a; }));
  instruction<T, T, uint32_t>("shr_" + type, std::function<T(T, uint32_t)>([](T a, uint32_t n) {
                                return static_cast<T>(Wide{a} >> std::min(n, 100u));
                              }));
}

template <class T>
void bits(const std::string& type) {
  using One = std::function<T(T)>;
  using Two = std::function<T(T, T)>;
  instruction<T, T, T>("and_" + type, Two([](T a, T b) { return static_cast<T>(~(~a | ~b)); }));
  instruction<T, T, T>("or_" + type, Two([](T a, T b) { return static_cast<T>(~(~a & ~b)); }));
  instruction<T, T, T>("xor_" + type,
                       Two([](T a, T b) { return static_cast<T>((a & ~b) | (~a & b)); }));
  instruction<T, T>("not_" + type,
                    One([](T a) { return static_cast<T>(std::numeric_limits<T>::max() - a); }));
  instruction<T, T>("cnot_" + type, One([](T a) { return static_cast<T>(a == 0); }));
  instruction<T, T, uint32_t>("shl_" + type, std::function<T(T, uint32_t)>([](T a, uint32_t n) {
                                T result = a;
                                for (uint32_t i = 0; i < std::min(n, 64u); ++i)
                                  result = static_cast<T>(result + result);
                                return result;
                              }));
}

// Bits of `a` from `place` on, which repeat its sign past the top.
template <class T>
T field_of(T a, uint32_t place, uint32_t length) {
  const int first = static_cast<int>(place & 255);
  const int count = static_cast<int>(length & 255);
  std::make_unsigned_t<T> result = 0;
  for (int i = 0; i < kBits<T>; ++i) {
    // PTX ISA, bfe: the sign is the field's top bit, or the operand's if the field goes past it.
    const int from = std::min(std::min(first + i, first + count - 1), kBits<T> - 1);
    const bool is_field = i < count && first + i < kBits<T>;
    const bool bit =
        count > 0 && (static_cast<std::make_unsigned_t<T>>(a) >> (from < 0 ? 0 : from) & 1) != 0;
    if (bit && (is_field || std::is_signed_v<T>)) result |= std::make_unsigned_t<T>{1} << i;
  }
  return static_cast<T>(result);
}

template <class T>
void fields(const std::string& type) {
  instruction<T, T, uint32_t, uint32_t>("bfe_" + type,
                                        std::function<T(T, uint32_t, uint32_t)>(field_of<T>));
  instruction<uint32_t, T>("bfind_" + type, std::function<uint32_t(T)>([](T a) {
                             const T sought = a < 0 ? static_cast<T>(~a) : a;
                             for (int i = kBits<T> - 1; i >= 0; --i) {
                               if ((static_cast<std::make_unsigned_t<T>>(sought) >> i & 1) != 0)
                                 return static_cast<uint32_t>(i);
                             }
                             return ~0u;
                           }));
}

template <class T>
void counts(const std::string& type) {
  const auto bit = [](T a, int i) { return static_cast<int>(a >> i & 1); };
  instruction<uint32_t, T>("popc_" + type, std::function<uint32_t(T)>([=](T a) {
                             int sum = 0;
                             for (int i = 0; i < kBits<T>; ++i) sum += bit(a, i);
                             return static_cast<uint32_t>(sum);
                           }));
  instruction<uint32_t, T>("clz_" + type, std::function<uint32_t(T)>([=](T a) {
                             int i = kBits<T> - 1;
                             while (i >= 0 && bit(a, i) == 0) --i;
                             return static_cast<uint32_t>(kBits<T> - 1 - i);
                           }));
  instruction<T, T>("brev_" + type, std::function<T(T)>([=](T a) {
                      T result = 0;
                      for (int i = 0; i < kBits<T>; ++i)
                        result |= static_cast<T>(T(bit(a, i)) << (kBits<T> - 1 - i));
                      return result;
                    }));
  instruction<T, T, T, uint32_t>(
      "bfi_" + type + "7", std::function<T(T, T, uint32_t)>([=](T a, T b, uint32_t place) {
        T result = b;
        for (int i = 0; i < 7; ++i) {
          const int to = static_cast<int>(place & 255) + i;
          if (to >= kBits<T>) break;
          const T mask = static_cast<T>(T{1} << to);
          result = static_cast<T>(bit(a, i) != 0 ? result | mask : result & ~mask);
        }
        return result;
      }));
}

template <class T>
void signs(const std::string& type) {
  instruction<T, T>("neg_" + type,
                    std::function<T(T)>([](T a) { return static_cast<T>(-Wide{a}); }));
  instruction<T, T>("abs_" + type, std::function<T(T)>([](T a) {
                      return static_cast<T>(a < 0 ? -Wide{a} : Wide{a});
                    }));
}

template <class T>
T least_of(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}

template <class T>
void floats(const std::string& type) {
  using One = std::function<T(T)>;
  using Two = std::function<T(T, T)>;
  // A long double holds a sum or product of floats, and one of doubles with few bits lost: those are compared in double.
  using L = std::conditional_t<std::is_same_v<T, float>, double, T>;
  instruction<T, T, T>("add_rn_" + type, Two([](T a, T b) { return static_cast<T>(L(a) + L(b)); }));
  instruction<T, T, T>("sub_rn_" + type, Two([](T a, T b) { return static_cast<T>(L(a) - L(b)); }));
  instruction<T, T, T>("mul_rn_" + type, Two([](T a, T b) { return static_cast<T>(L(a) * L(b)); }));
  instruction<T, T, T>("div_rn_" + type, Two([](T a, T b) { return static_cast<T>(L(a) / L(b)); }));
  instruction<T, T, T, T>(
      "fma_rn_" + type, std::function<T(T, T, T)>([](T a, T b, T c) { return std::fma(a, b, c); }));
  instruction<T, T, T>("min_" + type, Two(least_of<T>));
  instruction<T, T, T>("max_" + type, Two([](T a, T b) { return -least_of<T>(-a, -b); }));
  instruction<T, T>("neg_" + type,
                    One([](T a) { return std::copysign(a, std::signbit(a) ? T(1) : T(-1)); }));
  instruction<T, T>("abs_" + type, One([](T a) { return std::copysign(a, T(1)); }));
  instruction<T, T>("sqrt_rn_" + type, One([](T a) { return static_cast<T>(std::sqrt(L(a))); }));
  instruction<T, T>("rcp_rn_" + type, One([](T a) { return static_cast<T>(1 / L(a)); }));
  instruction<T, T, T>("copysign_" + type, Two([](T a, T b) {
                         return std::signbit(a) ? -std::fabs(b) : std::fabs(b);
                       }));
}

float flush(float value) {
  return std::fabs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}
float clamp(float value) {
  return !(value > 0) ? 0.0f : value > 1 ? 1.0f : value;
}

void modes() {
  using Two = std::function<float(float, float)>;
  using Three = std::function<float(float, float, float)>;
  instruction<float, float, float>(
      "add_rn_ftz_f32", Two([](float a, float b) { return flush(flush(a) + flush(b)); }));
  instruction<float, float, float>(
      "mul_rn_ftz_f32", Two([](float a, float b) { return flush(flush(a) * flush(b)); }));
  instruction<float, float, float, float>("fma_rn_ftz_f32", Three([](float a, float b, float c) {
                                            return flush(std::fma(flush(a), flush(b), flush(c)));
                                          }));
  instruction<float, float, float>("add_rn_sat_f32",
                                   Two([](float a, float b) { return clamp(a + b); }));
  instruction<float, float, float, float>(
      "fma_rn_sat_f32", Three([](float a, float b, float c) { return clamp(std::fma(a, b, c)); }));
  const auto nan_or = [](auto choose) {
    return Two([=](float a, float b) { return a != a || b != b ? NAN : choose(a, b); });
  };
  instruction<float, float, float>("min_NaN_f32",
                                   nan_or([](float a, float b) { return least_of(a, b); }));
  instruction<float, float, float>("max_NaN_f32",
                                   nan_or([](float a, float b) { return -least_of(-a, -b); }));
}

void approximations() {
  constexpr double kNear = 0x1p-20;
  using One = std::function<float(float)>;
  using Two = std::function<float(float, float)>;
  const auto of = [&](const std::string& name, double (*fn)(double)) {
    instruction<float, float>(
        name, One([=](float a) { return static_cast<float>(fn(static_cast<double>(flush(a)))); }),
        kNear);
  };
  of("ex2_approx_ftz_f32", [](double a) { return std::pow(2.0, a); });
  of("lg2_approx_ftz_f32", [](double a) { return std::log(a) / std::log(2.0); });
  of("rcp_approx_ftz_f32", [](double a) { return 1 / a; });
  of("rsqrt_approx_ftz_f32", [](double a) { return 1 / std::sqrt(a); });
  of("sqrt_approx_ftz_f32", [](double a) { return std::sqrt(a); });
  of("sin_approx_ftz_f32", [](double a) { return std::sin(a); });
  of("cos_approx_ftz_f32", [](double a) { return std::cos(a); });
  of("tanh_approx_f32",
     [](double a) { return std::isinf(a) ? std::copysign(1.0, a) : std::tanh(a); });
  const Two quotient([](float a, float b) {
    return static_cast<float>(static_cast<double>(a) / static_cast<double>(b));
  });
  instruction<float, float, float>("div_approx_f32", quotient, kNear);
  instruction<float, float, float>("div_full_f32", quotient, kNear);
}

// A float as a whole number: rounded by `round`, cut at the ends, NaN as 0.
template <class To, class From>
std::function<To(From)> to_whole(double (*round)(double)) {
  return [=](From a) -> To {
    if (std::isnan(a)) return 0;
    const long double value = round(static_cast<double>(a));
    if (value <= static_cast<long double>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    if (value >= static_cast<long double>(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  };
}

double even(double a) {
  return std::nearbyint(a);
}

// The half float nearest to `a` among all of them, the even one of two.
uint16_t nearest_half(float a, float (*widen)(uint16_t), double past) {
  if (std::isnan(a)) return 0x7fff;
  uint16_t best = 0;
  double best_error = INFINITY;
  const float size = std::fabs(a);
  for (uint32_t bits = 0; bits < 0x8000; ++bits) {
    const float value = widen(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    const double there = std::isinf(value) ? past : static_cast<double>(value);
    const double error = std::isinf(size) ? (std::isinf(value) ? 0 : 1)
                                          : std::fabs(there - static_cast<double>(size));
    const bool is_better = error < best_error || (error == best_error && bits % 2 == 0);
    if (is_better) {
      best = static_cast<uint16_t>(bits);
      best_error = error;
    }
  }
  return static_cast<uint16_t>(best | (std::signbit(a) ? 0x8000 : 0));
}
float widen_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
float widen_f16(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  if (exponent == 31)
    return (bits & 1023) != 0 ? NAN : std::copysign(INFINITY, (bits & 0x8000) != 0 ? -1.0f : 1.0f);
  const double value =
      exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * std::pow(2.0, exponent - 25);
  return static_cast<float>((bits & 0x8000) != 0 ? -value : value);
}
uint16_t bf16(float a) {
  return nearest_half(a, widen_bf16, 0x1p128);
}
uint16_t f16(float a) {
  return nearest_half(a, widen_f16, 65536);
}

void conversions() {
  instruction<float, int32_t>("cvt_rn_f32_s32", std::function<float(int32_t)>([](int32_t a) {
                                return static_cast<float>(static_cast<double>(a));
                              }));
  instruction<float, uint32_t>("cvt_rn_f32_u32", std::function<float(uint32_t)>([](uint32_t a) {
                                 return static_cast<float>(static_cast<double>(a));
                               }));
  instruction<float, uint64_t>("cvt_rn_f32_u64", std::function<float(uint64_t)>([](uint64_t a) {
                                 return static_cast<float>(static_cast<long double>(a));
                               }));
  instruction<double, int64_t>("cvt_rn_f64_s64", std::function<double(int64_t)>([](int64_t a) {
                                 return static_cast<double>(static_cast<long double>(a));
                               }));
  instruction<double, uint64_t>("cvt_rn_f64_u64", std::function<double(uint64_t)>([](uint64_t a) {
                                  return static_cast<double>(static_cast<long double>(a));
                                }));
  instruction<int32_t, float>("cvt_rzi_s32_f32", to_whole<int32_t, float>(std::trunc));
  instruction<int32_t, float>("cvt_rni_s32_f32", to_whole<int32_t, float>(even));
  instruction<int32_t, float>("cvt_rmi_s32_f32", to_whole<int32_t, float>(std::floor));
  instruction<int32_t, float>("cvt_rpi_s32_f32", to_whole<int32_t, float>(std::ceil));
  instruction<uint32_t, float>("cvt_rzi_u32_f32", to_whole<uint32_t, float>(std::trunc));
  instruction<uint64_t, float>("cvt_rzi_u64_f32", to_whole<uint64_t, float>(std::trunc));
  instruction<int64_t, double>("cvt_rzi_s64_f64", to_whole<int64_t, double>(std::trunc));
  using One = std::function<float(float)>;
  instruction<float, float>("cvt_rni_f32_f32", One([](float a) { return std::nearbyint(a); }));
  instruction<float, float>("cvt_rmi_f32_f32", One([](float a) { return std::floor(a); }));
  instruction<float, float>("cvt_rzi_f32_f32", One([](float a) { return std::trunc(a); }));
  instruction<float, float>("cvt_sat_f32_f32", One(clamp));
  instruction<double, float>(
      "cvt_f64_f32", std::function<double(float)>([](float a) { return static_cast<double>(a); }));
  instruction<float, double>("cvt_rn_f32_f64", std::function<float(double)>(
                                                   [](double a) { return static_cast<float>(a); }));
  instruction<int64_t, int32_t>(
      "cvt_s64_s32", std::function<int64_t(int32_t)>([](int32_t a) { return int64_t{a}; }));
  instruction<uint64_t, uint32_t>(
      "cvt_u64_u32", std::function<uint64_t(uint32_t)>([](uint32_t a) { return uint64_t{a}; }));
  instruction<uint32_t, uint64_t>("cvt_u32_u64", std::function<uint32_t(uint64_t)>([](uint64_t a) {
                                    return static_cast<uint32_t>(a % (uint64_t{1} << 32));
                                  }));
  instruction<int32_t, int16_t>(
      "cvt_s32_s16", std::function<int32_t(int16_t)>([](int16_t a) { return int32_t{a}; }));
  instruction<uint32_t, uint16_t>(
      "cvt_u32_u16", std::function<uint32_t(uint16_t)>([](uint16_t a) { return uint32_t{a}; }));
  instruction<int32_t, int32_t>("cvt_s32_s8", std::function<int32_t(int32_t)>([](int32_t a) {
                                  const int32_t low = a & 255;
                                  return low >= 128 ? low - 256 : low;
                                }));
  instruction<uint32_t, uint32_t>(
      "cvt_u32_u8", std::function<uint32_t(uint32_t)>([](uint32_t a) { return a % 256; }));
  instruction<int32_t, int32_t>("cvt_sat_s8_s32", std::function<int32_t(int32_t)>([](int32_t a) {
                                  return std::clamp(a, -128, 127);
                                }));
  instruction<uint32_t, int32_t>("cvt_sat_u8_s32", std::function<uint32_t(int32_t)>([](int32_t a) {
                                   return static_cast<uint32_t>(std::clamp(a, 0, 255));
                                 }));
}

void half_floats() {
  using Half = std::function<uint16_t(float)>;
  using Pair = std::function<uint32_t(float, float)>;
  instruction<uint16_t, float>("cvt_rn_bf16_f32", Half(bf16));
  instruction<uint16_t, float>(
      "cvt_rz_bf16_f32", Half([](float a) {
        return std::isnan(a) ? uint16_t{0x7fff}
                             : static_cast<uint16_t>(std::bit_cast<uint32_t>(a) / 65536);
      }));
  instruction<uint32_t, float, float>("cvt_rn_bf16x2_f32", Pair([](float high, float low) {
                                        return static_cast<uint32_t>(bf16(high)) * 65536 +
                                               bf16(low);
                                      }));
  const auto relu = [](float a) { return a < 0 ? 0.0f : a; };
  instruction<uint32_t, float, float>("cvt_rn_relu_bf16x2_f32", Pair([=](float high, float low) {
                                        return static_cast<uint32_t>(bf16(relu(high))) * 65536 +
                                               bf16(relu(low));
                                      }));
  instruction<uint16_t, float>("cvt_rn_f16_f32", Half(f16));
  instruction<uint32_t, float, float>("cvt_rn_f16x2_f32", Pair([](float high, float low) {
                                        return static_cast<uint32_t>(f16(high)) * 65536 + f16(low);
                                      }));
  instruction<float, uint16_t>("cvt_f32_f16", std::function<float(uint16_t)>(widen_f16));
}

template <class T>
void relations(const std::string& type, const std::string& suffix, bool with_nan) {
  const auto relation = [&](const std::string& name,
                            std::function<bool(long double, long double)> holds) {
    instruction<uint32_t, T, T>(
        "setp_" + name + suffix + "_" + type, std::function<uint32_t(T, T)>([=](T a, T b) {
          const bool has_nan = a != a || b != b;
          return static_cast<uint32_t>(
              has_nan ? with_nan : holds(static_cast<long double>(a), static_cast<long double>(b)));
        }));
  };
  relation("eq", std::equal_to<>());
  relation("ne", std::not_equal_to<>());
  relation("lt", std::less<>());
  relation("le", std::less_equal<>());
  relation("gt", std::greater<>());
  relation("ge", std::greater_equal<>());
}

void comparisons() {
  relations<int32_t>("s32", "", false);
  relations<uint64_t>("u64", "", false);
  relations<float>("f32", "", false);
  relations<float>("f32", "u", true);
  using Two = std::function<uint32_t(float, float)>;
  instruction<uint32_t, float, float>("setp_num_f32", Two([](float a, float b) {
                                        return static_cast<uint32_t>(a == a && b == b);
                                      }));
  instruction<uint32_t, float, float>("setp_nan_f32", Two([](float a, float b) {
                                        return static_cast<uint32_t>(a != a || b != b);
                                      }));
  using Words = std::function<uint32_t(uint32_t, uint32_t)>;
  instruction<uint32_t, uint32_t, uint32_t>(
      "setp_lo_u32", Words([](uint32_t a, uint32_t b) { return static_cast<uint32_t>(a < b); }));
  instruction<uint32_t, uint32_t, uint32_t>(
      "setp_ls_u32", Words([](uint32_t a, uint32_t b) { return static_cast<uint32_t>(a <= b); }));
  instruction<uint32_t, uint32_t, uint32_t>(
      "setp_hi_u32", Words([](uint32_t a, uint32_t b) { return static_cast<uint32_t>(a > b); }));
  instruction<uint32_t, uint32_t, uint32_t>(
      "setp_hs_u32", Words([](uint32_t a, uint32_t b) { return static_cast<uint32_t>(a >= b); }));
}

void wide_products() {
  instruction<uint64_t, uint32_t, uint32_t>(
      "mul_wide_u32", std::function<uint64_t(uint32_t, uint32_t)>(
                          [](uint32_t a, uint32_t b) { return uint64_t{a} * b; }));
  instruction<int64_t, int32_t, int32_t>("mul_wide_s32",
                                         std::function<int64_t(int32_t, int32_t)>(
                                             [](int32_t a, int32_t b) { return int64_t{a} * b; }));
  instruction<uint32_t, uint16_t, uint16_t>(
      "mul_wide_u16", std::function<uint32_t(uint16_t, uint16_t)>(
                          [](uint16_t a, uint16_t b) { return uint32_t{a} * b; }));
  instruction<int32_t, int16_t, int16_t>("mul_wide_s16",
                                         std::function<int32_t(int16_t, int16_t)>(
                                             [](int16_t a, int16_t b) { return int32_t{a} * b; }));
  instruction<uint64_t, uint32_t, uint32_t, uint64_t>(
      "mad_wide_u32", std::function<uint64_t(uint32_t, uint32_t, uint64_t)>(
                          [](uint32_t a, uint32_t b, uint64_t c) { return uint64_t{a} * b + c; }));
  instruction<int64_t, int32_t, int32_t, int64_t>(
      "mad_wide_s32",
      std::function<int64_t(int32_t, int32_t, int64_t)>(
          [](int32_t a, int32_t b, int64_t c) { return static_cast<int64_t>(Wide{a} * b + c); }));
  instruction<int32_t, int32_t, int32_t, int32_t>(
      "mad_hi_s32",
      std::function<int32_t(int32_t, int32_t, int32_t)>([](int32_t a, int32_t b, int32_t c) {
        return static_cast<int32_t>((Wide{a} * b >> 32) + c);
      }));
}

template <class Word, class Byte>
Word dot(Word a, Word b, Word c) {
  Byte x[4];
  Byte y[4];
  std::memcpy(x, &a, 4);
  std::memcpy(y, &b, 4);
  Wide sum = c;
  for (int i = 0; i < 4; ++i) sum += Wide{x[i]} * y[i];
  return static_cast<Word>(sum);
}

void bytes_and_bits() {
  using Three = std::function<uint32_t(uint32_t, uint32_t, uint32_t)>;
  instruction<uint32_t, uint32_t, uint32_t, uint32_t>(
      "prmt_b32", Three([](uint32_t a, uint32_t b, uint32_t choice) {
        uint8_t from[8];
        std::memcpy(from, &a, 4);
        std::memcpy(from + 4, &b, 4);
        uint8_t to[4];
        for (int i = 0; i < 4; ++i) {
          const uint32_t nibble = choice >> (4 * i) & 15;
          to[i] =
              nibble < 8 ? from[nibble] : static_cast<uint8_t>(from[nibble - 8] >= 128 ? 255 : 0);
        }
        return std::bit_cast<uint32_t>(to);
      }));
  instruction<uint32_t, uint32_t, uint32_t, uint32_t>(
      "lop3_b320x96", Three([](uint32_t a, uint32_t b, uint32_t c) { return a ^ b ^ c; }));
  instruction<uint32_t, uint32_t, uint32_t, uint32_t>(
      "lop3_b320xca", Three([](uint32_t a, uint32_t b, uint32_t c) { return (a & b) | (~a & c); }));
  const auto funnel = [](const std::string& name, bool is_left, bool wraps) {
    instruction<uint32_t, uint32_t, uint32_t, uint32_t>(
        name, Three([=](uint32_t low, uint32_t high, uint32_t n) {
          uint64_t both = uint64_t{high} * 0x100000000 + low;
          const uint32_t by = wraps ? n % 32 : std::min(n, 32u);
          for (uint32_t i = 0; i < by; ++i) both = is_left ? both * 2 : both / 2;
          return static_cast<uint32_t>(is_left ? both >> 32 : both);
        }));
  };
  funnel("shf_l_wrap_b32", true, true);
  funnel("shf_l_clamp_b32", true, false);
  funnel("shf_r_wrap_b32", false, true);
  funnel("shf_r_clamp_b32", false, false);
  instruction<int32_t, int32_t, int32_t, int32_t>(
      "sad_s32",
      std::function<int32_t(int32_t, int32_t, int32_t)>([](int32_t a, int32_t b, int32_t c) {
        const Wide gap = Wide{a} - b;
        return static_cast<int32_t>((gap < 0 ? -gap : gap) + c);
      }));
  instruction<uint32_t, uint32_t, uint32_t, uint32_t>(
      "sad_u32", Three([](uint32_t a, uint32_t b, uint32_t c) {
        const Wide gap = Wide{a} - b;
        return static_cast<uint32_t>((gap < 0 ? -gap : gap) + c);
      }));
  instruction<int32_t, int32_t, int32_t, int32_t>(
      "dp4a_s32_s32", std::function<int32_t(int32_t, int32_t, int32_t)>(dot<int32_t, int8_t>));
  instruction<uint32_t, uint32_t, uint32_t, uint32_t>("dp4a_u32_u32",
                                                      Three(dot<uint32_t, uint8_t>));
}

void all_whole_numbers() {
  whole_numbers<uint16_t>("u16");
  whole_numbers<int16_t>("s16");
  whole_numbers<uint32_t>("u32");
  whole_numbers<int32_t>("s32");
  whole_numbers<uint64_t>("u64");
  whole_numbers<int64_t>("s64");
  signs<int16_t>("s16");
  signs<int32_t>("s32");
  signs<int64_t>("s64");
}

void all_bits() {
  bits<uint16_t>("b16");
  bits<uint32_t>("b32");
  bits<uint64_t>("b64");
  counts<uint32_t>("b32");
  counts<uint64_t>("b64");
  fields<uint32_t>("u32");
  fields<int32_t>("s32");
  fields<uint64_t>("u64");
  fields<int64_t>("s64");
}

void all_floats() {
  floats<float>("f32");
  floats<double>("f64");
}

// Runs last.
void each_has_its_reference() {
  for (const ptx::Module& module : ptx::modules()) {
    for (const ptx::Kernel& kernel : module.kernels) {
      if (std::string(kernel.file) != "instructions.ptx") continue;
      if (!claimed().contains(kernel.name)) std::printf("  no reference: %s\n", kernel.name);
      CHECK(claimed().contains(kernel.name));
    }
  }
}

}  // namespace

int main() {
  check_claim("whole numbers wrap, divide and shift as 128 bits say", all_whole_numbers);
  check_claim("bits and fields", all_bits);
  check_claim("wide products", wide_products);
  check_claim("bytes, tables and funnels", bytes_and_bits);
  check_claim("floats round to nearest even", all_floats);
  check_claim("ftz, sat and NaN", modes);
  check_claim("approximations are within 2^-20", approximations);
  check_claim("conversions round and saturate", conversions);
  check_claim("half floats are the nearest of all", half_floats);
  check_claim("comparisons, with and without order", comparisons);
  check_claim("each kernel of instructions.ptx has a reference here", each_has_its_reference);
  return check_finish();
}
