// The machine's limits, beside which an engine is measured, as one line of JSON: the best of three
// readers of memory in GB/s, and the peak of dot products in GFLOP/s and GOP/s.
//
//   limits_bench [threads, one a CPU by default] [read | all, by default]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "base/mapping.h"
#include "peak.h"
#include "run_on.h"

namespace {

using namespace dyn;

constexpr size_t kBytes = size_t{512} << 20;  // Far more than any cache holds.

}  // namespace

int main(int argc, char** argv) {
  const auto num_threads = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1]))
                                    : std::max(1u, std::thread::hardware_concurrency());
  const bool is_all = argc <= 2 || std::string_view(argv[2]) != "read";
  ThreadPool pool;
  Mapping memory;
  if (!pool.start(num_threads).ok() || !Mapping::create(kBytes, "bytes", &memory).ok()) return 1;
  memory.use_huge_pages();
  bench::run_on(&pool, [&] {
    bench::fill(&pool, memory.data(), kBytes);
    std::printf("{\"read\":%.2f", bench::read_rate(&pool, memory.data(), kBytes) / 1e9);
    if (is_all) {
      std::printf(",\"bf16\":%.1f,\"int8\":%.1f",
                  bench::peak_operations(&pool, bench::Arithmetic::kBf16) / 1e9,
                  bench::peak_operations(&pool, bench::Arithmetic::kInt8) / 1e9);
    }
    std::printf("}\n");
  });
}
