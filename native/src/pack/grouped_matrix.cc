#include "pack/grouped_matrix.h"

#include <cmath>
#include <cstring>

#include "pack/dtype.h"
#include "pack/quants.h"
#include "pack/tensor_reader.h"

namespace dyn {
namespace {

constexpr uint32_t kPerWord = 8;
constexpr float kMaxF16 = 65504.0f;

// AWQ's order of outputs in a word is 0, 2, 4, 6, 1, 3, 5, 7.
uint32_t awq_place(uint32_t output) {
  return output % kPerWord / 2 + output % 2 * 4;
}

Status read_words(const dyn_tensor& tensor, const std::string& name, std::vector<std::byte>* to) {
  to->resize(tensor.num_bytes);
  return read_tensor(tensor, name, 0, tensor.num_bytes, to->data());
}

// F16 as they are, others to the nearest.
Status read_scales(const dyn_tensor& tensor, const std::string& name, std::vector<uint16_t>* to) {
  std::vector<std::byte> bytes;
  RETURN_IF_ERROR(read_words(tensor, name, &bytes));
  const auto dtype = static_cast<dyn_dtype>(tensor.dtype);
  to->resize(bytes.size() / bytes_of(dtype));
  for (size_t i = 0; i < to->size(); ++i) {
    const float scale = read_f32(dtype, &bytes[i * bytes_of(dtype)]);
    if (!(std::abs(scale) <= kMaxF16)) {
      return not_loadable(name + ": a scale is " + std::to_string(scale) +
                          ", beyond what 16 bits hold; the file is damaged");
    }
    (*to)[i] = f16_of_f32(scale);
  }
  return {};
}

}  // namespace

Status GroupedMatrix::read(const MatrixSource& source, const std::string& name,
                           GroupedMatrix* matrix) {
  const dyn_tensor& whole = *source.whole;
  matrix->num_outputs_ = static_cast<uint32_t>(whole.shape[0]);
  matrix->group_size_ = static_cast<uint32_t>(whole.shape[1] / source.scales->shape[0]);
  matrix->zero_offset_ = whole.dtype == DYN_GPTQ ? 1 : 0;
  matrix->packs_outputs_ = whole.dtype == DYN_AWQ;
  RETURN_IF_ERROR(read_words(whole, name, &matrix->quants_));
  RETURN_IF_ERROR(read_words(*source.zeros, name + " zeros", &matrix->zeros_));
  return read_scales(*source.scales, name + " scales", &matrix->scales_);
}

uint32_t GroupedMatrix::word(const std::vector<std::byte>& words, size_t index) const {
  uint32_t word;
  std::memcpy(&word, &words[index * sizeof(word)], sizeof(word));
  return word;
}

void GroupedMatrix::read_quants(uint32_t output, uint32_t first_input, uint8_t* quants) const {
  if (packs_outputs_) {
    const size_t stride = num_outputs_ / kPerWord;
    for (uint32_t i = 0; i < kGroupSize; ++i) {
      const uint32_t outputs = word(quants_, (first_input + i) * stride + output / kPerWord);
      quants[i] = outputs >> 4 * awq_place(output) & 15u;
    }
    return;
  }
  for (uint32_t i = 0; i < kGroupSize; i += kPerWord) {
    const size_t row = (first_input + i) / kPerWord;
    const uint32_t inputs = word(quants_, row * num_outputs_ + output);
    for (uint32_t j = 0; j < kPerWord; ++j) quants[i + j] = inputs >> 4 * j & 15u;
  }
}

uint32_t GroupedMatrix::zero(uint32_t group, uint32_t output) const {
  const size_t stride = num_outputs_ / kPerWord;
  const uint32_t outputs = word(zeros_, group * stride + output / kPerWord);
  const uint32_t place = packs_outputs_ ? awq_place(output) : output % kPerWord;
  return (outputs >> 4 * place & 15u) + zero_offset_;
}

template <uint32_t kSize>
void GroupedMatrix::put(uint32_t output, uint32_t first_input, uint32_t column,
                        ZeroPointBlock<kSize>* to) const {
  const uint32_t group = first_input / group_size_;
  to->scales[column] = scales_[size_t{group} * num_outputs_ + output];
  to->zeros[column] = f16_of_f32(static_cast<float>(zero(group, output)));
  for (uint32_t i = 0; i < kSize; ++i) {
    uint8_t quants[kGroupSize];
    read_quants(output, first_input + i * kGroupSize, quants);
    put_quants(quants, column, &to->groups[i]);
  }
}

template <uint32_t kSize>
float weight_of(const ZeroPointBlock<kSize>& block, uint32_t input, uint32_t output) {
  const uint32_t quant = quant_of(block.groups[input / kGroupSize], input % kGroupSize, output);
  return f32_of_f16(block.scales[output]) *
         (static_cast<float>(quant) - f32_of_f16(block.zeros[output]));
}

template void GroupedMatrix::put(uint32_t, uint32_t, uint32_t, ZeroPointBlock<1>*) const;
template void GroupedMatrix::put(uint32_t, uint32_t, uint32_t, ZeroPointBlock<2>*) const;
template void GroupedMatrix::put(uint32_t, uint32_t, uint32_t, ZeroPointBlock<4>*) const;
template float weight_of(const ZeroPointBlock<1>&, uint32_t, uint32_t);
template float weight_of(const ZeroPointBlock<2>&, uint32_t, uint32_t);
template float weight_of(const ZeroPointBlock<4>&, uint32_t, uint32_t);

}  // namespace dyn
