#include "graph/rope.h"

#include <cmath>
#include <cstddef>
#include <numbers>

namespace dyn {
namespace {

double llama3_scaled(const dyn_model_config& config, double frequency) {
  const double turns = config.rope_original_max_positions * frequency / (2 * std::numbers::pi);
  const double low = config.rope_low_freq_factor;
  const double high = config.rope_high_freq_factor;
  if (turns < low) return frequency / config.rope_factor;
  if (turns > high) return frequency;
  const double kept = (turns - low) / (high - low);
  return (1 - kept) * frequency / config.rope_factor + kept * frequency;
}

}  // namespace

std::vector<double> rope_frequencies(const dyn_model_config& config) {
  std::vector<double> frequencies(config.head_size / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / config.head_size;
    const double frequency = std::pow(config.rope_theta, -exponent);
    const bool is_scaled = config.rope_scaling == DYN_ROPE_LLAMA3;
    frequencies[i] = is_scaled ? llama3_scaled(config, frequency) : frequency;
  }
  return frequencies;
}

}  // namespace dyn
