#include "pack/packed_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pack/dtype.h"
#include "pack/group.h"
#include "pack/grouped_matrix.h"
#include "pack/k_quants.h"
#include "pack/small_blocks.h"
#include "pack/tensor_reader.h"

namespace dyn {
namespace {

PackedFormat format_of_floats(dyn_dtype dtype, uint32_t quantization) {
  if (quantization == DYN_QUANTIZATION_Q8) return PackedFormat::kW8;
  if (quantization == DYN_QUANTIZATION_Q4) return PackedFormat::kW4;
  if (dtype == DYN_F32) return PackedFormat::kF32;
  return dtype == DYN_F16 ? PackedFormat::kF16 : PackedFormat::kBf16;
}

PackedFormat format_of(const MatrixSource& source, uint32_t quantization) {
  const auto dtype = static_cast<dyn_dtype>(source.whole->dtype);
  if (is_in_parts(dtype)) {
    const uint64_t group_size = source.whole->shape[1] / source.scales->shape[0];
    if (group_size % 128 == 0) return PackedFormat::kW4Z128;
    return group_size % 64 == 0 ? PackedFormat::kW4Z64 : PackedFormat::kW4Z32;
  }
  switch (dtype) {
    case DYN_Q8_0:
      return PackedFormat::kW8;
    case DYN_Q4_0:
      return PackedFormat::kW4;
    case DYN_Q4_1:
      return PackedFormat::kW4M;
    case DYN_Q5_0:
      return PackedFormat::kW5;
    case DYN_Q5_1:
      return PackedFormat::kW5M;
    case DYN_IQ4_NL:
      return PackedFormat::kW4N;
    case DYN_MXFP4:
    case DYN_MXFP4_PLANES:
      return PackedFormat::kW4E;
    case DYN_Q2_K:
      return PackedFormat::kW2K;
    case DYN_Q3_K:
      return PackedFormat::kW3K;
    case DYN_Q4_K:
      return PackedFormat::kW4K;
    case DYN_Q5_K:
      return PackedFormat::kW5K;
    case DYN_Q6_K:
      return PackedFormat::kW6K;
    case DYN_IQ4_XS:
      return PackedFormat::kW4X;
    default:
      return format_of_floats(dtype, quantization);
  }
}

// Place of input k of output n in a panel of single elements, or of pairs.
size_t element_index(PackedFormat format, size_t k, size_t n) {
  if (format == PackedFormat::kBf16) return (k / 2 * kPanelWidth + n) * 2 + k % 2;
  return k * kPanelWidth + n;
}

// Lays the rows of a panel [32, count] out as columns [count][32]. A block of rows that fits in the
// first cache at a time.
template <typename Element>
void fill_columns(const std::byte* rows, size_t row_bytes, uint32_t num_rows, size_t count,
                  std::byte* panel) {
  constexpr size_t kBlock = 64 / sizeof(Element);
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t end = std::min(count, first + kBlock);
    for (uint32_t n = 0; n < num_rows; ++n) {
      const std::byte* row = rows + n * row_bytes;
      for (size_t k = first; k < end; ++k) {
        std::memcpy(panel + (k * kPanelWidth + n) * sizeof(Element), row + k * sizeof(Element),
                    sizeof(Element));
      }
    }
  }
}

// Pairs of BF16 are elements of 32 bits. The last input of an odd number has no twin.
void fill_pairs(const std::byte* rows, size_t row_bytes, uint32_t num_rows, size_t num_inputs,
                std::byte* panel) {
  fill_columns<uint32_t>(rows, row_bytes, num_rows, num_inputs / 2, panel);
  if (num_inputs % 2 == 0) return;
  for (uint32_t n = 0; n < num_rows; ++n) {
    std::memcpy(panel + element_index(PackedFormat::kBf16, num_inputs - 1, n) * sizeof(uint16_t),
                rows + n * row_bytes + (num_inputs - 1) * sizeof(uint16_t), sizeof(uint16_t));
  }
}

Group group_of(PackedFormat format, dyn_dtype dtype, const std::byte* row, size_t first,
               size_t num_inputs) {
  if (dtype == DYN_Q8_0) return w8_of_q8_0(row + first / kGroupSize * sizeof(Q8_0Block));
  if (dtype == DYN_Q4_0) return w4_of_q4_0(row + first / kGroupSize * sizeof(Q4_0Block));
  float weights[kGroupSize] = {};
  const size_t count = std::min<size_t>(kGroupSize, num_inputs - first);
  for (size_t i = 0; i < count; ++i) {
    weights[i] = read_f32(dtype, row + (first + i) * bytes_of(dtype));
  }
  return format == PackedFormat::kW8 ? quantize_w8(weights) : quantize_w4(weights);
}

template <typename Block>
void pack_groups(PackedFormat format, dyn_dtype dtype, const std::byte* row, size_t num_inputs,
                 uint32_t output, std::byte* panel) {
  auto* groups = reinterpret_cast<Block*>(panel);
  for (size_t first = 0; first < num_inputs; first += kGroupSize) {
    put_group(group_of(format, dtype, row, first, num_inputs), output, groups + first / kGroupSize);
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

// A block of MXFP4 has half of the inputs of a W4EBlock.
void pack_halves(const std::byte* row, size_t num_inputs, uint32_t output, std::byte* panel) {
  auto* blocks = reinterpret_cast<W4EBlock*>(panel);
  for (uint32_t g = 0; g < num_inputs / kGroupSize; ++g) {
    put_block(row + g * sizeof(MXFP4Block), output, g % W4EBlock::kNumGroups,
              blocks + g / W4EBlock::kNumGroups);
  }
}

// The row of MXFP4 blocks that a row of quants and one of exponents are, in the order of GGUF.
void join_planes(const std::byte* quants, const std::byte* exponents, size_t num_inputs,
                 std::byte* row) {
  for (size_t g = 0; g < num_inputs / kGroupSize; ++g) {
    MXFP4Block block;
    block.exponent = static_cast<uint8_t>(exponents[g]);
    const auto quant = [&](size_t i) {
      const auto two = static_cast<uint32_t>(quants[g * kGroupSize / 2 + i / 2]);
      return i % 2 == 0 ? two & 15 : two >> 4;
    };
    for (size_t i = 0; i < kGroupSize / 2; ++i) {
      block.quants[i] = static_cast<uint8_t>(quant(i) | quant(i + kGroupSize / 2) << 4);
    }
    std::memcpy(row + g * sizeof(block), &block, sizeof(block));
  }
}

uint64_t stride_of(const dyn_tensor& tensor, uint64_t row_bytes) {
  return tensor.row_stride == 0 ? row_bytes : tensor.row_stride;
}

// Packs a row of K weights, which `dtype` encodes, into a column of a panel of quants.
void pack_quants(PackedFormat format, dyn_dtype dtype, const std::byte* row, size_t num_inputs,
                 uint32_t output, std::byte* panel) {
  switch (format) {
    case PackedFormat::kW8:
      return pack_groups<W8Group>(format, dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4:
      return pack_groups<W4Group>(format, dtype, row, num_inputs, output, panel);
    case PackedFormat::kW5:
      return pack_blocks<W5Group>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4M:
      return pack_blocks<W4MGroup>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW5M:
      return pack_blocks<W5MGroup>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4N:
      return pack_blocks<W4NGroup>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW2K:
      return pack_blocks<W2KBlock>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW3K:
      return pack_blocks<W3KBlock>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4X:
      return pack_blocks<W4XBlock>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4K:
      return pack_blocks<W4KBlock>(dtype, row, num_inputs, output, panel);
    case PackedFormat::kW4E:
      return pack_halves(row, num_inputs, output, panel);
    case PackedFormat::kW5K:
      return pack_blocks<W5KBlock>(dtype, row, num_inputs, output, panel);
    default:
      return pack_blocks<W6KBlock>(dtype, row, num_inputs, output, panel);
  }
}

template <uint32_t kSize>
void pack_grouped(const GroupedMatrix& from, uint32_t first_output, uint32_t num_outputs,
                  uint32_t num_inputs, std::byte* panel) {
  auto* blocks = reinterpret_cast<ZeroPointBlock<kSize>*>(panel);
  for (uint32_t k = 0; k < num_inputs; k += kSize * kGroupSize, ++blocks) {
    for (uint32_t n = 0; n < num_outputs; ++n) from.put(first_output + n, k, n, blocks);
  }
}

}  // namespace

PackedMatrix PackedMatrix::of(const MatrixSource& source, uint32_t quantization) {
  PackedMatrix matrix;
  matrix.format_ = format_of(source, quantization);
  matrix.is_packed_whole_ = is_in_parts(source.whole->dtype);
  matrix.num_outputs_ = static_cast<uint32_t>(source.whole->shape[0]);
  matrix.num_inputs_ = static_cast<uint32_t>(source.whole->shape[1]);
  matrix.num_panels_ = ceil_div(matrix.num_outputs_, kPanelWidth);
  return matrix;
}

Status PackedMatrix::pack_item(const MatrixSource& source, const std::string& name, uint32_t index,
                               std::vector<std::byte>* rows, std::byte* to) const {
  if (is_packed_whole_) return pack_parts(source, name, to);
  if (source.whole->dtype == DYN_MXFP4_PLANES) return pack_planes(source, name, index, rows, to);
  return pack_panel(*source.whole, name, index, rows, to);
}

Status PackedMatrix::pack_panel(const dyn_tensor& tensor, const std::string& name, uint32_t index,
                                std::vector<std::byte>* rows, std::byte* to) const {
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  const uint64_t row_bytes = row_bytes_of(dtype, num_inputs_);
  const uint64_t stride = stride_of(tensor, row_bytes);
  const uint32_t first_row = index * kPanelWidth;
  const uint32_t num_rows = std::min(kPanelWidth, num_outputs_ - first_row);
  rows->resize(std::max(rows->size(), size_t{kPanelWidth} * stride));
  const std::byte* from = rows->data();
  RETURN_IF_ERROR(read_tensor(tensor, name, first_row * stride, (num_rows - 1) * stride + row_bytes,
                              rows->data()));
  switch (format_) {
    case PackedFormat::kF32:
      fill_columns<uint32_t>(from, stride, num_rows, num_inputs_, to);
      break;
    case PackedFormat::kF16:
      fill_columns<uint16_t>(from, stride, num_rows, num_inputs_, to);
      break;
    case PackedFormat::kBf16:
      fill_pairs(from, stride, num_rows, num_inputs_, to);
      break;
    default:
      for (uint32_t row = 0; row < num_rows; ++row) {
        pack_quants(format_, dtype, from + row * stride, num_inputs_, row, to);
      }
  }
  return {};
}

Status PackedMatrix::pack_planes(const MatrixSource& source, const std::string& name,
                                 uint32_t index, std::vector<std::byte>* rows,
                                 std::byte* to) const {
  const uint64_t quant_bytes = row_bytes_of(DYN_MXFP4_PLANES, num_inputs_);
  const uint64_t exponent_bytes = num_inputs_ / kGroupSize;
  const uint64_t quant_stride = stride_of(*source.whole, quant_bytes);
  const uint64_t exponent_stride = stride_of(*source.scales, exponent_bytes);
  const uint32_t first_row = index * kPanelWidth;
  const uint32_t num_rows = std::min(kPanelWidth, num_outputs_ - first_row);
  const uint64_t exponents_at = kPanelWidth * quant_stride;
  const uint64_t row_at = exponents_at + kPanelWidth * exponent_stride;
  rows->resize(std::max(rows->size(), row_at + row_bytes_of(DYN_MXFP4, num_inputs_)));
  std::byte* const scratch = rows->data();
  RETURN_IF_ERROR(read_tensor(*source.whole, name, first_row * quant_stride,
                              (num_rows - 1) * quant_stride + quant_bytes, scratch));
  RETURN_IF_ERROR(read_tensor(*source.scales, name + " scales", first_row * exponent_stride,
                              (num_rows - 1) * exponent_stride + exponent_bytes,
                              scratch + exponents_at));
  for (uint32_t row = 0; row < num_rows; ++row) {
    join_planes(scratch + row * quant_stride, scratch + exponents_at + row * exponent_stride,
                num_inputs_, scratch + row_at);
    pack_halves(scratch + row_at, num_inputs_, row, to);
  }
  return {};
}

Status PackedMatrix::pack_parts(const MatrixSource& source, const std::string& name,
                                std::byte* to) const {
  GroupedMatrix from;
  RETURN_IF_ERROR(GroupedMatrix::read(source, name, &from));
  for (uint32_t index = 0; index < num_panels_; ++index) {
    const uint32_t first = index * kPanelWidth;
    const uint32_t count = std::min(kPanelWidth, num_outputs_ - first);
    std::byte* panel = to + index * bytes_per_panel();
    if (format_ == PackedFormat::kW4Z32) {
      pack_grouped<1>(from, first, count, num_inputs_, panel);
    } else if (format_ == PackedFormat::kW4Z64) {
      pack_grouped<2>(from, first, count, num_inputs_, panel);
    } else {
      pack_grouped<4>(from, first, count, num_inputs_, panel);
    }
  }
  return {};
}

void PackedMatrix::read_row(uint32_t output, float* row) const {
  const std::byte* from = panel(output / kPanelWidth);
  const uint32_t column = output % kPanelWidth;
  if (is_quants(format_)) {
    with_block(format_, [&]<typename Block>(std::type_identity<Block>) {
      const auto* blocks = reinterpret_cast<const Block*>(from);
      for (uint32_t k = 0; k < num_inputs_; ++k) {
        row[k] = weight_of(blocks[k / kBlockInputs<Block>], k % kBlockInputs<Block>, column);
      }
    });
    return;
  }
  for (uint32_t k = 0; k < num_inputs_; ++k) {
    const size_t at = element_index(format_, k, column);
    if (format_ == PackedFormat::kF32) {
      row[k] = reinterpret_cast<const float*>(from)[at];
    } else {
      const uint16_t half = reinterpret_cast<const uint16_t*>(from)[at];
      row[k] = format_ == PackedFormat::kF16 ? f32_of_f16(half) : f32_of_bf16(half);
    }
  }
}

}  // namespace dyn
