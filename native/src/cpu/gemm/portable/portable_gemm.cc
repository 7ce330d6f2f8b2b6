// For any 64-bit CPU. Weights of single elements become F32 a chunk at a time, which fits the
// first-level cache; the sums are kept in y between chunks, which loses no bit. Quants become bytes
// a group at a time, and are summed in integers.
//
// Bound: 2 * M * K * 32 FLOP a panel. Four lanes without FMA reach 42 GFLOP/s on one core of an
// EPYC 9005 (native/bench), more than half of what they can: two multiplies and two adds a cycle.

#include <algorithm>
#include <bit>
#include <cmath>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/kernels.h"
#include "cpu/lanes.h"
#include "cpu/rowwise/rowwise.h"
#include "pack/dtype.h"
#include "pack/quants.h"

namespace dyn {
namespace {

constexpr uint32_t kChunk = 128;  // Inputs at a time: 16 KiB of F32 weights.
constexpr uint32_t kTileRows = 4;
constexpr uint32_t kTileColumns = 8;  // 4 rows * 8 columns of sums fill 8 registers.

// y[4, 8 of 32] += x[4, chunk] * w
void add_tile(const float* w /* [chunk, 8 of 32] */, const float* x, size_t x_stride, size_t chunk,
              float* y, size_t y_stride) {
  Lanes low[kTileRows];
  Lanes high[kTileRows];
  for (size_t m = 0; m < kTileRows; ++m) {
    low[m] = load_lanes(y + m * y_stride);
    high[m] = load_lanes(y + m * y_stride + kLanes);
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
    store_lanes(y + m * y_stride, low[m]);
    store_lanes(y + m * y_stride + kLanes, high[m]);
  }
}

void add_chunk(const float* w /* [chunk, 32] */, const float* x, size_t x_stride, size_t chunk,
               uint32_t num_rows, float* y, size_t y_stride) {
  uint32_t m = 0;
  for (; m + kTileRows <= num_rows; m += kTileRows) {
    for (uint32_t n = 0; n < kPanelWidth; n += kTileColumns) {
      add_tile(w + n, x + m * x_stride, x_stride, chunk, y + m * y_stride + n, y_stride);
    }
  }
  for (; m < num_rows; ++m) {
    for (uint32_t n = 0; n < kPanelWidth; n += 16) {
      add_products_16(w + n, kPanelWidth, x + m * x_stride, chunk, y + m * y_stride + n);
    }
  }
}

// Inputs [k, k + chunk) of a panel as F32, in place where they are F32 already.
template <PackedFormat kFormat>
const float* f32_chunk(const std::byte* weights, size_t k, size_t chunk,
                       float* scratch /* [chunk, 32] */) {
  if constexpr (kFormat == PackedFormat::kF32) {
    return reinterpret_cast<const float*>(weights) + k * kPanelWidth;
  }
  const uint16_t* halves = reinterpret_cast<const uint16_t*>(weights);
  if constexpr (kFormat == PackedFormat::kF16) {
    halves += k * kPanelWidth;
    for (size_t i = 0; i < chunk * kPanelWidth; ++i) scratch[i] = f32_of_f16(halves[i]);
  } else {
    halves += k * kPanelWidth;  // k is even.
    for (size_t i = 0; i < chunk * kPanelWidth; ++i) {
      const size_t pair = i / kPanelWidth / 2 * kPanelWidth + i % kPanelWidth;
      scratch[i] = f32_of_bf16(halves[pair * 2 + i / kPanelWidth % 2]);
    }
  }
  return scratch;
}

template <PackedFormat kFormat>
void product_of_floats(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                       size_t y_stride) {
  alignas(64) float scratch[size_t{kChunk} * kPanelWidth];
  for (uint32_t m = 0; m < num_rows; ++m) std::fill_n(y + m * y_stride, kPanelWidth, 0.0f);
  for (size_t k = 0; k < panel.num_inputs; k += kChunk) {
    const size_t chunk = std::min<size_t>(kChunk, panel.num_inputs - k);
    const float* w = f32_chunk<kFormat>(panel.weights, k, chunk, scratch);
    add_chunk(w, x.f32 + k, x.stride, chunk, num_rows, y, y_stride);
  }
}

// A group's quants as W8 has them: input 4 i + j of output n is at [i][n][j].
struct ByteQuants {
  uint8_t quads[8][kPanelWidth][4];
};

template <typename Group>
void unpack(const Group& group, ByteQuants* to) {
  for (uint32_t i = 0; i < 8; ++i) {
    for (uint32_t n = 0; n < kPanelWidth; ++n) {
      for (uint32_t j = 0; j < 4; ++j) {
        to->quads[i][n][j] = static_cast<uint8_t>(quant_of(group, 4 * i + j, n));
      }
    }
  }
}

void unpack(const W8Group& group, ByteQuants* to) {
  std::copy_n(&group.quants[0][0][0], sizeof(to->quads), &to->quads[0][0][0]);
}

// sums[n] += sum of x8 * quant over quads [first, last).
void sum_quads(const ByteQuants& quants, size_t first, size_t last, const int8_t* x,
               int32_t* sums) {
  for (size_t i = first; i < last; ++i) {
    for (size_t n = 0; n < kPanelWidth; ++n) {
      for (size_t j = 0; j < 4; ++j) sums[n] += x[4 * i + j] * quants.quads[i][n][j];
    }
  }
}

// Scales and minimums of a group's part.
struct Scales {
  float scales[kPanelWidth];
  float minimums[kPanelWidth];
};

template <typename Group>
void read_scales(const Group& group, size_t, size_t, Scales* to) {
  for (size_t n = 0; n < kPanelWidth; ++n) {
    to->scales[n] = f32_of_f16(group.scales[n]);
    if constexpr (Group::kOffset == 0) to->minimums[n] = f32_of_f16(group.minimums[n]);
  }
}

void read_scales(const W4EBlock& block, size_t index, size_t, Scales* to) {
  for (size_t n = 0; n < kPanelWidth; ++n) {
    to->scales[n] = std::bit_cast<float>(uint32_t{block.exponents[index][n]} << 23);
  }
}

template <typename Group>
void read_scales(const MinimumBlock<Group>& block, size_t index, size_t part, Scales* to) {
  const Group& group = block.groups[index];
  for (size_t n = 0; n < kPanelWidth; ++n) {
    to->scales[n] = f32_of_f16(block.scale_units[n]) * group.scales[part][n];
    to->minimums[n] = f32_of_f16(block.minimum_units[n]) * group.minimums[part][n];
  }
}

template <typename Group>
void read_scales(const OffsetBlock<Group>& block, size_t index, size_t part, Scales* to) {
  for (size_t n = 0; n < kPanelWidth; ++n) {
    to->scales[n] = f32_of_f16(block.scale_units[n]) * block.groups[index].scales[part][n];
  }
}

template <uint32_t kSize>
void read_scales(const ZeroPointBlock<kSize>& block, size_t, size_t, Scales* to) {
  for (size_t n = 0; n < kPanelWidth; ++n) {
    to->scales[n] = f32_of_f16(block.scales[n]);
    to->minimums[n] = to->scales[n] * f32_of_f16(block.zeros[n]);
  }
}

template <typename Block>
void product_of_quants(const Panel& panel, const InputRows& x, uint32_t num_rows, float* y,
                       size_t y_stride) {
  constexpr size_t kPartQuads = 8 / Block::kNumParts;
  const auto* blocks = reinterpret_cast<const Block*>(panel.weights);
  const size_t num_groups = ceil_div(panel.num_inputs, kGroupSize);
  const size_t groups_stride = x.stride / kGroupSize;
  const int32_t* negated = Block::kNumParts == 1 ? x.negated_sums : x.negated_halves;
  for (uint32_t m = 0; m < num_rows; ++m) std::fill_n(y + m * y_stride, kPanelWidth, 0.0f);
  for (size_t g = 0; g < num_groups; ++g) {
    const Block& block = blocks[g / Block::kNumGroups];
    const size_t index = g % Block::kNumGroups;
    ByteQuants quants;
    unpack(block.group(index), &quants);
    for (size_t part = 0; part < Block::kNumParts; ++part) {
      Scales w;
      read_scales(block, index, part, &w);
      for (size_t m = 0; m < num_rows; ++m) {
        const size_t at = m * groups_stride + g;
        int32_t sums[kPanelWidth];
        std::fill_n(sums, kPanelWidth,
                    negated[at * Block::kNumParts + part] * static_cast<int32_t>(Block::kOffset));
        sum_quads(quants, part * kPartQuads, (part + 1) * kPartQuads,
                  x.s8 + m * x.stride + g * kGroupSize, sums);
        float* row = y + m * y_stride;
        const float total = Block::kNumParts == 1
                                ? x.negated_totals[at]
                                : x.scales[at] * static_cast<float>(negated[at * 2 + part]);
        for (size_t n = 0; n < kPanelWidth; ++n) {
          row[n] += static_cast<float>(sums[n]) * (x.scales[at] * w.scales[n]);
          if constexpr (Block::kOffset == 0) row[n] += total * w.minimums[n];
        }
      }
    }
  }
}

void to_bf16(const float* x, size_t num_groups, uint16_t* bf16) {
  for (size_t k = 0; k < num_groups * kGroupSize; ++k) bf16[k] = bf16_of_f32(x[k]);
}

void to_s8(const float* x, size_t num_groups, const S8Groups& to) {
  for (size_t g = 0; g < num_groups; ++g, x += kGroupSize) {
    float largest = 0;
    float zero = 0;  // NaN where an element is NaN or infinite.
    for (size_t k = 0; k < kGroupSize; ++k) largest = std::max(largest, std::abs(x[k]));
    for (size_t k = 0; k < kGroupSize; ++k) zero += x[k] * 0.0f;
    if (zero != 0.0f) {
      std::fill_n(to.s8 + g * kGroupSize, kGroupSize, int8_t{0});
      to.set(g, zero, 0, 0);
      continue;
    }
    const float inverse = largest > 0x1p-100f ? 127.0f / largest : 0.0f;
    int32_t sums[2] = {0, 0};
    for (size_t k = 0; k < kGroupSize; ++k) {
      const auto quant = static_cast<int32_t>(std::nearbyint(x[k] * inverse));
      to.s8[g * kGroupSize + k] = static_cast<int8_t>(quant);
      sums[k / 16] += quant;
    }
    to.set(g, largest / 127.0f, sums[0], sums[1]);
  }
}

constinit const QuantProducts kQuantProducts =
    quant_products([]<typename Block>() -> Product { return product_of_quants<Block>; });

}  // namespace

const GemmKernels kPortableGemm = {
    .bf16_form = InputForm::kF32,
    .float_products = {product_of_floats<PackedFormat::kF32>, product_of_floats<PackedFormat::kF16>,
                       product_of_floats<PackedFormat::kBf16>},
    .quant_products = &kQuantProducts,
    .swiglu = swiglu,
    .geglu = geglu,
    .to_bf16 = to_bf16,
    .to_s8 = to_s8,
};

}  // namespace dyn
