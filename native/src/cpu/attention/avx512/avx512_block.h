// The products of attention with AVX-512: blocks of up to 6 rows times 4 vectors of 16 outputs. For
// files that are compiled for AVX-512 only.

#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace dyn::avx512 {

inline constexpr uint32_t kBlockRows = 6;
inline constexpr uint32_t kBlockVectors = 4;

// A word of inputs, in both factors: an F32, or a pair. kInt8: pairs of int16 whose right
// factor lies as int8 and is widened as it is loaded.
enum class Words { kF32, kBf16, kInt16, kInt8 };

constexpr bool is_integer(Words kind) {
  return kind == Words::kInt16 || kind == Words::kInt8;
}

// y += a b over one word. Sums are F32 or int32.
template <Words kKind>
inline __m512i add_product(__m512i y, __m512i a, __m512i b) {
  if constexpr (is_integer(kKind)) {
    return _mm512_dpwssd_epi32(y, a, b);
  } else if constexpr (kKind == Words::kBf16) {
    return _mm512_castps_si512(_mm512_dpbf16_ps(
        _mm512_castsi512_ps(y), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
  } else {
    return _mm512_castps_si512(
        _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), _mm512_castsi512_ps(y)));
  }
}

// Word `index` of a right factor.
template <Words kKind>
inline const uint32_t* word_at(const uint32_t* base, size_t index) {
  if constexpr (kKind == Words::kInt8) {
    return reinterpret_cast<const uint32_t*>(reinterpret_cast<const std::byte*>(base) + 2 * index);
  } else {
    return base + index;
  }
}

// 16 words of a right factor.
template <Words kKind>
inline __m512i load_words(const uint32_t* from) {
  if constexpr (kKind == Words::kInt8) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  } else {
    return _mm512_loadu_si512(from);
  }
}

// A block of a matrix product: rows of words `a` times vectors of 16 words. The words come in
// segments (strips of V); each has its own base for each of the block's vectors.
struct Block {
  const uint32_t* a;  // [rows, a_stride]
  size_t a_stride;
  const uint32_t* const (*b)[kBlockVectors];  // [num_segments]
  uint32_t num_segments;
  size_t num_words;  // Per segment.
  size_t b_stride;   // From one word to the next, in words.
  float* y;          // [rows, y_stride], 16 * vectors of each; int32 for scores of integers
  size_t y_stride;
  const float* row_scales;  // [rows] Factors of integer sums, where they are added.
  // Lines to bring nearer meanwhile, one for each vector and word. Blocks of fewer rows than
  // kBlockRows do so: they are bound by memory, or the last of their tile. It goes to L2: with what
  // is multiplied it would fill an L1 of 32 KiB, and push out what was fetched before its use.
  const std::byte* const* ahead;  // [kBlockVectors], or nullptr
};

template <Words kKind, bool kAdds, uint32_t kRows, uint32_t kVectors>
void multiply_block(const Block& block) {
  constexpr bool kStartsWithY = kAdds && !is_integer(kKind);
  __m512i sums[kRows][kVectors];
  for (uint32_t m = 0; m < kRows; ++m) {
    for (uint32_t n = 0; n < kVectors; ++n) {
      sums[m][n] = kStartsWithY ? _mm512_loadu_si512(block.y + m * block.y_stride + n * 16)
                                : _mm512_setzero_si512();
    }
  }
  const uint32_t* a = block.a;
  size_t ahead_at = 0;
  for (uint32_t segment = 0; segment < block.num_segments; ++segment) {
    const uint32_t* b[kVectors];
    for (uint32_t n = 0; n < kVectors; ++n) b[n] = block.b[segment][n];
    for (size_t word = 0; word < block.num_words; ++word) {
      if (kRows < kBlockRows && block.ahead != nullptr) {
        for (uint32_t n = 0; n < kVectors; ++n) {
          _mm_prefetch(block.ahead[n] + ahead_at, _MM_HINT_T1);
        }
        ahead_at += kKind == Words::kInt8 ? 32 : 64;  // As much as is multiplied.
      }
      __m512i vectors[kVectors];
      for (uint32_t n = 0; n < kVectors; ++n) {
        vectors[n] = load_words<kKind>(word_at<kKind>(b[n], word * block.b_stride));
      }
      for (uint32_t m = 0; m < kRows; ++m) {
        const __m512i row = _mm512_set1_epi32(static_cast<int>(a[m * block.a_stride + word]));
        for (uint32_t n = 0; n < kVectors; ++n) {
          sums[m][n] = add_product<kKind>(sums[m][n], row, vectors[n]);
        }
      }
    }
    a += block.num_words;
  }
  for (uint32_t m = 0; m < kRows; ++m) {
    for (uint32_t n = 0; n < kVectors; ++n) {
      float* y = block.y + m * block.y_stride + n * 16;
      if constexpr (kAdds && is_integer(kKind)) {
        _mm512_storeu_ps(
            y, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[m][n]), _mm512_set1_ps(block.row_scales[m]),
                               _mm512_loadu_ps(y)));
      } else {
        _mm512_storeu_si512(y, sums[m][n]);
      }
    }
  }
}

template <Words kKind, bool kAdds, uint32_t kVectors>
void multiply_rows(Block block, uint32_t num_rows) {
  for (; num_rows >= kBlockRows; num_rows -= kBlockRows) {
    multiply_block<kKind, kAdds, kBlockRows, kVectors>(block);
    block.a += kBlockRows * block.a_stride;
    block.y += kBlockRows * block.y_stride;
    if constexpr (kAdds && is_integer(kKind)) block.row_scales += kBlockRows;
  }
  switch (num_rows) {
    case 5:
      return multiply_block<kKind, kAdds, 5, kVectors>(block);
    case 4:
      return multiply_block<kKind, kAdds, 4, kVectors>(block);
    case 3:
      return multiply_block<kKind, kAdds, 3, kVectors>(block);
    case 2:
      return multiply_block<kKind, kAdds, 2, kVectors>(block);
    case 1:
      return multiply_block<kKind, kAdds, 1, kVectors>(block);
    default:
      return;
  }
}

template <Words kKind>
void multiply_add(const Block& block, uint32_t num_rows, uint32_t num_vectors) {
  switch (num_vectors) {
    case 4:
      return multiply_rows<kKind, true, 4>(block, num_rows);
    case 3:
      return multiply_rows<kKind, true, 3>(block, num_rows);
    case 2:
      return multiply_rows<kKind, true, 2>(block, num_rows);
    default:
      return multiply_rows<kKind, true, 1>(block, num_rows);
  }
}

}  // namespace dyn::avx512
