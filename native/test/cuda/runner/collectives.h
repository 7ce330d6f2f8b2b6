// Instructions in which the lanes of a warp read one another's registers.

#pragma once

#include <algorithm>
#include <array>

#include "runner/access.h"
#include "runner/conversion.h"
#include "runner/lanes.h"

namespace ptx {

enum class Shuffle { kButterfly, kUp, kDown, kIndex };

// The lane that `lane` reads, and true if it is in range: PTX ISA, shfl.sync. `control` holds the
// clamp in bits 0 to 4 and the segment's mask in bits 8 to 12.
template <Shuffle kMode>
std::pair<int, bool> source_lane(int lane, uint32_t offset, uint32_t control) {
  const int clamp = static_cast<int>(control & 31);
  const int segment = static_cast<int>(control >> 8 & 31);
  const int by = static_cast<int>(offset & 31);
  const int top = (lane & segment) | (clamp & ~segment);
  const int bottom = lane & segment;
  int source = lane;
  bool is_inside = false;
  if constexpr (kMode == Shuffle::kUp) {
    source = lane - by;
    is_inside = source >= top;
  } else if constexpr (kMode == Shuffle::kDown) {
    source = lane + by;
    is_inside = source <= top;
  } else if constexpr (kMode == Shuffle::kButterfly) {
    source = lane ^ by;
    is_inside = source <= top;
  } else {
    source = bottom | (by & ~segment);
    is_inside = source <= top;
  }
  return {is_inside ? source : lane, is_inside};
}

template <Shuffle kMode, class In, class Offset, class Control>
[[gnu::noinline]] void shuffle(Warp& w, Mask mask, int line, uint32_t* to, Mask& found, In in,
                               Offset offset, Control control) {
  std::array<uint32_t, kLanes> before = {};
  for_lanes(mask, [&](int lane) { before[static_cast<size_t>(lane)] = lane_of(in, lane); });
  for_lanes(mask, [&](int lane) {
    const auto [source, is_inside] =
        source_lane<kMode>(lane, lane_of(offset, lane), lane_of(control, lane));
    if ((mask >> source & 1) == 0) w.fault(line, lane, "shfl reads a lane that does not take part");
    to[lane] = before[static_cast<size_t>(source)];
    const Mask bit = Mask{1} << lane;
    found = is_inside ? found | bit : found & ~bit;
  });
}

template <class In>
[[gnu::noinline]] void match_any(Mask mask, uint32_t* to, Mask&, In in) {
  for_lanes(mask, [&](int lane) {
    Mask equal = 0;
    for_lanes(mask, [&](int other) {
      if (lane_of(in, other) == lane_of(in, lane)) equal |= Mask{1} << other;
    });
    to[lane] = equal;
  });
}

template <class In>
[[gnu::noinline]] void match_all(Mask mask, uint32_t* to, Mask& found, In in) {
  const auto first = lane_of(in, std::countr_zero(mask));
  bool is_same = true;
  for_lanes(mask, [&](int lane) { is_same = is_same && lane_of(in, lane) == first; });
  for_lanes(mask, [&](int lane) { to[lane] = is_same ? mask : 0; });
  put(found, mask, is_same ? kAllLanes : 0);
}

template <auto kFn, class In>
[[gnu::noinline]] void reduce(Mask mask, uint32_t* to, In in) {
  using F = Function<decltype(kFn)>;
  const int first = std::countr_zero(mask);
  uint32_t sum = lane_of(in, first);
  for_lanes(mask & (mask - 1), [&](int lane) {
    sum = bits_for<uint32_t>(F::template at<kFn>(lane, Imm<uint32_t>{sum}, in));
  });
  for_lanes(mask, [&](int lane) { to[lane] = sum; });
}

// Loads 8 x 8 matrices of halves: lane 8 m + r gives the address of row r of matrix m; lane l gets elements
// 2 (l % 4) and the next of row l / 4, or, transposed, of column l / 4.
template <size_t kMatrices, class Base>
[[gnu::noinline]] void load_matrices(Warp& w, int line, Base base, int64_t offset,
                                     bool is_transposed, uint32_t* const (&to)[kMatrices]) {
  w.require_all(line);
  uint16_t matrix[kMatrices][8][8];
  for (size_t m = 0; m < kMatrices; ++m) {
    for (size_t row = 0; row < 8; ++row) {
      const int lane = static_cast<int>(8 * m + row);
      const uint64_t address = lane_of(base, lane) + static_cast<uint64_t>(offset);
      Place place(w, line, lane, Space::kShared, address, 16);
      if (w.block().checks_all()) place.note_read_by_warp();
      std::memcpy(matrix[m][row], place.host(), 16);
    }
  }
  for (size_t m = 0; m < kMatrices; ++m) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t line_of = lane / 4;
      const size_t first = lane % 4 * 2;
      const auto element = [&](size_t i) -> uint32_t {
        return is_transposed ? matrix[m][first + i][line_of] : matrix[m][line_of][first + i];
      };
      to[m][lane] = element(0) | element(1) << 16;
    }
  }
}

}  // namespace ptx
