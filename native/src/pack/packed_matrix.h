// PackedMatrix: a weight matrix as the GEMM reads it, in one of the formats of pack/packed_format.h. It
// describes memory that belongs to others: the model's image (pack/weight_image.h).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pack/matrix_source.h"
#include "pack/packed_format.h"

namespace dyn {

class PackedMatrix {
 public:
  // The packed form of an [N, K] matrix: what is stored, but floats as `quantization`
  // (dyn_quantization) says where that is not DYN_QUANTIZATION_NONE.
  static PackedMatrix of(const MatrixSource& source, uint32_t quantization);

  // Sets the place of its panels: num_bytes() that are zero before they are packed.
  void place(const std::byte* panels) { panels_ = panels; }

  // Packing is cut into items, to be shared among threads: a panel each, where the rows of a panel
  // lie together in the file, else one for all.
  uint32_t num_items() const { return is_packed_whole_ ? 1 : num_panels_; }
  uint64_t bytes_per_item() const { return num_bytes() / num_items(); }

  // Reads an item of the source that the matrix is `of`, and packs it into `to`, where the item's
  // bytes_per_item() are zero. `rows` is scratch.
  Status pack_item(const MatrixSource& source, const std::string& name, uint32_t index,
                   std::vector<std::byte>* rows, std::byte* to) const;

  PackedFormat format() const { return format_; }
  uint32_t num_outputs() const { return num_outputs_; }
  uint32_t num_inputs() const { return num_inputs_; }
  uint32_t num_panels() const { return num_panels_; }
  uint64_t bytes_per_panel() const { return panel_bytes(format_, num_inputs_); }
  uint64_t num_bytes() const { return num_panels_ * bytes_per_panel(); }

  // The panel's weights, as format() lays them out.
  const std::byte* panel(uint32_t index) const { return panels_ + index * bytes_per_panel(); }

  // Row `output` of the matrix as F32. For embeddings.
  void read_row(uint32_t output, float* row /* [K] */) const;

 private:
  Status pack_panel(const dyn_tensor& tensor, const std::string& name, uint32_t index,
                    std::vector<std::byte>* rows, std::byte* to) const;
  Status pack_planes(const MatrixSource& source, const std::string& name, uint32_t index,
                     std::vector<std::byte>* rows, std::byte* to) const;
  Status pack_parts(const MatrixSource& source, const std::string& name, std::byte* to) const;

  const std::byte* panels_ = nullptr;  // [num_panels, bytes_per_panel]
  PackedFormat format_ = PackedFormat::kF32;
  uint32_t num_outputs_ = 0;
  uint32_t num_inputs_ = 0;
  uint32_t num_panels_ = 0;
  bool is_packed_whole_ = false;
};

}  // namespace dyn
