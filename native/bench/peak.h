// What the machine can do at most, measured: the yardsticks beside which kernels are timed.

#pragma once

#include <cstddef>
#include <cstdint>

#include "pool/thread_pool.h"

namespace dyn::bench {

// Reads all bytes once, on all threads of the pool. Within a job only.
void read_all(ThreadPool* pool, const std::byte* bytes, size_t num_bytes);

enum class Arithmetic { kF32, kBf16, kInt8 };

// Operations per second of dot products in registers, on all threads, with AVX-512; 0 without it.
// Within a job only.
double peak_operations(ThreadPool* pool, Arithmetic arithmetic);

}  // namespace dyn::bench
