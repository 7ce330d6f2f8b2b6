// Shuffles, votes, atomics, and barriers of all or of some warps, as the PTX ISA has them, in many orders.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "run_kernel.h"

using ptx::RunOptions;
using ptx::Shape;
using ptx::TestMemory;

namespace {

constexpr uint32_t kNumSeeds = 8;

void expect_none(const std::string& fault) {
  if (!fault.empty()) std::printf("  %s\n", fault.c_str());
  CHECK(fault.empty());
}

RunOptions with_seed(uint32_t seed) {
  RunOptions options;
  options.seed = seed;
  return options;
}

// CUDA's programming guide: lanes of each segment of `width` shuffle among themselves; out of range, a lane keeps its own.
void shuffles() {
  for (const int width : {32, 16, 8, 4}) {
    for (int by = 0; by < 32; ++by) {
      std::vector<int> to(4 * 32);
      TestMemory memory;
      expect_none(run("shuffles", {{1, 1, 1}, {32, 1, 1}}, memory, {}, memory.add(to), by, width));
      for (int lane = 0; lane < 32; ++lane) {
        const int first = lane / width * width;
        const int rank = lane - first;
        const auto own_unless = [=](int source, bool is_inside) {
          return 100 + (is_inside ? source : lane);
        };
        const size_t at = static_cast<size_t>(lane);
        // A butterfly may reach earlier segments, not later ones.
        CHECK(to[at] == own_unless(lane ^ by, (lane ^ by) < first + width));
        if (by < width) {
          CHECK(to[32 + at] == own_unless(lane - by, rank - by >= 0));
          CHECK(to[64 + at] == own_unless(lane + by, rank + by < width));
        }
        CHECK(to[96 + at] == 100 + first + by % width);
      }
    }
  }
}

void votes() {
  for (const uint32_t chosen : {0x0000ffffu, 0x12345678u, 1u, 0xfffffffeu}) {
    for (uint32_t seed = 0; seed < kNumSeeds; ++seed) {
      std::vector<uint32_t> to(8 * 32);
      TestMemory memory;
      expect_none(
          run("votes", {{1, 1, 1}, {32, 1, 1}}, memory, with_seed(seed), memory.add(to), chosen));
      uint32_t squares = 0;
      uint32_t triangles = 0;
      for (uint32_t lane = 0; lane < 32; ++lane) {
        squares += lane * lane;
        triangles += lane * (lane - 1) / 2;
      }
      for (uint32_t lane = 0; lane < 32; ++lane) {
        uint32_t same = 0;
        for (uint32_t other = lane % 5; other < 32; other += 5) same |= 1u << other;
        const uint32_t count = static_cast<uint32_t>(std::popcount(chosen));
        CHECK(to[lane] == chosen);
        CHECK(to[32 + lane] == 1);
        CHECK(to[64 + lane] == 0);
        CHECK(to[96 + lane] == same);
        CHECK(to[128 + lane] == squares);
        CHECK(to[160 + lane] == 31);
        CHECK(to[192 + lane] == ((chosen >> lane & 1) != 0 ? count : 2 * (32 - count)));
        CHECK(to[224 + lane] == triangles);
      }
    }
  }
}

void atomics() {
  for (uint32_t seed = 0; seed < kNumSeeds; ++seed) {
    std::vector<uint32_t> counts = {0, 0, ~0u, 0, 0, 0, 0};
    std::vector<uint64_t> wide = {0};
    TestMemory memory;
    const uint64_t target = memory.add(counts);
    expect_none(
        run("atomics", {{2, 1, 1}, {96, 1, 1}}, memory, with_seed(seed), target, memory.add(wide)));
    CHECK(counts[0] == 191 * 192 / 2);
    CHECK(counts[1] == 191);
    CHECK(counts[2] == 0);
    CHECK(counts[3] == ~0u);
    CHECK(counts[4] == 192 % 7);
    CHECK(counts[5] == 3 * 192);
    CHECK(counts[6] == 2 * 96 + 95 + 191);
    CHECK(wide[0] == uint64_t{191 * 192 / 2} << 32);
  }
}

void barriers_of_some_warps() {
  constexpr int kRounds = 5;
  for (uint32_t seed = 0; seed < kNumSeeds; ++seed) {
    std::vector<int> to(64 * kRounds);
    TestMemory memory;
    expect_none(run("producers_and_consumers", {{1, 1, 1}, {128, 1, 1}}, memory, with_seed(seed),
                    memory.add(to), kRounds));
    for (int i = 0; i < 64 * kRounds; ++i) {
      CHECK(to[static_cast<size_t>(i)] == 1000 * (i / 64) + 63 - i % 64);
    }
  }
}

void counting_barriers() {
  for (const int limit : {0, 1, 50, 100}) {
    std::vector<int> to(300);
    TestMemory memory;
    expect_none(run("counting_barriers", {{1, 1, 1}, {100, 1, 1}}, memory, with_seed(3),
                    memory.add(to), limit));
    for (size_t i = 0; i < 100; ++i) {
      CHECK(to[i] == limit);
      CHECK((to[100 + i] != 0) == (limit == 100));
      CHECK((to[200 + i] != 0) == (limit > 0));
    }
  }
}

void sums_in_warps() {
  for (const uint32_t num_threads : {32u, 40u, 256u}) {
    for (uint32_t seed = 0; seed < kNumSeeds; ++seed) {
      std::vector<int> to(8);
      TestMemory memory;
      expect_none(run("sums_in_warps", {{1, 1, 1}, {num_threads, 1, 1}}, memory, with_seed(seed),
                      memory.add(to)));
      for (uint32_t warp = 0; warp * 32 < num_threads; ++warp) {
        int sum = 0;
        for (uint32_t i = 32 * warp; i < std::min(num_threads, 32 * warp + 32); ++i)
          sum += static_cast<int>(i);
        CHECK(to[warp] == sum);
      }
    }
  }
}

void local_memory() {
  constexpr int kTable[] = {3, 1, 4, 1, 5, 9, 2, 6};
  for (int shift = 0; shift < 8; ++shift) {
    std::vector<int> to(64);
    TestMemory memory;
    const uint64_t target = memory.add(to);
    ptx::MemoryMap map = memory.map();
    for (const ptx::Module& module : ptx::modules()) {
      for (const ptx::GlobalVariable& variable : module.variables) {
        map.add(reinterpret_cast<uint64_t>(variable.place), variable.bytes);
      }
    }
    const ptx::Kernel& kernel = *ptx::find_kernel("indexed");
    ptx::launch(kernel, {{1, 1, 1}, {64, 1, 1}}, ptx::parameters_of(kernel, target, shift), map,
                {});
    for (int i = 0; i < 64; ++i) {
      CHECK(to[static_cast<size_t>(i)] == kTable[(i * 3) % 8] * 10 + i);
    }
  }
}

}  // namespace

int main() {
  check_claim("shuffles, in segments of all widths", shuffles);
  check_claim("votes, matches and sums of lanes that part and meet", votes);
  check_claim("atomics in shared and global memory", atomics);
  check_claim("barriers of some warps: producers and consumers", barriers_of_some_warps);
  check_claim("barriers that count", counting_barriers);
  check_claim("__syncwarp orders the lanes of a warp", sums_in_warps);
  check_claim("local memory and constants by index", local_memory);
  return check_finish();
}
