// Packing and the matrix product, for every family and every instruction set that this CPU has:
// against double precision over ragged, odd and large shapes, and each row's bits against the same
// row alone.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "check.h"
#include "cpu/gemm/gemm_input.h"
#include "cpu/isa.h"
#include "cpu/phases/phases.h"
#include "pack/dtype.h"
#include "packed_tensor.h"
#include "reference.h"
#include "test_model.h"
#include "tolerances.h"

namespace {

using namespace dyn;
using test::PackedTensor;
using test::random_floats;

constexpr dyn_dtype kAllDtypes[] = {DYN_F32,  DYN_F16,  DYN_BF16, DYN_Q8_0,
                                    DYN_Q4_0, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K};
constexpr dyn_dtype kBlockDtypes[] = {DYN_Q8_0, DYN_Q4_0, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K};

PackedTensor packed_bytes(std::span<const std::byte> bytes, uint32_t num_outputs,
                          uint32_t num_inputs, dyn_dtype dtype,
                          dyn_quantization quantization = DYN_QUANTIZATION_NONE) {
  const test::MemoryFile file(bytes);
  const dyn_tensor tensor = {.role = DYN_UP,
                             .dtype = static_cast<uint16_t>(dtype),
                             .layer = 0,
                             .fd = file.fd(),
                             .rank = 2,
                             .part = DYN_WHOLE,
                             .shape = {num_outputs, num_inputs},
                             .offset = 0,
                             .num_bytes = bytes.size()};
  PackedTensor matrix;
  CHECK(test::pack_tensor({&tensor, nullptr, nullptr}, quantization, &matrix).ok());
  return matrix;
}

// A matrix packed from `w` [N, K], which went through `dtype` and `quantization`.
PackedTensor packed(const std::vector<float>& w, uint32_t num_inputs, dyn_dtype dtype,
                    dyn_quantization quantization = DYN_QUANTIZATION_NONE) {
  return packed_bytes(test::encode(w, dtype), static_cast<uint32_t>(w.size() / num_inputs),
                      num_inputs, dtype, quantization);
}

// A matrix packed from the three tensors of GPTQ or AWQ.
PackedTensor packed_parts(const test::EncodedParts& parts, dyn_dtype dtype,
                          const test::PartsShape& shape) {
  const uint32_t num_groups = shape.num_inputs / shape.group_size;
  const test::MemoryFile levels(parts.levels);
  const test::MemoryFile zeros(parts.zeros);
  const test::MemoryFile scales(parts.scales);
  const auto tensor = [](const test::MemoryFile& file, dyn_part part, dyn_dtype stored,
                         uint64_t rows, uint64_t columns, uint64_t num_bytes) {
    return dyn_tensor{.role = DYN_UP,
                      .dtype = static_cast<uint16_t>(stored),
                      .layer = 0,
                      .fd = file.fd(),
                      .rank = 2,
                      .part = static_cast<uint16_t>(part),
                      .shape = {rows, columns},
                      .offset = 0,
                      .num_bytes = num_bytes};
  };
  const dyn_tensor rows[] = {
      tensor(levels, DYN_WHOLE, dtype, shape.num_outputs, shape.num_inputs, parts.levels.size()),
      tensor(zeros, DYN_ZEROS, dtype, num_groups, shape.num_outputs, parts.zeros.size()),
      tensor(scales, DYN_SCALES, DYN_F16, num_groups, shape.num_outputs, parts.scales.size())};
  PackedTensor matrix;
  CHECK(test::pack_tensor({&rows[0], &rows[1], &rows[2]}, DYN_QUANTIZATION_NONE, &matrix).ok());
  return matrix;
}

// The rows of x in `form`, and what they are there.
class Input {
 public:
  Input(const GemmKernels& kernels, InputForm form, const std::vector<float>& x,
        uint32_t num_inputs)
      : input_(kernels), form_(form) {
    const size_t num_rows = x.size() / num_inputs;
    InputForms forms;
    forms.add(form);
    input_.place(forms, num_rows, num_inputs, &arena_);
    CHECK(arena_.map("rows").ok());
    input_.place(forms, num_rows, num_inputs, &arena_);
    for (size_t row = 0; row < num_rows; ++row) {
      input_.store(row, 0, num_inputs, &x[row * num_inputs]);
    }
  }

  const GemmInput& get() const { return input_; }

  float value(size_t row, size_t k) const {
    const InputRows rows = input_.rows(row);
    if (form_ == InputForm::kF32) return rows.f32[k];
    if (form_ == InputForm::kBf16) return f32_of_bf16(rows.bf16[k]);
    return rows.scales[k / kGroupSize] * static_cast<float>(rows.s8[k]);
  }

 private:
  Arena arena_;
  GemmInput input_;
  InputForm form_;
};

std::vector<float> row_of(const PackedMatrix& matrix, uint32_t output) {
  std::vector<float> row(matrix.num_inputs());
  matrix.read_row(output, row.data());
  return row;
}

void check_product(dyn_isa isa, const PackedMatrix& matrix, uint32_t num_rows) {
  if (!check_is_due()) return;
  const uint32_t num_inputs = matrix.num_inputs();
  std::mt19937 generator(num_inputs * 7 + num_rows);
  const GemmKernels& kernels = gemm_kernels(isa);
  const Input x(kernels, kernels.form(matrix.family()),
                random_floats(size_t{num_rows} * num_inputs, 1, &generator), num_inputs);
  const auto product = kernels.product(matrix.family());
  constexpr size_t kStride = kPanelWidth + 3;  // Any will do.
  std::vector<float> y(num_rows * kStride);
  std::vector<float> alone(kPanelWidth);
  for (uint32_t index = 0; index < matrix.num_panels(); ++index) {
    const Panel panel = {.weights = matrix.panel(index), .num_inputs = num_inputs};
    product(panel, x.get().rows(0), num_rows, y.data(), kStride);
    const uint32_t first = index * kPanelWidth;
    const uint32_t num_columns = std::min(kPanelWidth, matrix.num_outputs() - first);
    std::vector<std::vector<float>> w_rows;
    for (uint32_t n = 0; n < num_columns; ++n) w_rows.push_back(row_of(matrix, first + n));
    std::vector<float> x_row(num_inputs);
    for (uint32_t m = 0; m < num_rows; ++m) {
      product(panel, x.get().rows(m), 1, alone.data(), kPanelWidth);
      for (uint32_t k = 0; k < num_inputs; ++k) x_row[k] = x.value(m, k);
      for (uint32_t n = 0; n < num_columns; ++n) {
        const reference::Value expected = reference::dot(x_row, w_rows[n]);
        const float got = y[m * kStride + n];
        CHECK(std::abs(got - expected.value) <= tolerance::kGemm * expected.magnitude + 1e-30);
        CHECK(alone[n] == got);
      }
    }
  }
}

void check_shape(dyn_dtype dtype, uint32_t num_outputs, uint32_t num_inputs,
                 const std::vector<uint32_t>& rows) {
  std::mt19937 generator(num_outputs * 31 + num_inputs);
  const std::vector<float> w = random_floats(size_t{num_outputs} * num_inputs, 1, &generator);
  const PackedTensor matrix = packed(w, num_inputs, dtype);
  for (const dyn_isa isa : present_isas()) {
    for (const uint32_t num_rows : rows) check_product(isa, matrix, num_rows);
  }
}

void products_agree() {
  std::vector<uint32_t> every_tile(26);
  for (uint32_t i = 0; i < every_tile.size(); ++i) every_tile[i] = i + 1;
  for (const dyn_dtype dtype : kAllDtypes) {
    const uint32_t unit = std::max(block_size_of(dtype), 32u);
    check_shape(dtype, 33, 2 * unit, every_tile);
    check_shape(dtype, 1, unit, {1, kMaxGemmRows - 1, kMaxGemmRows});
    check_shape(dtype, 40, 1984 / unit * unit, {1, 7});
  }
  for (const dyn_dtype dtype : {DYN_F32, DYN_F16, DYN_BF16}) {
    check_shape(dtype, 1, 1, {1, 2, 7});
    check_shape(dtype, 65, 37, {1, 5, 13});
    check_shape(dtype, 17, 257, {1, 4});
  }
}

constexpr dyn_dtype kPartsDtypes[] = {DYN_GPTQ, DYN_GPTQ_V2, DYN_AWQ};

// Any levels and zero points, the extremes among them, in groups of every size.
template <typename Body>
void for_each_matrix_in_parts(const Body& body) {
  std::mt19937 generator(12);
  for (const dyn_dtype dtype : kPartsDtypes) {
    for (const uint32_t group_size : {32u, 64u, 128u}) {
      const test::PartsShape shape = {.num_outputs = 40,
                                      .num_inputs = group_size * 3,
                                      .group_size = group_size,
                                      .is_symmetric = false};
      const std::vector<float> w =
          random_floats(size_t{shape.num_outputs} * shape.num_inputs, 1, &generator);
      test::EncodedParts parts = test::encode_parts(w, dtype, shape);
      body(dtype, shape, parts);
      for (std::byte& byte : parts.levels) byte = static_cast<std::byte>(generator() & 255);
      for (std::byte& byte : parts.zeros) byte = static_cast<std::byte>(generator() & 255);
      body(dtype, shape, parts);
    }
  }
}

void products_of_parts_agree() {
  for_each_matrix_in_parts(
      [](dyn_dtype dtype, const test::PartsShape& shape, const test::EncodedParts& parts) {
        const PackedTensor matrix = packed_parts(parts, dtype, shape);
        for (const dyn_isa isa : present_isas()) {
          for (const uint32_t num_rows : {1u, 2u, 5u, 6u, 7u, 26u, kMaxGemmRows}) {
            check_product(isa, matrix, num_rows);
          }
        }
      });
}

void parts_come_back() {
  for_each_matrix_in_parts(
      [](dyn_dtype dtype, const test::PartsShape& shape, const test::EncodedParts& parts) {
        const PackedTensor matrix = packed_parts(parts, dtype, shape);
        const std::vector<double> expected =
            reference::dequantise(dtype, {parts.levels, parts.zeros, parts.scales},
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

void quantised_products_agree() {
  for (const dyn_quantization quantization : {DYN_QUANTIZATION_Q8, DYN_QUANTIZATION_Q4}) {
    for (const uint32_t num_inputs : {1u, 33u, 320u}) {
      std::mt19937 generator(num_inputs);
      const std::vector<float> w = random_floats(size_t{50} * num_inputs, 1, &generator);
      const PackedTensor matrix = packed(w, num_inputs, DYN_F32, quantization);
      for (const dyn_isa isa : present_isas()) {
        for (const uint32_t num_rows : {1u, 9u}) check_product(isa, matrix, num_rows);
      }
    }
  }
}

// The extremes of levels, scales and activations, all of one sign: where an instruction would
// saturate.
void nothing_saturates() {
  for (const dyn_dtype dtype : kBlockDtypes) {
    const uint32_t num_inputs = block_size_of(dtype);
    const std::byte fills[] = {std::byte{0}, std::byte{0xff}, std::byte{0x80}, std::byte{0x7f}};
    for (const std::byte fill : fills) {
      std::vector<std::byte> block(bytes_of(dtype), fill);
      const std::vector<size_t> scales = dtype == DYN_Q6_K             ? std::vector<size_t>{208}
                                         : block_size_of(dtype) == 256 ? std::vector<size_t>{0, 2}
                                                                       : std::vector<size_t>{0};
      for (const size_t at : scales) {
        block[at] = std::byte{0};
        block[at + 1] = std::byte{0x3c};  // 1 in F16
      }
      const PackedTensor matrix = packed_bytes(block, 1, num_inputs, dtype);
      for (const float value : {127.0f, -127.0f}) {
        const std::vector<float> row = row_of(matrix, 0);
        const reference::Value expected =
            reference::dot(std::vector<float>(num_inputs, value), row);
        for (const dyn_isa isa : present_isas()) {
          const GemmKernels& kernels = gemm_kernels(isa);
          const Input x(kernels, InputForm::kS8, std::vector<float>(num_inputs, value), num_inputs);
          float y[kPanelWidth];
          kernels.product(matrix.family())({.weights = matrix.panel(0), .num_inputs = num_inputs},
                                           x.get().rows(0), 1, y, kPanelWidth);
          CHECK(std::abs(y[0] - expected.value) <= 1e-6 * expected.magnitude);
        }
      }
    }
  }
}

void input_forms_are_near() {
  std::mt19937 generator(8);
  for (const dyn_isa isa : present_isas()) {
    const GemmKernels& kernels = gemm_kernels(isa);
    for (const uint32_t num_inputs : {1u, 31u, 32u, 100u}) {
      for (const float scale : {1e-6f, 1.0f, 300.0f}) {
        const std::vector<float> x = random_floats(num_inputs, scale, &generator);
        for (const InputForm form :
             {InputForm::kF32, kernels.form(Family::kBf16), InputForm::kS8}) {
          const Input input(kernels, form, x, num_inputs);
          for (size_t k = 0; k < num_inputs; ++k) {
            const double error = std::abs(double{input.value(0, k)} - x[k]);
            if (form == InputForm::kF32) CHECK(error == 0);
            if (form == InputForm::kBf16) CHECK(error <= tolerance::kBf16Input * std::abs(x[k]));
            if (form == InputForm::kS8) CHECK(error <= tolerance::kS8Input * scale);
          }
        }
      }
    }
    const Input zeros(kernels, InputForm::kS8, std::vector<float>(40), 40);
    for (size_t k = 0; k < 40; ++k) CHECK(zeros.value(0, k) == 0);
  }
}

void eight_bits_make_no_number_of_nan() {
  for (const dyn_isa isa : present_isas()) {
    for (size_t at = 0; at < 64; ++at) {
      std::vector<float> x(64, 1.0f);
      x[at] = std::numeric_limits<float>::quiet_NaN();
      const Input input(gemm_kernels(isa), InputForm::kS8, x, 64);
      for (size_t k = 0; k < 64; ++k) CHECK(std::isnan(input.value(0, k)) == (k / 32 == at / 32));
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
      for (const size_t scale : {0u, 2u, 208u}) {
        const size_t high = at + scale + 1;
        if (high < at + bytes_of(dtype)) bytes[high] &= std::byte{0xbf};  // Below 2.
      }
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
          const bool has_minimum = dtype == DYN_Q4_K || dtype == DYN_Q5_K;
          CHECK(has_minimum ? got == static_cast<float>(expected[i]) : got == expected[i]);
        }
      }
    }
  }
}

void quantised_weights_are_near() {
  std::mt19937 generator(5);
  for (const float scale : {1e-3f, 1.0f, 100.0f}) {
    const std::vector<float> w = random_floats(size_t{33} * 70, scale, &generator);
    const PackedTensor w8 = packed(w, 70, DYN_F32, DYN_QUANTIZATION_Q8);
    const PackedTensor w4 = packed(w, 70, DYN_F32, DYN_QUANTIZATION_Q4);
    CHECK(w8.family() == Family::kW8 && w4.family() == Family::kW4);
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

void swiglu_is_that_of_the_phases() {
  std::mt19937 generator(6);
  for (const dyn_isa isa : present_isas()) {
    for (const uint32_t count : {1u, 15u, 16u, 17u, 32u}) {
      std::vector<float> gate = random_floats(count, 120, &generator);
      const std::vector<float> up = random_floats(count, 2, &generator);
      std::vector<float> expected(count);
      swiglu(gate.data(), up.data(), count, expected.data());
      gemm_kernels(isa).swiglu(gate.data(), up.data(), count, gate.data());
      CHECK(gate == expected);
    }
  }
}

}  // namespace

int main() {
  check_claim("every F16 is read exactly, and every finite one written to nearest even",
              f16_is_exact);
  check_claim("a packed matrix gives its rows back", packed_rows_come_back);
  check_claim("blocks are packed level by level and scale by scale", blocks_come_back);
  check_claim("weights quantised online are near", quantised_weights_are_near);
  check_claim("activations in every form are near", input_forms_are_near);
  check_claim("a NaN among 32 activations of 8 bits makes all of them NaN",
              eight_bits_make_no_number_of_nan);
  check_claim("GPTQ and AWQ are packed level by level, in groups of 32, 64 and 128",
              parts_come_back);
  check_claim("symmetric weights in GPTQ's and AWQ's layout are near", symmetric_parts_are_near);
  check_claim("products of GPTQ and AWQ agree with double precision", products_of_parts_agree);
  check_claim("products agree with double precision, each row as if alone", products_agree);
  check_claim("so do products of weights quantised online", quantised_products_agree);
  check_claim("the extremes of levels and activations do not saturate", nothing_saturates);
  check_claim("SwiGLU has the same bits everywhere", swiglu_is_that_of_the_phases);
  return check_finish();
}
