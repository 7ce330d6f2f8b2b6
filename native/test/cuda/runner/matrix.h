// mma.sync: D = A B + C of a warp. A is 16 x K by rows, B is K x 8 by columns, C and D are 16 x 8.
//
// Lane l = 4 g + t holds, PTX ISA (mma.m16n8k16 and its like), with e elements in a register:
//   A  rows g and g + 8, columns e t .. and K / 2 + e t ..;   register order (row, column half): 00 10 01 11
//   B  column g, rows e t .. and K / 2 + e t ..
//   C  rows g and g + 8, columns 2 t and 2 t + 1
// Sums of halves are exact to 2^-48 and rounded once; a GPU's keeps fewer bits on the way.

#pragma once

#include <cstdint>

#include "runner/conversion.h"
#include "runner/lanes.h"
#include "runner/warp.h"

namespace ptx {

constexpr int kRowsOfA = 16;
constexpr int kColumnsOfB = 8;

// A register of an operand: a row, or one value for all lanes.
class Word {
 public:
  Word(const uint32_t* row) : row_(row), constant_(0) {}
  Word(Imm<uint32_t> constant) : row_(nullptr), constant_(constant.value) {}
  uint32_t at(int lane) const { return row_ == nullptr ? constant_ : row_[lane]; }

 private:
  const uint32_t* row_;
  uint32_t constant_;
};

// Places of elements in the lanes' registers.
template <int kDepth, int kPerRegister>
struct Fragments {
  static constexpr int kHalves = kDepth / (4 * kPerRegister);  // Registers along K.

  // Calls `visit(row, k, register, lane, i)` for each element of A.
  template <class Visit>
  static void of_a(Visit visit) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int half = 0; half < kHalves; ++half) {
        for (int below = 0; below < 2; ++below) {
          for (int i = 0; i < kPerRegister; ++i) {
            const int row = lane / 4 + 8 * below;
            const int k = 4 * kPerRegister * half + kPerRegister * (lane % 4) + i;
            visit(row, k, 2 * half + below, lane, i);
          }
        }
      }
    }
  }

  // Likewise `visit(column, k, register, lane, i)` for B.
  template <class Visit>
  static void of_b(Visit visit) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int half = 0; half < kHalves; ++half) {
        for (int i = 0; i < kPerRegister; ++i) {
          const int k = 4 * kPerRegister * half + kPerRegister * (lane % 4) + i;
          visit(lane / 4, k, half, lane, i);
        }
      }
    }
  }

  // `visit(row, column, register, lane)` for C and D.
  template <class Visit>
  static void of_c(Visit visit) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 4; ++i) visit(lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2, i, lane);
    }
  }
};

template <class Half, int kDepth, size_t kA, size_t kB>
[[gnu::noinline]] void multiply_halves(Warp& w, int line, uint32_t* const (&d)[4],
                                       const Word (&a)[kA], const Word (&b)[kB],
                                       const Word (&c)[4]) {
  w.require_all(line);
  using F = Fragments<kDepth, 2>;
  double left[kRowsOfA][kDepth];
  double right[kDepth][kColumnsOfB];
  F::of_a([&](int row, int k, int reg, int lane, int i) {
    const uint32_t word = a[reg].at(lane);
    left[row][k] = static_cast<double>(Half::widen(static_cast<uint16_t>(word >> (16 * i))));
  });
  F::of_b([&](int column, int k, int reg, int lane, int i) {
    const uint32_t word = b[reg].at(lane);
    right[k][column] = static_cast<double>(Half::widen(static_cast<uint16_t>(word >> (16 * i))));
  });
  double sums[kRowsOfA][kColumnsOfB];
  F::of_c([&](int row, int column, int reg, int lane) {
    sums[row][column] = static_cast<double>(read_as<float>(c[reg].at(lane)));
  });
  for (int row = 0; row < kRowsOfA; ++row) {
    for (int k = 0; k < kDepth; ++k) {
      for (int n = 0; n < kColumnsOfB; ++n) sums[row][n] += left[row][k] * right[k][n];
    }
  }
  F::of_c([&](int row, int column, int reg, int lane) {
    d[reg][lane] = bits_for<uint32_t>(static_cast<float>(sums[row][column]));
  });
}

template <class Left, class Right>
[[gnu::noinline]] void multiply_bytes(Warp& w, int line, uint32_t* const (&d)[4],
                                      const Word (&a)[4], const Word (&b)[2], const Word (&c)[4]) {
  w.require_all(line);
  using F = Fragments<32, 4>;
  int32_t left[kRowsOfA][32];
  int32_t right[32][kColumnsOfB];
  F::of_a([&](int row, int k, int reg, int lane, int i) {
    left[row][k] = static_cast<Left>(a[reg].at(lane) >> (8 * i));
  });
  F::of_b([&](int column, int k, int reg, int lane, int i) {
    right[k][column] = static_cast<Right>(b[reg].at(lane) >> (8 * i));
  });
  F::of_c([&](int row, int column, int reg, int lane) {
    uint32_t sum = c[reg].at(lane);
    for (int k = 0; k < 32; ++k) sum += static_cast<uint32_t>(left[row][k] * right[k][column]);
    d[reg][lane] = sum;
  });
}

}  // namespace ptx
