#include "reference.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dyn::reference {
namespace {

double f16(std::span<const std::byte> block, size_t at) {
  const uint32_t bits = static_cast<uint32_t>(block[at]) | static_cast<uint32_t>(block[at + 1])
                                                               << 8;
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const double fraction = (bits & 1023) / 1024.0;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  return bits >> 15 != 0 ? -magnitude : magnitude;
}

uint32_t byte(std::span<const std::byte> block, size_t at) {
  return static_cast<uint32_t>(block[at]);
}

int32_t signed_byte(std::span<const std::byte> block, size_t at) {
  return static_cast<int8_t>(block[at]);
}

// The 6-bit scale (kind 0) or minimum (kind 1) of a group, of the 12 bytes from 4 on.
uint32_t six_bits(std::span<const std::byte> block, size_t group, size_t kind) {
  const size_t at = 4 + 4 * kind;
  if (group < 4) return byte(block, at + group) & 63;
  const uint32_t low = byte(block, 8 + group) >> (4 * kind) & 15;
  return low | (byte(block, at + group - 4) >> 6) << 4;
}

double q4_k_or_q5_k(std::span<const std::byte> block, size_t i, bool has_fifth_bit) {
  const size_t group = i / 32;
  const size_t first = has_fifth_bit ? 48 : 16;
  uint32_t quant = byte(block, first + i / 64 * 32 + i % 32) >> (group % 2 * 4) & 15;
  if (has_fifth_bit) quant += (byte(block, 16 + i % 32) >> group & 1) * 16;
  return f16(block, 0) * six_bits(block, group, 0) * quant -
         f16(block, 2) * six_bits(block, group, 1);
}

double q6_k(std::span<const std::byte> block, size_t i) {
  const size_t part = i / 128;
  const size_t quarter = i / 32 % 4;
  const uint32_t low = byte(block, 64 * part + quarter % 2 * 32 + i % 32) >> (quarter / 2 * 4) & 15;
  const uint32_t high = byte(block, 128 + 32 * part + i % 32) >> (2 * quarter) & 3;
  const int32_t quant = static_cast<int32_t>(low + 16 * high) - 32;
  return f16(block, 208) * signed_byte(block, 192 + i / 16) * quant;
}

// The half of element i among 32, of the 16 bytes from `at` on.
uint32_t half(std::span<const std::byte> block, size_t at, size_t i) {
  return byte(block, at + i % 16) >> (i / 16 * 4) & 15;
}

// With the fifth bit, of the four bytes from `high` on.
uint32_t five_bits(std::span<const std::byte> block, size_t high, size_t i) {
  return half(block, high + 4, i) + (byte(block, high + i / 8) >> i % 8 & 1) * 16;
}

double q2_k(std::span<const std::byte> block, size_t i) {
  const uint32_t scales = byte(block, i / 16);
  const uint32_t quant = byte(block, 16 + i / 128 * 32 + i % 32) >> i / 32 % 4 * 2 & 3;
  return f16(block, 80) * (scales & 15) * quant - f16(block, 82) * (scales >> 4);
}

double q3_k(std::span<const std::byte> block, size_t i) {
  const size_t g = i / 16;
  const uint32_t low = byte(block, 96 + g % 8) >> g / 8 * 4 & 15;
  const uint32_t scale = low + (byte(block, 104 + g % 4) >> g / 4 * 2 & 3) * 16;
  const uint32_t quant = (byte(block, 32 + i / 128 * 32 + i % 32) >> i / 32 % 4 * 2 & 3) +
                         (byte(block, i % 32) >> i / 32 & 1) * 4;
  return f16(block, 108) * (static_cast<int32_t>(scale) - 32) * (static_cast<int32_t>(quant) - 4);
}

double non_linear(uint32_t quant) {
  constexpr double kValues[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};
  return kValues[quant];
}

double iq4_xs(std::span<const std::byte> block, size_t i) {
  const size_t g = i / 32;
  const uint32_t low = byte(block, 4 + g / 2) >> g % 2 * 4 & 15;
  const uint32_t scale = low + (byte(block, 2 + g / 4) >> g % 4 * 2 & 3) * 16;
  const double step = f16(block, 0) * (static_cast<int32_t>(scale) - 32);
  return step * non_linear(half(block, 8 + 16 * g, i % 32));
}

double mxfp4(std::span<const std::byte> block, size_t i) {
  constexpr double kValues[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  const uint32_t quant = half(block, 1, i);
  const double magnitude = std::ldexp(kValues[quant & 7], static_cast<int>(byte(block, 0)) - 127);
  return quant < 8 ? magnitude : -magnitude;
}

double element(dyn_dtype dtype, std::span<const std::byte> block, size_t i) {
  switch (dtype) {
    case DYN_Q8_0:
      return f16(block, 0) * signed_byte(block, 2 + i);
    case DYN_Q4_0: {
      const uint32_t quant = byte(block, 2 + i % 16) >> (i / 16 * 4) & 15;
      return f16(block, 0) * (static_cast<int32_t>(quant) - 8);
    }
    case DYN_Q4_1:
      return f16(block, 0) * half(block, 4, i) + f16(block, 2);
    case DYN_Q5_0:
      return f16(block, 0) * (static_cast<int32_t>(five_bits(block, 2, i)) - 16);
    case DYN_Q5_1:
      return f16(block, 0) * five_bits(block, 4, i) + f16(block, 2);
    case DYN_IQ4_NL:
      return f16(block, 0) * non_linear(half(block, 2, i));
    case DYN_MXFP4:
      return mxfp4(block, i);
    case DYN_Q2_K:
      return q2_k(block, i);
    case DYN_Q3_K:
      return q3_k(block, i);
    case DYN_IQ4_XS:
      return iq4_xs(block, i);
    case DYN_Q6_K:
      return q6_k(block, i);
    default:
      return q4_k_or_q5_k(block, i, dtype == DYN_Q5_K);
  }
}

}  // namespace

std::vector<double> dequantise(dyn_dtype dtype, std::span<const std::byte> block) {
  std::vector<double> elements(block.size() < 64 ? 32 : 256);
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = element(dtype, block, i);
  return elements;
}

std::vector<double> dequantise(dyn_dtype dtype, const Parts& parts, size_t num_outputs,
                               size_t num_inputs, size_t group_size) {
  const auto four_bits = [](std::span<const std::byte> words, size_t index) {
    return static_cast<int>(byte(words, index / 2) >> (index % 2 * 4) & 15);
  };
  // Place of a column among numbers of 4 bits that lie row by row.
  const auto place = [&](size_t column) {
    constexpr size_t kOrder[] = {0, 4, 1, 5, 2, 6, 3, 7};
    return dtype == DYN_AWQ ? column - column % 8 + kOrder[column % 8] : column;
  };
  std::vector<double> weight(num_outputs * num_inputs);
  for (size_t n = 0; n < num_outputs; ++n) {
    for (size_t k = 0; k < num_inputs; ++k) {
      const size_t group = k / group_size * num_outputs;
      const int quant = dtype == DYN_AWQ
                            ? four_bits(parts.quants, k * num_outputs + place(n))
                            : four_bits(parts.quants, (k / 8 * num_outputs + n) * 8 + k % 8);
      const int zero = four_bits(parts.zeros, group + place(n)) + (dtype == DYN_GPTQ ? 1 : 0);
      weight[n * num_inputs + k] = f16(parts.scales, 2 * (group + n)) * (quant - zero);
    }
  }
  return weight;
}

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

double geglu(double gate, double up) {
  const double u = std::sqrt(2 / std::numbers::pi) * (gate + 0.044715 * gate * gate * gate);
  return gate / 2 * (1 + std::tanh(u)) * up;
}

std::vector<Value> attention(std::span<const float> q, const std::vector<std::vector<float>>& k,
                             const std::vector<std::vector<float>>& v, const Scores& scores) {
  std::vector<double> weights(k.size());
  for (size_t j = 0; j < k.size(); ++j) {
    weights[j] = dot(q, k[j]).value * scores.scale;
    if (scores.softcap > 0) weights[j] = scores.softcap * std::tanh(weights[j] / scores.softcap);
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
