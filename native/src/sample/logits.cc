#include "sample/logits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/exp.h"

namespace dyn {
namespace {

constexpr size_t kStripes = 16;  // Independent maxima or sums, so that the loop vectorises.
constexpr size_t kBlock = 1024;  // Weights summed in F32 before they join a double.

double sum_of_block(std::span<const float> logits, float max, float temperature) {
  float sums[kStripes] = {};
  size_t i = 0;
  for (; i + kStripes <= logits.size(); i += kStripes) {
    for (size_t n = 0; n < kStripes; ++n) {
      sums[n] += exp_f32((logits[i + n] - max) / temperature);
    }
  }
  double sum = 0;
  for (; i < logits.size(); ++i) sum += exp_f32((logits[i] - max) / temperature);
  for (const float stripe : sums) sum += stripe;
  return sum;
}

}  // namespace

float max_logit(std::span<const float> logits) {
  float maxima[kStripes];
  std::fill_n(maxima, kStripes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kStripes <= logits.size(); i += kStripes) {
    for (size_t n = 0; n < kStripes; ++n) {
      maxima[n] = logits[i + n] > maxima[n] ? logits[i + n] : maxima[n];
    }
  }
  for (; i < logits.size(); ++i) maxima[0] = std::max(maxima[0], logits[i]);
  return *std::max_element(maxima, maxima + kStripes);
}

int32_t first_id_of(std::span<const float> logits, float value) {
  const auto found = std::find(logits.begin(), logits.end(), value);
  return found == logits.end() ? 0 : static_cast<int32_t>(found - logits.begin());
}

double log_sum_exp(std::span<const float> logits, float max) {
  return max + std::log(sum_of_weights(logits, max, 1.0f));
}

double sum_of_weights(std::span<const float> logits, float max, float temperature) {
  double sum = 0;
  for (size_t i = 0; i < logits.size(); i += kBlock) {
    const size_t count = std::min(kBlock, logits.size() - i);
    sum += sum_of_block(logits.subspan(i, count), max, temperature);
  }
  return sum;
}

}  // namespace dyn
