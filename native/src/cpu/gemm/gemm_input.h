// GemmInput: the workspace for rows of activations in each form that the weights which read them
// want. The step that computes a row stores it once; the products that follow share it.

#pragma once

#include <cstdint>

#include "base/arena.h"
#include "cpu/gemm/gemm.h"

namespace dyn {

// The input forms that a set of matrices reads.
class InputForms {
 public:
  void add(InputForm form) { bits_ |= 1u << static_cast<uint32_t>(form); }
  bool has(InputForm form) const { return (bits_ >> static_cast<uint32_t>(form) & 1u) != 0; }

 private:
  uint32_t bits_ = 0;
};

class GemmInput {
 public:
  explicit GemmInput(const GemmKernels& kernels) : kernels_(kernels) {}

  // Takes [max_rows, num_inputs] in `forms`, in both passes of the arena.
  void place(const InputForms& forms, uint64_t max_rows, uint32_t num_inputs, Arena* arena);

  // Sets inputs [first, first + count) of a row. `first` is a multiple of 32, and so is `count`
  // but for the last inputs of the row.
  void store(size_t row, size_t first, size_t count, const float* x);

  // Sets a row to one of another input of the same length, in the forms that this one has of its.
  void copy_row(size_t row, const GemmInput& from, size_t from_row);

  // The rows from `first_row` on.
  InputRows rows(size_t first_row) const;

  const GemmKernels& kernels() const { return kernels_; }

 private:
  void store_groups(size_t row, size_t first, size_t num_groups, const float* x);

  const GemmKernels& kernels_;
  InputForms forms_;
  InputRows rows_ = {};
};

}  // namespace dyn
