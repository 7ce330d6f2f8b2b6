// GroupedMatrix: a weight [N, K] as GPTQ and AWQ store it, read into memory: a panel's weights are
// scattered over the whole file.
//
//     weight(n, k) = scale(g, n) * (quant(n, k) - zero(g, n)), g = k / group_size
//
// Layouts: dyn_part in dynamo_engine.h. GPTQ: QuantLinear of AutoGPTQ; AWQ: packing_utils.py of
// AutoAWQ.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pack/matrix_source.h"
#include "pack/packed_format.h"

namespace dyn {

class GroupedMatrix {
 public:
  // `source` was checked against the config (TensorTable).
  static Status read(const MatrixSource& source, const std::string& name, GroupedMatrix* matrix);

  // Inputs that share a scale.
  uint32_t group_size() const { return group_size_; }

  // Sets scales, zeros and quants of one column of a block: of this output, from this input on,
  // which begins a group.
  template <uint32_t kSize>
  void put(uint32_t output, uint32_t first_input, uint32_t column, ZeroPointBlock<kSize>* to) const;

 private:
  uint32_t word(const std::vector<std::byte>& words, size_t index) const;
  void read_quants(uint32_t output, uint32_t first_input, uint8_t* quants /* [32] */) const;
  uint32_t zero(uint32_t group, uint32_t output) const;

  std::vector<std::byte> quants_;  // Words of 8 quants: GPTQ [K / 8][N], AWQ [K][N / 8]
  std::vector<std::byte> zeros_;   // Words: [G][N / 8]
  std::vector<uint16_t> scales_;   // [G][N], F16
  uint32_t num_outputs_ = 0;
  uint32_t group_size_ = 0;
  uint32_t zero_offset_ = 0;  // Added to a zero point as it is stored.
  bool packs_outputs_ = false;
};

template <uint32_t kSize>
float weight_of(const ZeroPointBlock<kSize>& block, uint32_t input, uint32_t output);

}  // namespace dyn
