#include "pack/packed_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pack/dtype.h"
#include "pack/group.h"
#include "pack/k_quants.h"
#include "pack/tensor_reader.h"

namespace dyn {
namespace {

Family family_of(dyn_dtype dtype, uint32_t quantization) {
  if (dtype == DYN_Q8_0) return Family::kW8;
  if (dtype == DYN_Q4_0) return Family::kW4;
  if (dtype == DYN_Q4_K) return Family::kW4K;
  if (dtype == DYN_Q5_K) return Family::kW5K;
  if (dtype == DYN_Q6_K) return Family::kW6K;
  if (quantization == DYN_QUANTIZATION_Q8) return Family::kW8;
  if (quantization == DYN_QUANTIZATION_Q4) return Family::kW4;
  if (dtype == DYN_F32) return Family::kF32;
  return dtype == DYN_F16 ? Family::kF16 : Family::kBf16;
}

// Where input k of output n lies in a panel of single elements, or of pairs.
size_t element_index(Family family, size_t k, size_t n) {
  if (family == Family::kBf16) return (k / 2 * kPanelWidth + n) * 2 + k % 2;
  return k * kPanelWidth + n;
}

// Copies a row of K elements into a column of a panel.
template <typename Element>
void fill_column(const std::byte* row, size_t num_inputs, Family family, uint32_t output,
                 std::byte* panel) {
  for (size_t k = 0; k < num_inputs; ++k) {
    std::memcpy(panel + element_index(family, k, output) * sizeof(Element),
                row + k * sizeof(Element), sizeof(Element));
  }
}

Group group_of(Family family, dyn_dtype dtype, const std::byte* row, size_t first,
               size_t num_inputs) {
  if (dtype == DYN_Q8_0) return w8_of_q8_0(row + first / kGroupSize * sizeof(Q8_0Block));
  if (dtype == DYN_Q4_0) return w4_of_q4_0(row + first / kGroupSize * sizeof(Q4_0Block));
  float weights[kGroupSize] = {};
  const size_t count = std::min<size_t>(kGroupSize, num_inputs - first);
  for (size_t i = 0; i < count; ++i) {
    weights[i] = read_f32(dtype, row + (first + i) * bytes_of(dtype));
  }
  return family == Family::kW8 ? quantize_w8(weights) : quantize_w4(weights);
}

// Packs a row of K weights, which `dtype` encodes, into a column of a panel.
void pack_row(Family family, dyn_dtype dtype, const std::byte* row, size_t num_inputs,
              uint32_t output, std::byte* panel) {
  if (family == Family::kF32) return fill_column<uint32_t>(row, num_inputs, family, output, panel);
  if (!is_levels(family)) return fill_column<uint16_t>(row, num_inputs, family, output, panel);
  with_block(family, [&]<typename Block>(std::type_identity<Block>) {
    auto* blocks = reinterpret_cast<Block*>(panel);
    for (size_t first = 0; first < num_inputs; first += kBlockInputs<Block>, ++blocks) {
      if constexpr (Block::kNumGroups == 1) {
        put_group(group_of(family, dtype, row, first, num_inputs), output, blocks);
      } else {
        put_block(row + row_bytes_of(dtype, first), output, blocks);
      }
    }
  });
}

}  // namespace

Status PackedMatrix::load(const dyn_tensor& tensor, const std::string& name, uint32_t quantization,
                          PackedMatrix* matrix) {
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  matrix->family_ = family_of(dtype, quantization);
  matrix->num_outputs_ = static_cast<uint32_t>(tensor.shape[0]);
  matrix->num_inputs_ = static_cast<uint32_t>(tensor.shape[1]);
  matrix->num_panels_ = ceil_div(matrix->num_outputs_, kPanelWidth);

  const uint64_t bytes_per_panel = panel_bytes(matrix->family_, matrix->num_inputs_);
  RETURN_IF_ERROR(
      Mapping::create(matrix->num_panels_ * bytes_per_panel, name.c_str(), &matrix->elements_));
  matrix->elements_.use_huge_pages();

  const uint64_t row_bytes = row_bytes_of(dtype, tensor.shape[1]);
  std::vector<std::byte> rows(row_bytes * kPanelWidth);
  for (uint32_t index = 0; index < matrix->num_panels_; ++index) {
    const uint32_t first_row = index * kPanelWidth;
    const uint32_t num_rows = std::min(kPanelWidth, matrix->num_outputs_ - first_row);
    RETURN_IF_ERROR(
        read_tensor(tensor, name, first_row * row_bytes, num_rows * row_bytes, rows.data()));
    std::byte* panel = matrix->elements_.data() + index * bytes_per_panel;
    for (uint32_t row = 0; row < num_rows; ++row) {
      pack_row(matrix->family_, dtype, &rows[row * row_bytes], matrix->num_inputs_, row, panel);
    }
  }
  return {};
}

void PackedMatrix::read_row(uint32_t output, float* row) const {
  const std::byte* from = panel(output / kPanelWidth);
  const uint32_t column = output % kPanelWidth;
  if (is_levels(family_)) {
    with_block(family_, [&]<typename Block>(std::type_identity<Block>) {
      const auto* blocks = reinterpret_cast<const Block*>(from);
      for (uint32_t k = 0; k < num_inputs_; ++k) {
        row[k] = weight_of(blocks[k / kBlockInputs<Block>], k % kBlockInputs<Block>, column);
      }
    });
    return;
  }
  for (uint32_t k = 0; k < num_inputs_; ++k) {
    const size_t at = element_index(family_, k, column);
    if (family_ == Family::kF32) {
      row[k] = reinterpret_cast<const float*>(from)[at];
    } else {
      const uint16_t half = reinterpret_cast<const uint16_t*>(from)[at];
      row[k] = family_ == Family::kF16 ? f32_of_f16(half) : f32_of_bf16(half);
    }
  }
}

}  // namespace dyn
