// Tests of the tests: faults that are put into planted kernels by number, one at a time, must be noticed: by a fault of the
// runner, or by a result that is not the right one. Every DYNAMO_MUTANTS-th is tried; 1 is all of them. Survivors are printed.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "run_kernel.h"

namespace {

int main_step = 17;

// A kernel and what it must compute: true if a run with these options is right, false if wrong or a fault.
struct Subject {
  const char* kernel;
  std::function<bool(const ptx::RunOptions&)> is_right;
};

uint16_t bf16_of(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}
float float_of(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

bool multiplies_tiles(const ptx::RunOptions& options) {
  constexpr int kDepth = 96;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  static std::vector<uint16_t> a(64 * kDepth), b(64 * kDepth);
  static std::vector<double> expected;
  if (expected.empty()) {
    for (uint16_t& value : a) value = bf16_of(normal(random));
    for (uint16_t& value : b) value = bf16_of(normal(random));
    for (size_t row = 0; row < 64; ++row) {
      for (size_t column = 0; column < 64; ++column) {
        double sum = 0;
        for (size_t i = 0; i < kDepth; ++i) {
          sum += static_cast<double>(float_of(a[row * kDepth + i])) *
                 static_cast<double>(float_of(b[column * kDepth + i]));
        }
        expected.push_back(sum);
      }
    }
  }
  std::vector<float> c(64 * 64, NAN);
  ptx::TestMemory memory;
  const uint64_t left = memory.add(a);
  const uint64_t right = memory.add(b);
  const uint64_t target = memory.add(c);
  if (!run("tile_product", {{1, 1, 1}, {128, 1, 1}}, memory, options, left, right, target, kDepth)
           .empty())
    return false;
  for (size_t i = 0; i < c.size(); ++i) {
    const double error = std::fabs(expected[i] - static_cast<double>(c[i]));
    if (!(error < 1e-3)) return false;
  }
  return true;
}

bool sums_in_warps(const ptx::RunOptions& options) {
  std::vector<int> to(3);
  ptx::TestMemory memory;
  if (!run("sums_in_warps", {{1, 1, 1}, {72, 1, 1}}, memory, options, memory.add(to)).empty())
    return false;
  return to[0] == 31 * 32 / 2 && to[1] == (32 + 63) * 16 && to[2] == (64 + 71) * 4;
}

bool produces_and_consumes(const ptx::RunOptions& options) {
  constexpr int kRounds = 7;  // One round of the loop that nvcc unrolls by four, and its rest.
  std::vector<int> to(64 * kRounds);
  ptx::TestMemory memory;
  const std::string fault = run("producers_and_consumers", {{1, 1, 1}, {128, 1, 1}}, memory,
                                options, memory.add(to), kRounds);
  if (!fault.empty()) return false;
  for (int i = 0; i < 64 * kRounds; ++i) {
    if (to[static_cast<size_t>(i)] != 1000 * (i / 64) + 63 - i % 64) return false;
  }
  return true;
}

bool transposes(const ptx::RunOptions& options) {
  std::vector<uint16_t> rows(32 * 8);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint16_t>(i);
  std::vector<uint32_t> to(32 * 4);
  ptx::TestMemory memory;
  const uint64_t target = memory.add(to);
  if (!run("load_transposed", {{1, 1, 1}, {32, 1, 1}}, memory, options, target, memory.add(rows))
           .empty())
    return false;
  for (uint32_t i = 0; i < to.size(); ++i) {
    const uint32_t lane = i / 4;
    const uint32_t first = i % 4 * 64 + lane % 4 * 16 + lane / 4;
    if (to[i] != (first | (first + 8) << 16)) return false;
  }
  return true;
}

const Subject kSubjects[] = {
    {"tile_product", multiplies_tiles},
    {"sums_in_warps", sums_in_warps},
    {"producers_and_consumers", produces_and_consumes},
    {"load_transposed", transposes},
};

// Survivors that are right, by kernel and number, and why. An entry that is caught is out of date, and fails.
const std::map<std::pair<std::string, int>, const char*> kExplained = {};

constexpr uint32_t kNumSeeds = 3;

enum class Fate { kCaught, kSurvives, kNotReached };

Fate fate_of(const Subject& subject, int number) {
  bool is_reached = false;
  for (uint32_t seed = 0; seed < kNumSeeds; ++seed) {
    ptx::RunOptions options;
    options.seed = seed;
    options.mutant = number;
    options.is_reached = &is_reached;
    options.max_segments = 1 << 20;
    if (!subject.is_right(options)) return Fate::kCaught;
  }
  return is_reached ? Fate::kSurvives : Fate::kNotReached;
}

void kernels_are_right_without() {
  for (const Subject& subject : kSubjects) {
    for (uint32_t seed = 0; seed < 8; ++seed) {
      ptx::RunOptions options;
      options.seed = seed;
      CHECK(subject.is_right(options));
    }
  }
}

void mutants_are_caught() {
  int num_tried = 0;
  int num_caught = 0;
  int num_not_reached = 0;  // In code that these shapes do not run.
  for (const Subject& subject : kSubjects) {
    const ptx::Kernel* const kernel = ptx::find_kernel(subject.kernel);
    CHECK(kernel != nullptr);
    if (kernel == nullptr) continue;
    for (int number = 1; number <= static_cast<int>(kernel->num_mutations); number += main_step) {
      const Fate fate = fate_of(subject, number);
      num_not_reached += fate == Fate::kNotReached ? 1 : 0;
      if (fate == Fate::kNotReached) continue;
      ++num_tried;
      const bool caught = fate == Fate::kCaught;
      num_caught += caught ? 1 : 0;
      const auto why = kExplained.find({subject.kernel, number});
      const ptx::Mutation& mutation = kernel->mutations[number - 1];
      if (!caught) {
        std::printf("  survivor: %s %d, %s:%d, %s of %s: %s\n", subject.kernel, number,
                    kernel->file, mutation.line, mutation.kind, mutation.opcode,
                    why == kExplained.end() ? "not explained" : why->second);
      }
      CHECK(caught || why != kExplained.end());
      CHECK(!caught || why == kExplained.end());
    }
  }
  std::printf("  %d mutants, %d caught; %d more are in code that is not reached\n", num_tried,
              num_caught, num_not_reached);
  CHECK(num_not_reached * 20 <= num_tried);
  CHECK(num_tried > 0);
  CHECK(num_caught >= (num_tried * 95 + 99) / 100);
}

}  // namespace

int main() {
  const char* const step = std::getenv("DYNAMO_MUTANTS");
  if (step != nullptr) main_step = std::max(1, std::atoi(step));
  check_claim("kernels without mutations are right", kernels_are_right_without);
  check_claim("95 % of the mutants are caught, and the others explained", mutants_are_caught);
  return check_finish();
}
