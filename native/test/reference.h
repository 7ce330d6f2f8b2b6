// Slow twins of the kernels in double precision, written from the formulas and sharing no code with
// them. `magnitude`, where there is one, is the scale that a tolerance is relative to.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dynamo_engine.h"

namespace dyn::reference {

struct Value {
  double value;
  double magnitude;
};

// Elements of a block of one of GGUF's types, from the formulas of ggml-quants.c of llama.cpp.
std::vector<double> dequantise(dyn_dtype dtype, std::span<const std::byte> block);

// The weight [N, K] that GPTQ's or AWQ's three tensors stand for, from dequantize_weight of
// AutoGPTQ and unpack_awq of AutoAWQ. `scales` are F16.
struct Parts {
  std::span<const std::byte> quants;
  std::span<const std::byte> zeros;
  std::span<const std::byte> scales;
};
std::vector<double> dequantise(dyn_dtype dtype, const Parts& parts, size_t num_outputs,
                               size_t num_inputs, size_t group_size);

// sum of x[k] w[k]
Value dot(std::span<const float> x, std::span<const float> w);

std::vector<double> rms_norm(std::span<const float> x, std::span<const float> weight, double eps);

// One head, turned to `position` with frequencies theta^(-2i / head_size).
std::vector<double> rope(std::span<const float> x, double theta, uint32_t position);

double swiglu(double gate, double up);

// With GELU as its approximation by tanh.
double geglu(double gate, double up);

struct Scores {
  double scale;
  double softcap;  // 0: none
};

// One query head over all positions of k and v [positions][head_size].
std::vector<Value> attention(std::span<const float> q, const std::vector<std::vector<float>>& k,
                             const std::vector<std::vector<float>>& v, const Scores& scores);

double log_softmax(std::span<const float> logits, size_t id);

}  // namespace dyn::reference
