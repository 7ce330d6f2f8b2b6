// Every kind of fault is planted (planted/faults.cu) and found, in every order, with its kernel and line. The same
// kernels without their fault pass.

#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "run_kernel.h"

using ptx::RunOptions;
using ptx::Shape;
using ptx::TestMemory;

namespace {

struct Planted {
  const char* kernel;
  const char* text;  // A part of the fault's.
  uint32_t num_blocks;
  uint32_t num_threads;
  int count;  // The kernel's whole number, if it takes one.
};

constexpr Planted kPlanted[] = {
    {"reads_past_the_end", "global memory out of bounds", 1, 32, 1024},
    {"writes_past_the_end", "global memory out of bounds", 1, 32, 1024},
    {"misaligned", "misaligned address", 1, 32, 0},
    {"shared_past_the_end", "shared memory out of bounds", 1, 64, 1},
    {"unwritten_shared", "shared memory is read that nothing has written", 1, 64, 0},
    {"shared_race", "race: shared memory", 1, 64, 0},
    {"shared_race_of_rounds", "race: shared memory", 1, 64, 0},
    {"shared_race_in_a_warp", "race: shared memory is read", 1, 32, 0},
    {"global_race_of_blocks", "race: global memory is written", 4, 32, 0},
    {"global_read_of_another_block", "race: global memory", 4, 32, 0},
    {"global_race_of_warps", "race: global memory", 1, 64, 0},
    {"copy_not_waited_for", "before cp.async has been waited for", 1, 32, 0},
    {"copy_waited_for_too_late", "before cp.async has been waited for", 1, 32, 0},
    {"copy_without_barrier", "shared memory", 1, 64, 0},
    {"copy_over_what_is_read", "race: ", 1, 64, 0},
    {"divergent_barrier", "divergent barrier", 1, 64, 0},
    {"barrier_in_half_a_warp", "lanes wait for others of their warp", 1, 32, 0},
    {"ends_before_the_barrier", "threads ended while others wait at a barrier", 1, 64, 32},
    {"deadlock", "deadlock", 1, 64, 0},
    {"shuffle_without_its_lanes", "lanes wait for others of their warp", 1, 32, 0},
    {"shuffle_outside_the_mask", "a lane runs that the member mask leaves out", 1, 32, 0},
    {"never_ends", "the kernel does not end", 1, 32, 0},
    {"traps", "trap", 1, 32, 0},
};

// Runs with the arguments that the kernel takes: {from,} to {, count}.
std::string run_planted(const Planted& planted, uint32_t seed) {
  std::vector<uint32_t> from(1024);
  std::vector<uint32_t> to(1024);
  TestMemory memory;
  const uint64_t source = memory.add(from);
  const uint64_t target = memory.add(to);
  RunOptions options;
  options.seed = seed;
  options.max_segments = 1 << 20;
  const Shape shape = {{planted.num_blocks, 1, 1}, {planted.num_threads, 1, 1}};
  const ptx::Kernel* const kernel = ptx::find_kernel(planted.kernel);
  if (kernel == nullptr) return "there is no such kernel";
  const bool has_count = kernel->parameters[kernel->num_parameters - 1].bytes == 4;
  const uint32_t num_pointers = kernel->num_parameters - (has_count ? 1 : 0);
  if (num_pointers == 2 && has_count)
    return run(planted.kernel, shape, memory, options, source, target, planted.count);
  if (num_pointers == 2) return run(planted.kernel, shape, memory, options, source, target);
  if (has_count) return run(planted.kernel, shape, memory, options, target, planted.count);
  return run(planted.kernel, shape, memory, options, target);
}

void finds_every_fault() {
  for (const Planted& planted : kPlanted) {
    for (uint32_t seed = 0; seed < 8; ++seed) {
      const std::string fault = run_planted(planted, seed);
      const bool is_found = fault.find(planted.text) != std::string::npos;
      const bool is_placed = fault.find(planted.kernel) != std::string::npos &&
                             fault.find("faults.ptx:") != std::string::npos;
      if (!is_found || !is_placed)
        std::printf("  %s, seed %u: %s\n", planted.kernel, seed, fault.c_str());
      CHECK(is_found);
      CHECK(is_placed);
    }
  }
}

void every_planted_kernel_is_run() {
  size_t count = 0;
  for (const ptx::Module& module : ptx::modules()) {
    for (const ptx::Kernel& kernel : module.kernels) {
      count += std::string(kernel.file) == "faults.ptx" ? 1 : 0;
    }
  }
  CHECK(count == std::size(kPlanted));
}

void passes_what_is_right() {
  const Planted right[] = {
      {"reads_past_the_end", "", 1, 32, 1023}, {"writes_past_the_end", "", 1, 32, 1023},
      {"shared_past_the_end", "", 1, 64, 0},   {"ends_before_the_barrier", "", 1, 64, 64},
      {"global_race_of_blocks", "", 1, 32, 0},
  };
  for (const Planted& planted : right) {
    for (uint32_t seed = 0; seed < 8; ++seed) {
      const std::string fault = run_planted(planted, seed);
      if (!fault.empty()) std::printf("  %s\n", fault.c_str());
      CHECK(fault.empty());
    }
  }
}

}  // namespace

int main() {
  check_claim("every planted fault is found, in eight orders", finds_every_fault);
  check_claim("every kernel of planted/faults.cu is among them", every_planted_kernel_is_run);
  check_claim("the kernels pass where their fault is not reached", passes_what_is_right);
  return check_finish();
}
