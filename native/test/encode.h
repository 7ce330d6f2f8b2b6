// Weights as the files hold them, made from floats.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dynamo_engine.h"

namespace dyn::test {

// `values` as bytes of `dtype`: floats rounded towards zero where they do not fit, blocks with
// quants and scales that are near enough, for a test reads them back.
std::vector<std::byte> encode(std::span<const float> values, dyn_dtype dtype);

// A matrix [N, K] in GPTQ's or AWQ's layout, near `values`: its quants, zero points and scales.
// Zero points are 8 everywhere where it is symmetric.
struct EncodedParts {
  std::vector<std::byte> quants;
  std::vector<std::byte> zeros;
  std::vector<std::byte> scales;  // F16
};
struct PartsShape {
  uint32_t num_outputs;
  uint32_t num_inputs;
  uint32_t group_size;
  bool is_symmetric;
};
EncodedParts encode_parts(std::span<const float> values, dyn_dtype dtype, const PartsShape& shape);

// Rounded towards zero, what is below the smallest normal one to zero.
uint16_t f16_bits(float value);

bool is_in_parts(dyn_dtype dtype);    // GPTQ and AWQ.
bool is_float_type(dyn_dtype dtype);  // F32, F16, BF16.

}  // namespace dyn::test
