// Peak speeds of the machine, measured: the yardsticks beside which kernels are timed.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pool/thread_pool.h"

namespace dyn::bench {

// Reads all bytes once, on all threads of the pool. Within a job only.
void read_all(ThreadPool* pool, const std::byte* bytes, size_t num_bytes);

// Writes all bytes, so that each has memory of its own. Within a job only.
void fill(ThreadPool* pool, std::byte* bytes, size_t num_bytes);

// Bytes per second of the fastest of three readers, on all threads: chunks in turn with prefetches,
// chunks in turn without, and a part of its own for each thread. Within a job only.
double read_rate(ThreadPool* pool, const std::byte* bytes, size_t num_bytes);

enum class Arithmetic { kF32, kBf16, kInt8 };

// Operations per second of dot products in registers, on all threads, with AVX-512; 0 without it.
// Within a job only.
double peak_operations(ThreadPool* pool, Arithmetic arithmetic);

}  // namespace dyn::bench
