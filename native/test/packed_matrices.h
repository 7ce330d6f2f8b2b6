// Packed matrices of every type, for the tests of packing and of products.

#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "check.h"
#include "packed_tensor.h"
#include "test_model.h"

namespace dyn::test {

inline constexpr dyn_dtype kAllDtypes[] = {
    DYN_F32,    DYN_F16,   DYN_BF16, DYN_Q8_0, DYN_Q4_0, DYN_Q4_1, DYN_Q5_0, DYN_Q5_1,
    DYN_IQ4_NL, DYN_MXFP4, DYN_Q2_K, DYN_Q3_K, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K, DYN_IQ4_XS};
inline constexpr std::span kBlockDtypes = std::span(kAllDtypes).subspan<3>();

// The places in a block that have numbers of F16.
inline std::vector<size_t> f16_places(dyn_dtype dtype) {
  switch (dtype) {
    case DYN_Q4_1:
    case DYN_Q5_1:
    case DYN_Q4_K:
    case DYN_Q5_K:
      return {0, 2};
    case DYN_Q2_K:
      return {80, 82};
    case DYN_Q3_K:
      return {108};
    case DYN_Q6_K:
      return {208};
    case DYN_MXFP4:
      return {};
    default:
      return {0};
  }
}

inline PackedTensor packed_bytes(std::span<const std::byte> bytes, uint32_t num_outputs,
                                 uint32_t num_inputs, dyn_dtype dtype,
                                 dyn_quantization quantization = DYN_QUANTIZATION_NONE) {
  const MemoryFile file(bytes);
  const dyn_tensor tensor = {.role = DYN_UP,
                             .dtype = static_cast<uint16_t>(dtype),
                             .layer = 0,
                             .expert = 0,
                             .fd = file.fd(),
                             .rank = 2,
                             .part = DYN_WHOLE,
                             .shape = {num_outputs, num_inputs},
                             .offset = 0,
                             .num_bytes = bytes.size(),
                             .row_stride = 0};
  PackedTensor matrix;
  CHECK(pack_tensor({&tensor, nullptr, nullptr}, quantization, &matrix).ok());
  return matrix;
}

// A matrix packed from `w` [N, K], which went through `dtype` and `quantization`.
inline PackedTensor packed(const std::vector<float>& w, uint32_t num_inputs, dyn_dtype dtype,
                           dyn_quantization quantization = DYN_QUANTIZATION_NONE) {
  return packed_bytes(encode(w, dtype), static_cast<uint32_t>(w.size() / num_inputs), num_inputs,
                      dtype, quantization);
}

// A matrix packed from the three tensors of GPTQ or AWQ.
inline PackedTensor packed_parts(const EncodedParts& parts, dyn_dtype dtype,
                                 const PartsShape& shape) {
  const uint32_t num_groups = shape.num_inputs / shape.group_size;
  const MemoryFile quants(parts.quants);
  const MemoryFile zeros(parts.zeros);
  const MemoryFile scales(parts.scales);
  const auto tensor = [](const MemoryFile& file, dyn_part part, dyn_dtype stored, uint64_t rows,
                         uint64_t columns, uint64_t num_bytes) {
    return dyn_tensor{.role = DYN_UP,
                      .dtype = static_cast<uint16_t>(stored),
                      .layer = 0,
                      .expert = 0,
                      .fd = file.fd(),
                      .rank = 2,
                      .part = static_cast<uint16_t>(part),
                      .shape = {rows, columns},
                      .offset = 0,
                      .num_bytes = num_bytes,
                      .row_stride = 0};
  };
  const dyn_tensor rows[] = {
      tensor(quants, DYN_WHOLE, dtype, shape.num_outputs, shape.num_inputs, parts.quants.size()),
      tensor(zeros, DYN_ZEROS, dtype, num_groups, shape.num_outputs, parts.zeros.size()),
      tensor(scales, DYN_SCALES, DYN_F16, num_groups, shape.num_outputs, parts.scales.size())};
  PackedTensor matrix;
  CHECK(pack_tensor({&rows[0], &rows[1], &rows[2]}, DYN_QUANTIZATION_NONE, &matrix).ok());
  return matrix;
}

inline std::vector<float> row_of(const PackedMatrix& matrix, uint32_t output) {
  std::vector<float> row(matrix.num_inputs());
  matrix.read_row(output, row.data());
  return row;
}

inline constexpr dyn_dtype kPartsDtypes[] = {DYN_GPTQ, DYN_GPTQ_V2, DYN_AWQ};

// Any quants and zero points, the extremes among them, in groups of every size.
template <typename Body>
void for_each_matrix_in_parts(const Body& body) {
  std::mt19937 generator(12);
  for (const dyn_dtype dtype : kPartsDtypes) {
    for (const uint32_t group_size : {32u, 64u, 96u, 128u, 192u, 256u, 320u}) {
      const PartsShape shape = {.num_outputs = 40,
                                .num_inputs = group_size * 3,
                                .group_size = group_size,
                                .is_symmetric = false};
      const std::vector<float> w =
          random_floats(size_t{shape.num_outputs} * shape.num_inputs, 1, &generator);
      EncodedParts parts = encode_parts(w, dtype, shape);
      body(dtype, shape, parts);
      for (std::byte& byte : parts.quants) byte = static_cast<std::byte>(generator() & 255);
      for (std::byte& byte : parts.zeros) byte = static_cast<std::byte>(generator() & 255);
      body(dtype, shape, parts);
    }
  }
}

}  // namespace dyn::test
