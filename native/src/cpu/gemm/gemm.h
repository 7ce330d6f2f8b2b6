// The one matrix product of the decoder: rows of activations times one panel of weights.
//
//     y[m, n] = sum over k of x[m, k] * w[n, k]
//
// Letters: M rows, K inputs, 32 outputs of a panel.
//
// Each format of weights takes the rows in one form: F32; BF16, for BF16 weights where the
// instruction set multiplies those; or S8, quantised per 32 inputs, for quants, where the
// sum of 32 products is an integer, exact in any order:
//
//     y[m, n] = sum over groups g of
//                   (x_scale[m, g] * w_scale[g, n]) * sum over k in g of (x8 * quant)
//                   - sum over k in g of (x * w_minimum[g, n])
//
// An offset that is the same for all quants of a format is taken off the integer, which starts as
// minus the offset times the sum of x8. A group whose halves have a scale each is summed half by
// half.
//
// Each y is one sum in the order of k (or of g), whatever M is and wherever the row lies in it, so
// a row's bits do not depend on its neighbours. They do depend on the instruction set.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dynamo_engine.h"
#include "pack/packed_format.h"

namespace dyn {

// Most rows in one call. A multiple of every kernel's tile.
inline constexpr uint32_t kMaxGemmRows = 96;

enum class InputForm : uint32_t { kF32, kBf16, kS8 };
inline constexpr uint32_t kNumInputForms = 3;

// M rows of activations, in each form that there is need for. K is filled up with zeros to a
// multiple of 32. Rows are an odd multiple of 64 elements apart, so that no two rows of a tile
// contend for the same lines of a cache.
struct InputRows {
  float* f32;               // [M, stride]
  uint16_t* bf16;           // [M, stride]
  int8_t* s8;               // [M, stride]
  float* scales;            // [M, stride / 32]  x = scale * s8
  int32_t* negated_sums;    // [M, stride / 32]  Minus the sum of a group's s8,
  int32_t* negated_halves;  // [M, stride / 16]  of each half of it,
  float* negated_totals;    // [M, stride / 32]  and minus the sum of a group's x.
  size_t stride;
};

// Groups of S8 to write: the above, from some group on.
struct S8Groups {
  int8_t* s8;
  float* scales;
  int32_t* negated_sums;
  int32_t* negated_halves;
  float* negated_totals;

  // Sets what is known of group g by the sums of its halves.
  void set(size_t g, float scale, int32_t first_sum, int32_t second_sum) const {
    scales[g] = scale;
    negated_sums[g] = -(first_sum + second_sum);
    negated_halves[2 * g] = -first_sum;
    negated_halves[2 * g + 1] = -second_sum;
    negated_totals[g] = scale * static_cast<float>(negated_sums[g]);
  }
};

struct Panel {
  const std::byte* weights;  // As the format lays them out.
  uint32_t num_inputs;       // K
};

using Product = void (*)(const Panel& panel, const InputRows& x, uint32_t num_rows,
                         float* y /* [M, 32 of y_stride] */, size_t y_stride);

// The products of formats that have quants, by PackedFormat from kW8 on.
inline constexpr auto kFirstQuants = static_cast<uint32_t>(PackedFormat::kW8);
using QuantProducts = std::array<Product, kNumPackedFormats - kFirstQuants>;

// The product of each format: what product_of<Block>() gives for its block.
template <typename ProductOf>
constexpr QuantProducts quant_products(const ProductOf& product_of) {
  QuantProducts products = {};
  for (uint32_t i = 0; i < products.size(); ++i) {
    products[i] = with_block(static_cast<PackedFormat>(kFirstQuants + i),
                             [&]<typename Block>(std::type_identity<Block>) -> Product {
                               return product_of.template operator()<Block>();
                             });
  }
  return products;
}

using Gate = void (*)(const float* gate, const float* up, uint32_t count, float* y);

// One instruction set's kernels.
struct GemmKernels {
  InputForm bf16_form;                   // The form that the product of BF16 reads.
  Product float_products[kFirstQuants];  // F32, F16, BF16
  const QuantProducts* quant_products;

  // y = silu(gate) * up, and gelu(gate) * up; the bits of rowwise.h's swiglu and geglu.
  Gate swiglu;
  Gate geglu;

  // Fills groups [0, num_groups) of one row from num_groups * 32 floats. A group that holds a NaN
  // gets the scale NaN, so that 8 bits do not make a number of it.
  void (*to_bf16)(const float* x, size_t num_groups, uint16_t* bf16);
  void (*to_s8)(const float* x, size_t num_groups, const S8Groups& to);

  InputForm form(PackedFormat format) const {
    if (is_quants(format)) return InputForm::kS8;
    return format == PackedFormat::kBf16 ? bf16_form : InputForm::kF32;
  }
  Gate gate(dyn_activation activation) const {
    return activation == DYN_ACTIVATION_GELU_TANH ? geglu : swiglu;
  }
  Product product(PackedFormat format) const {
    const auto index = static_cast<uint32_t>(format);
    if (!is_quants(format)) return float_products[index];
    return (*quant_products)[index - kFirstQuants];
  }
};

// The kernels of `isa`, which the CPU must have.
const GemmKernels& gemm_kernels(dyn_isa isa);

}  // namespace dyn
