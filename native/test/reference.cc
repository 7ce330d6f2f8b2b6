#include "reference.h"

#include <algorithm>
#include <cmath>

namespace dyn::reference {

Value dot(std::span<const float> x, std::span<const float> w) {
  Value sum = {0, 0};
  for (size_t k = 0; k < x.size(); ++k) {
    const double term = double{x[k]} * w[k];
    sum.value += term;
    sum.magnitude += std::abs(term);
  }
  return sum;
}

std::vector<double> rms_norm(std::span<const float> x, std::span<const float> weight, double eps) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + eps);
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * weight[i];
  return y;
}

std::vector<double> rope(std::span<const float> x, double theta, uint32_t position) {
  const size_t half = x.size() / 2;
  std::vector<double> y(x.size());
  for (size_t i = 0; i < half; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(x.size());
    const double angle = position * std::pow(theta, exponent);
    y[i] = x[i] * std::cos(angle) - x[i + half] * std::sin(angle);
    y[i + half] = x[i + half] * std::cos(angle) + x[i] * std::sin(angle);
  }
  return y;
}

double swiglu(double gate, double up) {
  return gate / (1 + std::exp(-gate)) * up;
}

std::vector<Value> attention(std::span<const float> q, const std::vector<std::vector<float>>& k,
                             const std::vector<std::vector<float>>& v) {
  std::vector<double> weights(k.size());
  for (size_t j = 0; j < k.size(); ++j) {
    weights[j] = dot(q, k[j]).value / std::sqrt(static_cast<double>(q.size()));
  }
  const double max = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - max);
  std::vector<Value> out(q.size(), Value{0, 0});
  for (size_t j = 0; j < k.size(); ++j) {
    for (size_t d = 0; d < q.size(); ++d) {
      const double term = weights[j] / sum * v[j][d];
      out[d].value += term;
      out[d].magnitude += std::abs(term);
    }
  }
  return out;
}

double log_softmax(std::span<const float> logits, size_t id) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - max);
  return logits[id] - max - std::log(sum);
}

}  // namespace dyn::reference
