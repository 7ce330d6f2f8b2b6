#include "cpu/sample/logits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/exp.h"

namespace dyn {
namespace {

constexpr size_t kBlock = 1024;  // Weights summed in F32 before they join a double.

std::span<const float> block_at(std::span<const float> logits, size_t at) {
  return logits.subspan(at, std::min(kBlock, logits.size() - at));
}

// The last id before the running sum passes `mass`, among those with a weight; -1 where none has.
ptrdiff_t find_in_block(std::span<const float> logits, float max, float temperature, double mass) {
  ptrdiff_t last = -1;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float weight = exp_f32((logits[i] - max) / temperature);
    if (weight == 0.0f) continue;
    mass -= weight;
    last = static_cast<ptrdiff_t>(i);
    if (mass < 0) break;
  }
  return last;
}

}  // namespace

float max_logit(const RowwiseKernels& kernels, std::span<const float> logits) {
  return kernels.max_of(logits.data(), logits.size());
}

int32_t first_id_of(std::span<const float> logits, float value) {
  const auto found = std::find(logits.begin(), logits.end(), value);
  return found == logits.end() ? 0 : static_cast<int32_t>(found - logits.begin());
}

double log_sum_exp(const RowwiseKernels& kernels, std::span<const float> logits, float max) {
  return max + std::log(sum_of_weights(kernels, logits, max, 1.0f));
}

double sum_of_weights(const RowwiseKernels& kernels, std::span<const float> logits, float max,
                      float temperature) {
  double sum = 0;
  for (size_t at = 0; at < logits.size(); at += kBlock) {
    const std::span<const float> block = block_at(logits, at);
    sum += kernels.sum_exp(block.data(), block.size(), max, temperature);
  }
  return sum;
}

int32_t id_at_mass(const RowwiseKernels& kernels, std::span<const float> logits, float max,
                   float temperature, double mass) {
  int32_t last = first_id_of(logits, max);
  for (size_t at = 0; at < logits.size(); at += kBlock) {
    const std::span<const float> block = block_at(logits, at);
    const double sum = kernels.sum_exp(block.data(), block.size(), max, temperature);
    if (mass < sum || at + kBlock >= logits.size()) {
      const ptrdiff_t found = find_in_block(block, max, temperature, mass);
      return found < 0 ? last : static_cast<int32_t>(static_cast<ptrdiff_t>(at) + found);
    }
    mass -= sum;
  }
  return last;
}

}  // namespace dyn
