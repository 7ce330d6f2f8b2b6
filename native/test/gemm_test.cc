// The matrix product, for every format and every instruction set that this CPU has: against double
// precision over ragged, odd and large shapes, and each row's bits against the same row alone.

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
#include "cpu/rowwise/rowwise.h"
#include "pack/dtype.h"
#include "packed_matrices.h"
#include "reference.h"
#include "tolerances.h"

namespace {

using namespace dyn;
using namespace dyn::test;

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

void check_product(dyn_isa isa, const PackedMatrix& matrix, uint32_t num_rows) {
  if (!check_is_due()) return;
  const uint32_t num_inputs = matrix.num_inputs();
  std::mt19937 generator(num_inputs * 7 + num_rows);
  const GemmKernels& kernels = gemm_kernels(isa);
  const Input x(kernels, kernels.form(matrix.format()),
                random_floats(size_t{num_rows} * num_inputs, 1, &generator), num_inputs);
  const auto product = kernels.product(matrix.format());
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
    for (const uint32_t num_inputs : {576u, 896u, 1024u}) {
      if (num_inputs % unit == 0) check_shape(dtype, 33, num_inputs, {1, 5});
    }
  }
  for (const dyn_dtype dtype : {DYN_F32, DYN_F16, DYN_BF16}) {
    check_shape(dtype, 1, 1, {1, 2, 7});
    check_shape(dtype, 65, 37, {1, 5, 13});
    check_shape(dtype, 17, 257, {1, 4});
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

// The extremes of quants, scales and activations, all of one sign: where an instruction would
// saturate.
void nothing_saturates() {
  for (const dyn_dtype dtype : kBlockDtypes) {
    const uint32_t num_inputs = block_size_of(dtype);
    const std::byte fills[] = {std::byte{0}, std::byte{0xff}, std::byte{0x80}, std::byte{0x7f}};
    for (const std::byte fill : fills) {
      std::vector<std::byte> block(bytes_of(dtype), fill);
      for (const size_t at : f16_places(dtype)) {
        block[at] = std::byte{0};
        block[at + 1] = std::byte{0x3c};  // 1 in F16
      }
      if (dtype == DYN_MXFP4) block[0] = std::byte{127};  // 1
      const PackedTensor matrix = packed_bytes(block, 1, num_inputs, dtype);
      for (const float value : {127.0f, -127.0f}) {
        const std::vector<float> row = row_of(matrix, 0);
        const reference::Value expected =
            reference::dot(std::vector<float>(num_inputs, value), row);
        for (const dyn_isa isa : present_isas()) {
          const GemmKernels& kernels = gemm_kernels(isa);
          const Input x(kernels, InputForm::kS8, std::vector<float>(num_inputs, value), num_inputs);
          float y[kPanelWidth];
          kernels.product(matrix.format())({.weights = matrix.panel(0), .num_inputs = num_inputs},
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
             {InputForm::kF32, kernels.form(PackedFormat::kBf16), InputForm::kS8}) {
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

void gates_are_the_rowwise_ones() {
  std::mt19937 generator(6);
  for (const dyn_isa isa : present_isas()) {
    for (const uint32_t count : {1u, 15u, 16u, 17u, 32u}) {
      std::vector<float> gate = random_floats(count, 120, &generator);
      const std::vector<float> up = random_floats(count, 2, &generator);
      std::vector<float> expected(count);
      swiglu(gate.data(), up.data(), count, expected.data());
      std::vector<float> y(count);
      gemm_kernels(isa).swiglu(gate.data(), up.data(), count, y.data());
      CHECK(y == expected);
      geglu(gate.data(), up.data(), count, expected.data());
      gemm_kernels(isa).geglu(gate.data(), up.data(), count, gate.data());
      CHECK(gate == expected);
    }
  }
}

}  // namespace

int main() {
  check_claim("activations in every form are near", input_forms_are_near);
  check_claim("a NaN among 32 activations of 8 bits makes all of them NaN",
              eight_bits_make_no_number_of_nan);
  check_claim("products of GPTQ and AWQ agree with double precision", products_of_parts_agree);
  check_claim("products agree with double precision, each row as if alone", products_agree);
  check_claim("so do products of weights quantised online", quantised_products_agree);
  check_claim("the extremes of quants and activations do not saturate", nothing_saturates);
  check_claim("SwiGLU and GeGLU have the same bits everywhere", gates_are_the_rowwise_ones);
  return check_finish();
}
