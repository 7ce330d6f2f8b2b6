// Quants with AVX2, tiles of 4 rows times 16 outputs; the sums of groups lie in y.
//
//   W8, tables     vpmaddubsw on |w| and x with the sign of w: exact in 16 bits, since
//                  2 * 128 * 127 fits
//   other quants   vpmaddubsw on the quants, sums in 16 bits while they fit: 8 of 2 * 15 * 127,
//                  4 of 2 * 31 * 127, 2 of 2 * 63 * 127
//
// Bound at few rows: the panel's bytes. At many, for W8: three instructions a product of 32 bytes,
// a third of what vpmaddubsw alone would reach.

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "cpu/gemm/avx2/avx2_products.h"

namespace dyn::avx2 {
namespace {

constexpr uint32_t kMaxQuantRows = 4;
constexpr size_t kPrefetchBytes = 4096;

inline __attribute__((always_inline)) void prefetch(const void* weights) {
  _mm_prefetch(static_cast<const char*>(weights) + kPrefetchBytes, _MM_HINT_T0);
}

// For shifts by what is known when loops are unrolled.
typedef uint16_t Words __attribute__((vector_size(32), may_alias));

inline __attribute__((always_inline)) __m256i broadcast_4_bytes(const void* from) {
  int32_t word;
  std::memcpy(&word, from, sizeof(word));
  return _mm256_set1_epi32(word);
}

// Inputs 4 quad + [0, 4) of 8 outputs, from output n on.
template <typename Group>
inline __attribute__((always_inline)) __m256i load_quad(const Group& group, size_t quad, size_t n) {
  const auto load = [](const uint8_t* from) __attribute__((always_inline)) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  };
  if constexpr (Group::kQuantBits == 8) {
    return load(group.quants[quad][n]);
  } else {
    constexpr size_t kLow = low_bits(Group::kQuantBits);
    const __m256i bytes = load(group.quants[quad % kLow][n]);
    const auto moved =
        reinterpret_cast<__m256i>(reinterpret_cast<Words>(bytes) >> kLow * (quad / kLow));
    const __m256i low = _mm256_and_si256(moved, _mm256_set1_epi8((1 << kLow) - 1));
    if constexpr (HasTable<Group>) {
      const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(Group::kTable));
      return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), low);
    } else if constexpr (Group::kQuantBits == kLow) {
      return low;
    } else {
      constexpr size_t kHighBits = Group::kQuantBits - kLow;
      const size_t bit = kHighBits * quad;
      const auto high = reinterpret_cast<Words>(load(group.high[bit / 8][n]));
      const Words placed = bit % 8 <= kLow ? high << (kLow - bit % 8) : high >> (bit % 8 - kLow);
      const __m256i mask = _mm256_set1_epi8(((1 << kHighBits) - 1) << kLow);
      return _mm256_or_si256(low, _mm256_and_si256(reinterpret_cast<__m256i>(placed), mask));
    }
  }
}

// dots[m][v] += sums over the group of x8 * (quant - 128), for 16 outputs from n on.
template <uint32_t kRows, typename Group>
inline __attribute__((always_inline)) void add_bytes(const Group& group, size_t n, const int8_t* x,
                                                     size_t x_stride, __m256i (*dots)[2]) {
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i sign_bits = _mm256_set1_epi8(static_cast<char>(W8Group::kOffset));
#pragma GCC unroll 2
  for (size_t v = 0; v < 2; ++v) {
    for (size_t i = 0; i < 8; ++i) {
      const __m256i w = _mm256_xor_si256(load_quad(group, i, n + v * kLanes), sign_bits);
      const __m256i magnitude = _mm256_abs_epi8(w);
#pragma GCC unroll 4
      for (size_t m = 0; m < kRows; ++m) {
        const __m256i signed_x = _mm256_sign_epi8(broadcast_4_bytes(x + m * x_stride + 4 * i), w);
        const __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
        dots[m][v] = _mm256_add_epi32(dots[m][v], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
}

// dots[m][v] += sums over a part of a group of x8 * quant.
template <uint32_t kRows, uint32_t kNumParts, typename Group>
inline __attribute__((always_inline)) void add_quants(const Group& group, size_t part, size_t n,
                                                      const int8_t* x, size_t x_stride,
                                                      __m256i (*dots)[2]) {
  constexpr size_t kNumQuads = 8 / kNumParts;
  constexpr size_t kQuadsThatFit = std::min(kNumQuads, size_t{128} >> Group::kQuantBits);
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 2
  for (size_t v = 0; v < 2; ++v) {
#pragma GCC unroll 2
    for (size_t first = 0; first < kNumQuads; first += kQuadsThatFit) {
      __m256i pairs[kRows];
#pragma GCC unroll 4
      for (size_t m = 0; m < kRows; ++m) pairs[m] = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (size_t i = first; i < first + kQuadsThatFit; ++i) {
        // Both halves of a byte follow each other, so that it is loaded once.
        const size_t quad = kNumParts == 1 ? i % 2 * 4 + i / 2 : part * kNumQuads + i;
        const __m256i w = load_quad(group, quad, n + v * kLanes);
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          const __m256i values = broadcast_4_bytes(x + m * x_stride + 4 * quad);
          pairs[m] = _mm256_add_epi16(pairs[m], _mm256_maddubs_epi16(w, values));
        }
      }
#pragma GCC unroll 4
      for (size_t m = 0; m < kRows; ++m) {
        dots[m][v] = _mm256_add_epi32(dots[m][v], _mm256_madd_epi16(pairs[m], ones));
      }
    }
  }
}

inline __attribute__((always_inline)) __m256 load_f16(const uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

inline __attribute__((always_inline)) __m256 load_bytes(const uint8_t* from) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

inline __attribute__((always_inline)) __m256 load_bytes(const int8_t* from) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

// Scales of a part, and minimums where there are any, of 8 outputs from n on.
template <typename Group>
inline __attribute__((always_inline)) __m256 load_scales(const Group& group, size_t, size_t,
                                                         size_t n) {
  return load_f16(group.scales + n);
}

inline __attribute__((always_inline)) __m256 load_scales(const W4EBlock& block, size_t index,
                                                         size_t, size_t n) {
  const auto* from = reinterpret_cast<const __m128i*>(block.exponents[index] + n);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from)), 23));
}

template <template <typename> typename Block, typename Group>
inline __attribute__((always_inline)) __m256 load_scales(const Block<Group>& block, size_t index,
                                                         size_t part, size_t n) {
  return _mm256_mul_ps(load_f16(block.scale_units + n),
                       load_bytes(block.groups[index].scales[part] + n));
}

template <typename Group>
inline __attribute__((always_inline)) __m256 load_minimums(const Group& group, size_t, size_t,
                                                           size_t n) {
  return load_f16(group.minimums + n);
}

template <typename Group>
inline __attribute__((always_inline)) __m256 load_minimums(const MinimumBlock<Group>& block,
                                                           size_t index, size_t part, size_t n) {
  return _mm256_mul_ps(load_f16(block.minimum_units + n),
                       load_bytes(block.groups[index].minimums[part] + n));
}

template <uint32_t kSize>
inline __attribute__((always_inline)) __m256 load_minimums(const ZeroPointBlock<kSize>& block,
                                                           size_t, size_t, size_t n) {
  return _mm256_mul_ps(load_f16(block.scales + n), load_f16(block.zeros + n));
}

template <typename Block, uint32_t kRows>
void quant_tile(const Panel& panel, const InputRows& x, size_t first_row, float* y,
                size_t y_stride) {
  // Quants of 8 bits are made signed: there is no offset to take off.
  constexpr bool kHasOffset = Block::kOffset != 0 && kReadBits<Block> < 8;
  constexpr uint32_t kGroupBytes = sizeof(Block) / Block::kNumGroups;
  const size_t num_groups = ceil_div(panel.num_inputs, kGroupSize);
  const size_t groups_stride = x.stride / kGroupSize;
  const auto* blocks = reinterpret_cast<const Block*>(panel.weights);
  const size_t at = first_row * groups_stride;
  const int32_t* negated = Block::kNumParts == 1 ? x.negated_sums : x.negated_halves;
  for (size_t m = 0; m < kRows; ++m) {
    for (size_t n = 0; n < kPanelWidth; n += kLanes) {
      _mm256_storeu_ps(y + m * y_stride + n, _mm256_setzero_ps());
    }
  }
  for (size_t g = 0; g < num_groups; ++g) {
    const Block& block = blocks[g / Block::kNumGroups];
    const size_t index = g % Block::kNumGroups;
    const std::byte* next = panel.weights + g * kGroupBytes;
    for (size_t line = 0; line < kGroupBytes; line += 64) prefetch(next + line);
    for (size_t n = 0; n < kPanelWidth; n += 16) {
#pragma GCC unroll 2
      for (size_t part = 0; part < Block::kNumParts; ++part) {
        __m256i dots[kRows][2];
#pragma GCC unroll 4
        for (size_t m = 0; m < kRows; ++m) {
          dots[m][0] = dots[m][1] = _mm256_setzero_si256();
          if constexpr (kHasOffset) {
            constexpr int kOffsetBits = std::countr_zero(Block::kOffset);
            const int32_t sum = negated[(at + m * groups_stride + g) * Block::kNumParts + part];
            dots[m][0] = dots[m][1] = _mm256_slli_epi32(_mm256_set1_epi32(sum), kOffsetBits);
          }
        }
        const int8_t* inputs = x.s8 + first_row * x.stride + g * kGroupSize;
        if constexpr (kReadBits<Block> == 8) {
          add_bytes<kRows>(block.group(index), n, inputs, x.stride, dots);
        } else {
          add_quants<kRows, Block::kNumParts>(block.group(index), part, n, inputs, x.stride, dots);
        }
#pragma GCC unroll 2
        for (size_t v = 0; v < 2; ++v) {
          const __m256 w_scale = load_scales(block, index, part, n + v * kLanes);
#pragma GCC unroll 4
          for (size_t m = 0; m < kRows; ++m) {
            float* sums = y + m * y_stride + n + v * kLanes;
            const size_t row = at + m * groups_stride + g;
            const __m256 scale = _mm256_mul_ps(w_scale, _mm256_broadcast_ss(x.scales + row));
            __m256 sum =
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[m][v]), scale, _mm256_loadu_ps(sums));
            if constexpr (Block::kOffset == 0) {
              const __m256 minimum = load_minimums(block, index, part, n + v * kLanes);
              const float total = Block::kNumParts == 1
                                      ? x.negated_totals[row]
                                      : x.scales[row] * static_cast<float>(negated[row * 2 + part]);
              sum = _mm256_fmadd_ps(minimum, _mm256_set1_ps(total), sum);
            }
            _mm256_storeu_ps(sums, sum);
          }
        }
      }
    }
  }
}

template <typename Block>
void quant_product(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                   size_t y_stride) {
  static constexpr Tile kTiles[kMaxQuantRows] = {quant_tile<Block, 1>, quant_tile<Block, 2>,
                                                 quant_tile<Block, 3>, quant_tile<Block, 4>};
  run_tiles(kTiles, kMaxQuantRows, panel, x, num_rows, y, y_stride);
}

}  // namespace

constinit const QuantProducts kQuantProducts =
    dyn::quant_products([]<typename Block>() -> Product { return quant_product<Block>; });

}  // namespace dyn::avx2
