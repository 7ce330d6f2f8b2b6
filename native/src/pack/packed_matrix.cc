#include "pack/packed_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/checked.h"
#include "pack/dtype.h"
#include "pack/tensor_reader.h"

namespace dyn {
namespace {

// Copies `num_rows` rows of K elements into the columns of a panel.
template <typename Element>
void fill_panel(const std::byte* rows, uint32_t num_rows, size_t num_inputs, std::byte* panel) {
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t k = 0; k < num_inputs; ++k) {
      std::memcpy(panel + (k * kPanelWidth + row) * sizeof(Element),
                  rows + (row * num_inputs + k) * sizeof(Element), sizeof(Element));
    }
  }
}

}  // namespace

Status PackedMatrix::load(const dyn_tensor& tensor, const std::string& name, PackedMatrix* matrix) {
  matrix->dtype_ = static_cast<dyn_dtype>(tensor.dtype);
  matrix->num_outputs_ = static_cast<uint32_t>(tensor.shape[0]);
  matrix->num_inputs_ = static_cast<uint32_t>(tensor.shape[1]);
  matrix->num_panels_ = ceil_div(matrix->num_outputs_, kPanelWidth);

  const uint64_t row_bytes = tensor.shape[1] * bytes_of(matrix->dtype_);
  const uint64_t panel_bytes = row_bytes * kPanelWidth;
  RETURN_IF_ERROR(
      Mapping::create(matrix->num_panels_ * panel_bytes, name.c_str(), &matrix->elements_));

  std::vector<std::byte> rows(panel_bytes);
  for (uint32_t index = 0; index < matrix->num_panels_; ++index) {
    const uint32_t first_row = index * kPanelWidth;
    const uint32_t num_rows = std::min(kPanelWidth, matrix->num_outputs_ - first_row);
    RETURN_IF_ERROR(
        read_tensor(tensor, name, first_row * row_bytes, num_rows * row_bytes, rows.data()));
    std::byte* panel = matrix->elements_.data() + index * panel_bytes;
    if (matrix->dtype_ == DYN_F32) {
      fill_panel<uint32_t>(rows.data(), num_rows, matrix->num_inputs_, panel);
    } else {
      fill_panel<uint16_t>(rows.data(), num_rows, matrix->num_inputs_, panel);
    }
  }
  return {};
}

const std::byte* PackedMatrix::panel(uint32_t index) const {
  const size_t panel_elements = size_t{num_inputs_} * kPanelWidth;
  return elements_.data() + index * panel_elements * bytes_of(dtype_);
}

void PackedMatrix::read_row(uint32_t output, float* row) const {
  const std::byte* column =
      panel(output / kPanelWidth) + size_t{output % kPanelWidth} * bytes_of(dtype_);
  const size_t stride = size_t{kPanelWidth} * bytes_of(dtype_);
  for (size_t k = 0; k < num_inputs_; ++k) row[k] = read_f32(dtype_, column + k * stride);
}

}  // namespace dyn
