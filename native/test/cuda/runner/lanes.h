// A warp's registers are rows of 32 lanes; an instruction is a function of one lane, applied to each lane
// of a mask. Rows hold bits: a function says by its types how they are read.

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ptx {

constexpr int kLanes = 32;
using Mask = uint32_t;  // Bit l is lane l.
constexpr Mask kAllLanes = ~Mask{0};

// A value that is the same in all lanes.
template <class T>
struct Imm {
  T value;
};

// A predicate as an input: true in the lanes of its mask.
struct Predicate {
  Mask mask;
};

// The bytes that cp.async copies: none where the predicate holds.
struct BytesUnless {
  Mask mask;
  uint32_t bytes;
};

template <class Row>
Row lane_of(const Row* row, int lane) {
  return row[lane];
}
template <class T>
T lane_of(Imm<T> constant, int) {
  return constant.value;
}
inline bool lane_of(Predicate predicate, int lane) {
  return (predicate.mask >> lane & 1) != 0;
}
inline uint32_t lane_of(BytesUnless choice, int lane) {
  return (choice.mask >> lane & 1) != 0 ? 0 : choice.bytes;
}

template <size_t kBytes>
struct BitsOfSize;
template <>
struct BitsOfSize<1> {
  using Type = uint8_t;
};
template <>
struct BitsOfSize<2> {
  using Type = uint16_t;
};
template <>
struct BitsOfSize<4> {
  using Type = uint32_t;
};
template <>
struct BitsOfSize<8> {
  using Type = uint64_t;
};
template <class T>
using BitsOf = typename BitsOfSize<sizeof(T)>::Type;

// The lower bits of a lane, as a T.
template <class T, class Bits>
T read_as(Bits bits) {
  if constexpr (std::is_same_v<T, bool>) {
    return bits;
  } else {
    return std::bit_cast<T>(static_cast<BitsOf<T>>(bits));
  }
}

// A result in a row that may be wider: signed numbers keep their sign.
template <class Row, class T>
Row bits_for(T value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<Row>(value);
  } else {
    return static_cast<Row>(std::bit_cast<BitsOf<T>>(value));
  }
}

template <class>
struct Function;
template <class Result, class... In>
struct Function<Result (*)(In...)> {
  template <auto kFn, class... Inputs>
  static Result at(int lane, Inputs... inputs) {
    return kFn(read_as<In>(lane_of(inputs, lane))...);
  }
};

// Calls `visit(lane)` for the lanes of `mask`, the lowest first.
template <class Visit>
void for_lanes(Mask mask, Visit visit) {
  for (; mask != 0; mask &= mask - 1) visit(std::countr_zero(mask));
}

// Not inlined: a kernel has thousands of these, and few different ones.
template <auto kFn, class Row, class... Inputs>
[[gnu::noinline]] void each(Mask mask, Row* to, Inputs... inputs) {
  using F = Function<decltype(kFn)>;
  if (mask == kAllLanes) {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) {
      to[lane] = bits_for<Row>(F::template at<kFn>(lane, inputs...));
    }
    return;
  }
  for_lanes(mask,
            [&](int lane) { to[lane] = bits_for<Row>(F::template at<kFn>(lane, inputs...)); });
}

// The lanes for which the function is true; those that do not run have any value.
template <auto kFn, class... Inputs>
[[gnu::noinline]] Mask test(Inputs... inputs) {
  using F = Function<decltype(kFn)>;
  Mask holds = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    holds |= static_cast<Mask>(F::template at<kFn>(lane, inputs...)) << lane;
  }
  return holds;
}

inline void put(Mask& predicate, Mask mask, Mask holds) {
  predicate = (predicate & ~mask) | (holds & mask);
}

}  // namespace ptx
