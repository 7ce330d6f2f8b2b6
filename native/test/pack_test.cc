// Packing: what went in comes back out of the packed matrix, quant by quant.

#include <cmath>
#include <span>
#include <vector>

#include "check.h"
#include "pack/dtype.h"
#include "packed_matrices.h"
#include "reference.h"
#include "tolerances.h"

namespace {

using namespace dyn;
using namespace dyn::test;

void parts_come_back() {
  for_each_matrix_in_parts(
      [](dyn_dtype dtype, const test::PartsShape& shape, const test::EncodedParts& parts) {
        const PackedTensor matrix = packed_parts(parts, dtype, shape);
        const std::vector<double> expected =
            reference::dequantise(dtype, {parts.quants, parts.zeros, parts.scales},
                                  shape.num_outputs, shape.num_inputs, shape.group_size);
        for (uint32_t output = 0; output < shape.num_outputs; ++output) {
          const std::vector<float> row = row_of(matrix, output);
          for (size_t k = 0; k < row.size(); ++k) {
            CHECK(row[k] == expected[output * row.size() + k]);
          }
        }
      });
}

// Weights that were made into parts are near, so both have the same meaning of a zero point.
void symmetric_parts_are_near() {
  std::mt19937 generator(13);
  for (const dyn_dtype dtype : kPartsDtypes) {
    const test::PartsShape shape = {
        .num_outputs = 8, .num_inputs = 256, .group_size = 128, .is_symmetric = true};
    const std::vector<float> w = random_floats(8 * 256, 1, &generator);
    const PackedTensor matrix = packed_parts(test::encode_parts(w, dtype, shape), dtype, shape);
    for (uint32_t output = 0; output < 8; ++output) {
      const std::vector<float> row = row_of(matrix, output);
      for (size_t k = 0; k < row.size(); ++k) CHECK(std::abs(row[k] - w[output * 256 + k]) < 0.08);
    }
  }
}

void packed_rows_come_back() {
  std::mt19937 generator(3);
  for (const dyn_dtype dtype : {DYN_F32, DYN_F16, DYN_BF16}) {
    const std::vector<float> w = random_floats(size_t{35} * 9, 1, &generator);
    const std::vector<std::byte> bytes = test::encode(w, dtype);
    const PackedTensor matrix = packed(w, 9, dtype);
    for (uint32_t output = 0; output < 35; ++output) {
      const std::vector<float> row = row_of(matrix, output);
      for (size_t k = 0; k < 9; ++k) {
        CHECK(row[k] == read_f32(dtype, &bytes[(output * 9 + k) * bytes_of(dtype)]));
      }
    }
  }
}

// Any bytes whose scales are numbers: nothing of a block is rounded, or at most in the last bit,
// where a minimum is taken off.
void blocks_come_back() {
  std::mt19937 generator(4);
  for (const dyn_dtype dtype : kBlockDtypes) {
    const uint32_t num_outputs = 35;
    const uint32_t num_blocks = 3;
    std::vector<std::byte> bytes(size_t{num_outputs} * num_blocks * bytes_of(dtype));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator() & 255);
    for (size_t at = 0; at < bytes.size(); at += bytes_of(dtype)) {
      for (const size_t scale : f16_places(dtype)) bytes[at + scale + 1] &= std::byte{0xbf};  // < 2
      if (dtype == DYN_MXFP4) bytes[at] = (bytes[at] & std::byte{0x7f}) | std::byte{0x02};
    }
    const uint32_t num_inputs = num_blocks * block_size_of(dtype);
    const PackedTensor matrix = packed_bytes(bytes, num_outputs, num_inputs, dtype);
    for (uint32_t output = 0; output < num_outputs; ++output) {
      const std::vector<float> row = row_of(matrix, output);
      for (uint32_t b = 0; b < num_blocks; ++b) {
        const std::span<const std::byte> block(&bytes[(output * num_blocks + b) * bytes_of(dtype)],
                                               bytes_of(dtype));
        const std::vector<double> expected = reference::dequantise(dtype, block);
        for (size_t i = 0; i < expected.size(); ++i) {
          const float got = row[b * block_size_of(dtype) + i];
          const bool has_minimum = f16_places(dtype).size() == 2;
          CHECK(has_minimum ? got == static_cast<float>(expected[i]) : got == expected[i]);
        }
      }
    }
  }
}

// Blocks that a test's encoder makes are near, so both have the same meaning of each bit.
void encoded_blocks_are_near() {
  std::mt19937 generator(14);
  for (const dyn_dtype dtype : kBlockDtypes) {
    for (const uint32_t num_inputs : {256u, 768u}) {
      const std::vector<float> w = random_floats(size_t{3} * num_inputs, 1, &generator);
      const PackedTensor matrix = packed(w, num_inputs, dtype);
      for (uint32_t output = 0; output < 3; ++output) {
        const std::vector<float> row = row_of(matrix, output);
        double squares = 0;
        for (size_t k = 0; k < row.size(); ++k) {
          squares += std::pow(row[k] - w[output * num_inputs + k], 2);
        }
        CHECK(std::sqrt(squares / num_inputs) < tolerance::encoded(dtype));
      }
    }
  }
}

// An exponent of 0 or 1 is too small for F32; all others are exact.
void every_exponent_comes_back() {
  for (uint32_t exponent = 0; exponent < 253; ++exponent) {
    std::vector<std::byte> block(17, std::byte{0x92});  // -0.5 and 1
    block[0] = static_cast<std::byte>(exponent);
    const std::vector<double> expected = reference::dequantise(DYN_MXFP4, block);
    const std::vector<float> row = row_of(packed_bytes(block, 1, 32, DYN_MXFP4), 0);
    for (size_t k = 0; k < 32; ++k) CHECK(row[k] == (exponent < 2 ? 0 : expected[k]));
  }
}

void quantised_weights_are_near() {
  std::mt19937 generator(5);
  for (const float scale : {1e-3f, 1.0f, 100.0f}) {
    const std::vector<float> w = random_floats(size_t{33} * 70, scale, &generator);
    const PackedTensor w8 = packed(w, 70, DYN_F32, DYN_QUANTIZATION_Q8);
    const PackedTensor w4 = packed(w, 70, DYN_F32, DYN_QUANTIZATION_Q4);
    CHECK(w8.format() == PackedFormat::kW8 && w4.format() == PackedFormat::kW4);
    for (uint32_t output = 0; output < 33; ++output) {
      const std::vector<float> row8 = row_of(w8, output);
      const std::vector<float> row4 = row_of(w4, output);
      for (size_t k = 0; k < 70; ++k) {
        const double expected = w[output * 70 + k];
        CHECK(std::abs(row8[k] - expected) <= tolerance::kW8Weight * scale);
        CHECK(std::abs(row4[k] - expected) <= tolerance::kW4Weight * scale);
      }
    }
  }
}

void f16_is_exact() {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint32_t exponent = (bits >> 10) & 31;
    if (exponent == 31) {
      const float value = f32_of_f16(static_cast<uint16_t>(bits));
      CHECK((bits & 0x3ff) == 0 ? std::isinf(value) : std::isnan(value));
      CHECK(std::signbit(value) == ((bits & 0x8000) != 0));
      continue;
    }
    const double fraction = (exponent == 0 ? 0 : 1) + (bits & 0x3ff) / 1024.0;
    const double magnitude =
        std::ldexp(fraction, exponent == 0 ? -14 : static_cast<int>(exponent) - 15);
    const double expected = (bits & 0x8000) != 0 ? -magnitude : magnitude;
    const float value = f32_of_f16(static_cast<uint16_t>(bits));
    CHECK(value == expected);
    CHECK(f16_of_f32(value) == bits);
    // Halfway to the next goes to the even one of the two, and what is nearer to one goes there.
    const float next = f32_of_f16(static_cast<uint16_t>(bits + 1));
    if (((bits + 1) >> 10 & 31) == 31) continue;
    const float middle = value + (next - value) / 2;
    CHECK(f16_of_f32(middle) == bits + (bits & 1));
    CHECK(f16_of_f32(std::nextafter(middle, value)) == bits);
    CHECK(f16_of_f32(std::nextafter(middle, next)) == bits + 1);
  }
}

}  // namespace

int main() {
  check_claim("every F16 is read exactly, and every finite one written to nearest even",
              f16_is_exact);
  check_claim("a packed matrix gives its rows back", packed_rows_come_back);
  check_claim("blocks are packed quant by quant and scale by scale", blocks_come_back);
  check_claim("blocks made from floats are near", encoded_blocks_are_near);
  check_claim("every exponent of MXFP4 comes back", every_exponent_comes_back);
  check_claim("weights quantised online are near", quantised_weights_are_near);
  check_claim("GPTQ and AWQ are packed quant by quant, in groups of any size", parts_come_back);
  check_claim("symmetric weights in GPTQ's and AWQ's layout are near", symmetric_parts_are_near);
  return check_finish();
}
