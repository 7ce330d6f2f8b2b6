#include "pack/packed_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pack/dtype.h"
#include "pack/group.h"
#include "pack/grouped_matrix.h"
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

template <typename Block>
void pack_groups(Family family, dyn_dtype dtype, const std::byte* row, size_t num_inputs,
                 uint32_t output, std::byte* panel) {
  auto* groups = reinterpret_cast<Block*>(panel);
  for (size_t first = 0; first < num_inputs; first += kGroupSize) {
    put_group(group_of(family, dtype, row, first, num_inputs), output, groups + first / kGroupSize);
  }
}

template <typename Block>
void pack_blocks(dyn_dtype dtype, const std::byte* row, size_t num_inputs, uint32_t output,
                 std::byte* panel) {
  auto* blocks = reinterpret_cast<Block*>(panel);
  for (size_t first = 0; first < num_inputs; first += kBlockInputs<Block>) {
    put_block(row + row_bytes_of(dtype, first), output, blocks + first / kBlockInputs<Block>);
  }
}

// Packs a row of K weights, which `dtype` encodes, into a column of a panel.
void pack_row(Family family, dyn_dtype dtype, const std::byte* row, size_t num_inputs,
              uint32_t output, std::byte* panel) {
  switch (family) {
    case Family::kF32:
      return fill_column<uint32_t>(row, num_inputs, family, output, panel);
    case Family::kW8:
      return pack_groups<W8Group>(family, dtype, row, num_inputs, output, panel);
    case Family::kW4:
      return pack_groups<W4Group>(family, dtype, row, num_inputs, output, panel);
    case Family::kW4K:
      return pack_blocks<W4KBlock>(dtype, row, num_inputs, output, panel);
    case Family::kW5K:
      return pack_blocks<W5KBlock>(dtype, row, num_inputs, output, panel);
    case Family::kW6K:
      return pack_blocks<W6KBlock>(dtype, row, num_inputs, output, panel);
    default:
      return fill_column<uint16_t>(row, num_inputs, family, output, panel);
  }
}

template <uint32_t kSize>
void pack_panel(const GroupedMatrix& from, uint32_t first_output, uint32_t num_outputs,
                uint32_t num_inputs, std::byte* panel) {
  auto* blocks = reinterpret_cast<ZeroPointBlock<kSize>*>(panel);
  for (uint32_t k = 0; k < num_inputs; k += kSize * kGroupSize, ++blocks) {
    for (uint32_t n = 0; n < num_outputs; ++n) from.put(first_output + n, k, n, blocks);
  }
}

}  // namespace

Status PackedMatrix::load(const MatrixSource& source, const std::string& name,
                          uint32_t quantization, PackedMatrix* matrix) {
  const dyn_tensor& whole = *source.whole;
  if (is_in_parts(whole.dtype)) return matrix->load_parts(source, name);
  const Family family = family_of(static_cast<dyn_dtype>(whole.dtype), quantization);
  RETURN_IF_ERROR(matrix->reserve(whole, family, name));
  return matrix->load_rows(whole, name);
}

Status PackedMatrix::reserve(const dyn_tensor& whole, Family family, const std::string& name) {
  family_ = family;
  num_outputs_ = static_cast<uint32_t>(whole.shape[0]);
  num_inputs_ = static_cast<uint32_t>(whole.shape[1]);
  num_panels_ = ceil_div(num_outputs_, kPanelWidth);
  const uint64_t num_bytes = num_panels_ * panel_bytes(family, num_inputs_);
  RETURN_IF_ERROR(Mapping::create(num_bytes, name.c_str(), &elements_));
  elements_.use_huge_pages();
  return {};
}

Status PackedMatrix::load_rows(const dyn_tensor& tensor, const std::string& name) {
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  const uint64_t row_bytes = row_bytes_of(dtype, num_inputs_);
  std::vector<std::byte> rows(row_bytes * kPanelWidth);
  for (uint32_t index = 0; index < num_panels_; ++index) {
    const uint32_t first_row = index * kPanelWidth;
    const uint32_t num_rows = std::min(kPanelWidth, num_outputs_ - first_row);
    RETURN_IF_ERROR(
        read_tensor(tensor, name, first_row * row_bytes, num_rows * row_bytes, rows.data()));
    for (uint32_t row = 0; row < num_rows; ++row) {
      pack_row(family_, dtype, &rows[row * row_bytes], num_inputs_, row, writable_panel(index));
    }
  }
  return {};
}

Status PackedMatrix::load_parts(const MatrixSource& source, const std::string& name) {
  GroupedMatrix from;
  RETURN_IF_ERROR(GroupedMatrix::read(source, name, &from));
  const Family family = from.group_size() == 32   ? Family::kW4Z32
                        : from.group_size() == 64 ? Family::kW4Z64
                                                  : Family::kW4Z128;
  RETURN_IF_ERROR(reserve(*source.whole, family, name));
  for (uint32_t index = 0; index < num_panels_; ++index) {
    const uint32_t first = index * kPanelWidth;
    const uint32_t count = std::min(kPanelWidth, num_outputs_ - first);
    if (family == Family::kW4Z32) {
      pack_panel<1>(from, first, count, num_inputs_, writable_panel(index));
    } else if (family == Family::kW4Z64) {
      pack_panel<2>(from, first, count, num_inputs_, writable_panel(index));
    } else {
      pack_panel<4>(from, first, count, num_inputs_, writable_panel(index));
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
