#include "peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "cpu/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16")))
#endif

namespace dyn::bench {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr size_t kLoops = 1 << 19;

std::atomic<uint64_t> sink;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <bool kPrefetches>
void read_chunk(const std::byte* bytes, size_t num_bytes) {
  typedef uint64_t Words __attribute__((vector_size(16), may_alias));
  const auto* words = reinterpret_cast<const Words*>(bytes);
  Words sums[8] = {};
  for (size_t i = 0; i + 8 <= num_bytes / sizeof(Words); i += 8) {
    if constexpr (kPrefetches) {
      __builtin_prefetch(words + i + 256);
      __builtin_prefetch(words + i + 260);
    }
    for (size_t j = 0; j < 8; ++j) sums[j] ^= words[i + j];
  }
  for (const Words& sum : sums) sink += sum[0] ^ sum[1];
}

#if defined(__x86_64__)

// 16 independent chains of one instruction. The empty assembly keeps them from being merged.
AVX512 void run_f32() {
  __m512 sums[16];
  const __m512 x = _mm512_set1_ps(0.5f);
#pragma GCC unroll 16
  for (__m512& sum : sums) sum = x;
  for (size_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(x, x, sum);
      asm volatile("" : "+v"(sum));
    }
  }
}

AVX512 void run_bf16() {
  __m512 sums[16];
  const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f80));
#pragma GCC unroll 16
  for (__m512& sum : sums) sum = _mm512_set1_ps(0);
  for (size_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, x, x);
      asm volatile("" : "+v"(sum));
    }
  }
}

AVX512 void run_int8() {
  __m512i sums[16];
  const __m512i x = _mm512_set1_epi8(3);
#pragma GCC unroll 16
  for (__m512i& sum : sums) sum = x;
  for (size_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, x, x);
      asm volatile("" : "+v"(sum));
    }
  }
}

#endif

// Calls body(bytes, size) for each chunk.
template <typename Body>
void for_each_chunk(ThreadPool* pool, size_t num_bytes, size_t chunk_bytes, const Body& body) {
  const auto num_chunks = static_cast<uint32_t>((num_bytes + chunk_bytes - 1) / chunk_bytes);
  pool->parallel_for(num_chunks, [&](uint32_t chunk, uint32_t) {
    const size_t first = chunk * chunk_bytes;
    body(first, std::min(chunk_bytes, num_bytes - first));
  });
}

}  // namespace

void read_all(ThreadPool* pool, const std::byte* bytes, size_t num_bytes) {
  for_each_chunk(pool, num_bytes, kChunkBytes,
                 [&](size_t first, size_t size) { read_chunk<true>(bytes + first, size); });
}

void fill(ThreadPool* pool, std::byte* bytes, size_t num_bytes) {
  for_each_chunk(pool, num_bytes, kChunkBytes,
                 [&](size_t first, size_t size) { std::memset(bytes + first, 1, size); });
}

double read_rate(ThreadPool* pool, const std::byte* bytes, size_t num_bytes) {
  double best = 0;
  const auto measure = [&](const auto& read) {
    const double start = seconds_now();
    read();
    best = std::max(best, static_cast<double>(num_bytes) / (seconds_now() - start));
  };
  for (int round = 0; round < 3; ++round) {
    measure([&] { read_all(pool, bytes, num_bytes); });
    measure([&] {
      for_each_chunk(pool, num_bytes, kChunkBytes,
                     [&](size_t first, size_t size) { read_chunk<false>(bytes + first, size); });
    });
    measure([&] {
      for_each_chunk(pool, num_bytes, num_bytes / pool->num_threads(),
                     [&](size_t first, size_t size) { read_chunk<true>(bytes + first, size); });
    });
  }
  return best;
}

double peak_operations(ThreadPool* pool, Arithmetic arithmetic) {
#if defined(__x86_64__)
  if (!has_isa(DYN_ISA_AVX512)) return 0;
  const auto run = arithmetic == Arithmetic::kF32    ? run_f32
                   : arithmetic == Arithmetic::kBf16 ? run_bf16
                                                     : run_int8;
  const double per_instruction = arithmetic == Arithmetic::kF32    ? 32
                                 : arithmetic == Arithmetic::kBf16 ? 64
                                                                   : 128;
  double best = 0;
  for (int round = 0; round < 30; ++round) {
    const double start = seconds_now();
    pool->parallel_for(pool->num_threads(), [&](uint32_t, uint32_t) { run(); });
    const double operations = per_instruction * 16 * kLoops * pool->num_threads();
    best = std::max(best, operations / (seconds_now() - start));
  }
  return best;
#else
  (void)pool, (void)arithmetic;
  return 0;
#endif
}

}  // namespace dyn::bench
