// A vector of 4 floats with NEON, for the templates of floats.h.

#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace dyn {

struct NeonFloats {
  using Vector = float32x4_t;
  static constexpr size_t kLanes = 4;
  static constexpr uint32_t kNumSums = 24;  // In 32 registers; the others hold the factors.

  [[gnu::always_inline]] static inline Vector load(const float* from) { return vld1q_f32(from); }
  [[gnu::always_inline]] static inline void store(float* to, Vector x) { vst1q_f32(to, x); }
  [[gnu::always_inline]] static inline Vector broadcast(float x) { return vdupq_n_f32(x); }
  [[gnu::always_inline]] static inline Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
  [[gnu::always_inline]] static inline Vector sub(Vector a, Vector b) { return vsubq_f32(a, b); }
  [[gnu::always_inline]] static inline Vector mul(Vector a, Vector b) { return vmulq_f32(a, b); }
  [[gnu::always_inline]] static inline Vector div(Vector a, Vector b) { return vdivq_f32(a, b); }
  [[gnu::always_inline]] static inline Vector negate(Vector x) { return vnegq_f32(x); }
  // a b + c, rounded once.
  [[gnu::always_inline]] static inline Vector multiply_add(Vector a, Vector b, Vector c) {
    return vfmaq_f32(c, a, b);
  }
  // A NaN is kept.
  [[gnu::always_inline]] static inline Vector min(Vector a, Vector b) { return vminq_f32(a, b); }
  [[gnu::always_inline]] static inline Vector max(Vector a, Vector b) { return vmaxq_f32(a, b); }
  // y, but 0 where x < limit.
  [[gnu::always_inline]] static inline Vector zero_below(Vector x, Vector limit, Vector y) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(y), vcltq_f32(x, limit)));
  }
  // 2^n of whole numbers.
  [[gnu::always_inline]] static inline Vector power_of_two(Vector n) {
    const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
  }

  // Has a NaN for each of x, and those that `nans` had.
  [[gnu::always_inline]] static inline Vector or_nan(Vector nans, Vector x) {
    return vreinterpretq_f32_u32(
        vorrq_u32(vreinterpretq_u32_f32(nans), vmvnq_u32(vceqq_f32(x, x))));
  }
  [[gnu::always_inline]] static inline bool has_nan(Vector x) {
    return vminvq_u32(vceqq_f32(x, x)) == 0;
  }
  [[gnu::always_inline]] static inline float sum_of(Vector x) { return vaddvq_f32(x); }
  [[gnu::always_inline]] static inline float max_of(Vector x) { return vmaxvq_f32(x); }

  // The first (i = 0) or the second of each of 4 pairs.
  [[gnu::always_inline]] static inline Vector load_of_bf16_pairs(const void* from, size_t i) {
    const uint32x4_t pairs = vreinterpretq_u32_u8(vld1q_u8(static_cast<const uint8_t*>(from)));
    return vreinterpretq_f32_u32(i == 0 ? vshlq_n_u32(pairs, 16)
                                        : vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
  [[gnu::always_inline]] static inline Vector load_of_int8_pairs(const void* from, size_t i) {
    const int8x8_t bytes = vld1_s8(static_cast<const int8_t*>(from));
    const int32x4_t pairs = vreinterpretq_s32_s16(vmovl_s8(bytes));
    return vcvtq_f32_s32(vshrq_n_s32(i == 0 ? vshlq_n_s32(pairs, 16) : pairs, 16));
  }
};

}  // namespace dyn
