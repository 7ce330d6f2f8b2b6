// Arithmetic on sizes that come from outside: either right or refused, never wrapped.

#pragma once

#include <cstdint>

namespace dyn {

// True if a * b fits; *product is set only then.
[[nodiscard]] inline bool checked_mul(uint64_t a, uint64_t b, uint64_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

// True if a + b fits; *sum is set only then.
[[nodiscard]] inline bool checked_add(uint64_t a, uint64_t b, uint64_t* sum) {
  return !__builtin_add_overflow(a, b, sum);
}

// The number of groups of `divisor` that hold `count` things.
constexpr uint32_t ceil_div(uint32_t count, uint32_t divisor) {
  return count / divisor + (count % divisor != 0 ? 1u : 0u);
}

// The least multiple of `divisor` that is not below `count`.
constexpr uint32_t round_up(uint32_t count, uint32_t divisor) {
  return ceil_div(count, divisor) * divisor;
}

}  // namespace dyn
