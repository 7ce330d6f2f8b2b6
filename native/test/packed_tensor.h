// A packed matrix that owns its panels, for tests and benchmarks of single products.

#pragma once

#include <cstdint>
#include <vector>

#include "base/mapping.h"
#include "pack/packed_matrix.h"

namespace dyn::test {

struct PackedTensor : PackedMatrix {
  Mapping panels;
};

inline Status pack_tensor(const MatrixSource& source, uint32_t quantization, PackedTensor* packed) {
  static_cast<PackedMatrix&>(*packed) = PackedMatrix::of(source, quantization);
  RETURN_IF_ERROR(Mapping::create(packed->num_bytes(), "w", &packed->panels));
  packed->panels.use_huge_pages();
  packed->place(packed->panels.data());
  std::vector<std::byte> rows;
  for (uint32_t item = 0; item < packed->num_items(); ++item) {
    std::byte* to = packed->panels.data() + item * packed->bytes_per_item();
    RETURN_IF_ERROR(packed->pack_item(source, "w", item, &rows, to));
  }
  return {};
}

}  // namespace dyn::test
