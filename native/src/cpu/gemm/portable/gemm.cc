// Cuts K into chunks that fit the first-level cache. Weights that are not F32 become F32 once a
// chunk; the sums are kept in y between chunks, which loses no bit.
//
// Bound: 2 * M * K * 16 FLOP a panel. Four lanes without FMA reach 42 GFLOP/s on one core of an
// EPYC 9005 (native/bench), more than half of what they can: two multiplies and two adds a cycle.

#include "cpu/gemm/gemm.h"

#include <algorithm>

#include "cpu/lanes.h"
#include "pack/dtype.h"

namespace dyn {
namespace {

constexpr uint32_t kChunk = 256;  // Inputs at a time: 16 KiB of F32 weights.
constexpr uint32_t kTileRows = 4;
constexpr uint32_t kHalfPanel = kPanelWidth / 2;  // 4 rows * 8 columns of sums fill 8 registers.
static_assert(kPanelWidth == 16);

// y[4, 8 of 16] += x[4, chunk] * w
void add_tile(const float* w /* [chunk, 8 of 16] */, const float* x, size_t x_stride, size_t chunk,
              float* y) {
  Lanes low[kTileRows];
  Lanes high[kTileRows];
  for (size_t m = 0; m < kTileRows; ++m) {
    low[m] = load_lanes(y + m * kPanelWidth);
    high[m] = load_lanes(y + m * kPanelWidth + kLanes);
  }
  for (size_t k = 0; k < chunk; ++k) {
    const Lanes w_low = load_lanes(w + k * kPanelWidth);
    const Lanes w_high = load_lanes(w + k * kPanelWidth + kLanes);
    for (size_t m = 0; m < kTileRows; ++m) {
      low[m] += x[m * x_stride + k] * w_low;
      high[m] += x[m * x_stride + k] * w_high;
    }
  }
  for (size_t m = 0; m < kTileRows; ++m) {
    store_lanes(y + m * kPanelWidth, low[m]);
    store_lanes(y + m * kPanelWidth + kLanes, high[m]);
  }
}

void add_chunk(const float* w /* [chunk, 16] */, const float* x, size_t x_stride, size_t chunk,
               uint32_t num_rows, float* y) {
  uint32_t m = 0;
  for (; m + kTileRows <= num_rows; m += kTileRows) {
    const float* x_rows = x + m * x_stride;
    float* y_rows = y + size_t{m} * kPanelWidth;
    add_tile(w, x_rows, x_stride, chunk, y_rows);
    add_tile(w + kHalfPanel, x_rows, x_stride, chunk, y_rows + kHalfPanel);
  }
  for (; m < num_rows; ++m) {
    add_products_16(w, kPanelWidth, x + m * x_stride, chunk, y + size_t{m} * kPanelWidth);
  }
}

// The chunk of a panel that starts at input k, as F32: in place where it is F32 already.
const float* f32_chunk(const PackedMatrix& weights, uint32_t panel, size_t k, size_t chunk,
                       float* scratch /* [chunk, 16] */) {
  const std::byte* elements = weights.panel(panel);
  if (weights.dtype() == DYN_F32) {
    return reinterpret_cast<const float*>(elements) + k * kPanelWidth;
  }
  const uint16_t* halves = reinterpret_cast<const uint16_t*>(elements) + k * kPanelWidth;
  if (weights.dtype() == DYN_BF16) {
    for (size_t i = 0; i < chunk * kPanelWidth; ++i) scratch[i] = f32_of_bf16(halves[i]);
  } else {
    for (size_t i = 0; i < chunk * kPanelWidth; ++i) scratch[i] = f32_of_f16(halves[i]);
  }
  return scratch;
}

}  // namespace

void gemm_panel(const PackedMatrix& weights, uint32_t panel, const float* x, uint32_t num_rows,
                float* y) {
  const size_t num_inputs = weights.num_inputs();
  alignas(64) float scratch[size_t{kChunk} * kPanelWidth];
  std::fill_n(y, size_t{num_rows} * kPanelWidth, 0.0f);
  for (size_t k = 0; k < num_inputs; k += kChunk) {
    const size_t chunk = std::min<size_t>(kChunk, num_inputs - k);
    const float* w = f32_chunk(weights, panel, k, chunk, scratch);
    add_chunk(w, x + k, num_inputs, chunk, num_rows, y);
  }
}

}  // namespace dyn
