#include "cpu/gemm/gemm_input.h"

#include <algorithm>

namespace dyn {

void GemmInput::place(const InputForms& forms, uint64_t max_rows, uint32_t num_inputs,
                      Arena* arena) {
  forms_ = forms;
  rows_.stride = round_up(num_inputs, 64) | 64;
  const uint64_t count = max_rows * rows_.stride;
  if (forms.has(InputForm::kF32)) arena->place(count, &rows_.f32);
  if (forms.has(InputForm::kBf16)) arena->place(count, &rows_.bf16);
  if (forms.has(InputForm::kS8)) {
    arena->place(count, &rows_.s8);
    arena->place(count / kGroupSize, &rows_.scales);
    arena->place(count / kGroupSize, &rows_.negated_sums);
    arena->place(count / kGroupSize * 2, &rows_.negated_halves);
    arena->place(count / kGroupSize, &rows_.negated_totals);
  }
}

void GemmInput::store(size_t row, size_t first, size_t count, const float* x) {
  const size_t num_groups = count / kGroupSize;
  store_groups(row, first, num_groups, x);
  const size_t num_whole = num_groups * kGroupSize;
  if (num_whole == count) return;
  float tail[kGroupSize] = {};
  std::copy_n(x + num_whole, count - num_whole, tail);
  store_groups(row, first + num_whole, 1, tail);
}

void GemmInput::store_groups(size_t row, size_t first, size_t num_groups, const float* x) {
  const size_t at = row * rows_.stride + first;
  if (forms_.has(InputForm::kF32)) std::copy_n(x, num_groups * kGroupSize, rows_.f32 + at);
  if (forms_.has(InputForm::kBf16)) kernels_.to_bf16(x, num_groups, rows_.bf16 + at);
  if (forms_.has(InputForm::kS8)) {
    const size_t group = at / kGroupSize;
    kernels_.to_s8(x, num_groups,
                   {.s8 = rows_.s8 + at,
                    .scales = rows_.scales + group,
                    .negated_sums = rows_.negated_sums + group,
                    .negated_halves = rows_.negated_halves + 2 * group,
                    .negated_totals = rows_.negated_totals + group});
  }
}

void GemmInput::copy_row(size_t row, const GemmInput& from, size_t from_row) {
  const InputRows to = rows(row);
  const InputRows source = from.rows(from_row);
  const size_t stride = rows_.stride;
  if (to.f32 != nullptr) std::copy_n(source.f32, stride, to.f32);
  if (to.bf16 != nullptr) std::copy_n(source.bf16, stride, to.bf16);
  if (to.s8 == nullptr) return;
  std::copy_n(source.s8, stride, to.s8);
  std::copy_n(source.scales, stride / kGroupSize, to.scales);
  std::copy_n(source.negated_sums, stride / kGroupSize, to.negated_sums);
  std::copy_n(source.negated_halves, stride / kGroupSize * 2, to.negated_halves);
  std::copy_n(source.negated_totals, stride / kGroupSize, to.negated_totals);
}

InputRows GemmInput::rows(size_t first_row) const {
  InputRows rows = rows_;
  const size_t at = first_row * rows.stride;
  if (rows.f32 != nullptr) rows.f32 += at;
  if (rows.bf16 != nullptr) rows.bf16 += at;
  if (rows.s8 != nullptr) {
    rows.s8 += at;
    rows.scales += at / kGroupSize;
    rows.negated_sums += at / kGroupSize;
    rows.negated_halves += at / kGroupSize * 2;
    rows.negated_totals += at / kGroupSize;
  }
  return rows;
}

}  // namespace dyn
