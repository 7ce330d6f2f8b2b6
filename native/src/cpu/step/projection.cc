#include "cpu/step/projection.h"

#include <algorithm>

namespace dyn {
namespace {

static_assert(kPanelWidth == kGroupSize, "the outputs of a panel are a group of the next input");

constexpr size_t kItemOutputs = size_t{kMaxGemmRows} * kPanelWidth;

// Rows [first_row, first_row + num_rows) and the outputs of one panel.
struct Item {
  uint32_t panel;
  uint32_t first_row;
  uint32_t num_rows;
};

// Calls body(item) for each item, sharing the items among the pool's threads. Blocks of rows are as
// equal as can be.
template <typename Body>
void for_each_item(ThreadPool* pool, uint32_t num_panels, uint32_t num_rows, const Body& body) {
  const uint32_t num_blocks = ceil_div(num_rows, kMaxGemmRows);
  if (num_blocks == 0) return;
  const uint32_t block_rows = ceil_div(num_rows, num_blocks);
  pool->parallel_for(num_panels * num_blocks, [&](uint32_t index, uint32_t) {
    const uint32_t first_row = index % num_blocks * block_rows;
    if (first_row >= num_rows) return;
    body(Item{.panel = index / num_blocks,
              .first_row = first_row,
              .num_rows = std::min(block_rows, num_rows - first_row)});
  });
}

// Outputs of a panel that exist: fewer than 32 in the last one.
uint32_t panel_columns(const PackedMatrix& weights, uint32_t panel) {
  return std::min(kPanelWidth, weights.num_outputs() - panel * kPanelWidth);
}

// y [num_rows, 32] = the item's rows of x times its panel.
void multiply(const PackedMatrix& weights, const GemmInput& x, const Item& item, float* y,
              size_t y_stride) {
  const Panel panel = {.weights = weights.panel(item.panel), .num_inputs = weights.num_inputs()};
  const auto product = x.kernels().product(weights.format());
  product(panel, x.rows(item.first_row), item.num_rows, y, y_stride);
}

// The item's outputs for its row m, in a matrix of `num_columns` columns.
float* output_row(float* to, uint32_t num_columns, const Item& item, uint32_t m) {
  return to + (size_t{item.first_row} + m) * num_columns + size_t{item.panel} * kPanelWidth;
}

void run_item(const Projection& projection, const GemmInput& x, const Item& item) {
  const PackedMatrix& weights = *projection.weights;
  const uint32_t columns = panel_columns(weights, item.panel);
  if (columns == kPanelWidth) {
    multiply(weights, x, item, output_row(projection.to, weights.num_outputs(), item, 0),
             weights.num_outputs());
    return;
  }
  float y[kItemOutputs];
  multiply(weights, x, item, y, kPanelWidth);
  for (uint32_t m = 0; m < item.num_rows; ++m) {
    std::copy_n(y + size_t{m} * kPanelWidth, columns,
                output_row(projection.to, weights.num_outputs(), item, m));
  }
}

}  // namespace

void project(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
             std::initializer_list<Projection> projections) {
  uint32_t num_panels = 0;
  for (const Projection& projection : projections) num_panels += projection.weights->num_panels();

  for_each_item(pool, num_panels, num_rows, [&](Item item) {
    const Projection* projection = projections.begin();
    for (; item.panel >= projection->weights->num_panels(); ++projection) {
      item.panel -= projection->weights->num_panels();
    }
    run_item(*projection, x, item);
  });
}

void project_and_add(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
                     const Projection& projection) {
  const PackedMatrix& weights = *projection.weights;
  for_each_item(pool, weights.num_panels(), num_rows, [&](const Item& item) {
    float y[kItemOutputs];
    multiply(weights, x, item, y, kPanelWidth);
    const uint32_t columns = panel_columns(weights, item.panel);
    for (uint32_t m = 0; m < item.num_rows; ++m) {
      float* row = output_row(projection.to, weights.num_outputs(), item, m);
      for (uint32_t n = 0; n < columns; ++n) row[n] += y[size_t{m} * kPanelWidth + n];
    }
  });
}

void project_gated(ThreadPool* pool, const GemmInput& x, uint32_t num_rows,
                   const GatedProjection& projection, GemmInput* to) {
  const auto& [gate, up, activation] = projection;
  const Gate apply_gate = x.kernels().gate(activation);
  for_each_item(pool, gate.num_panels(), num_rows, [&](const Item& item) {
    float gates[kItemOutputs];
    float ups[kItemOutputs];
    multiply(gate, x, item, gates, kPanelWidth);
    multiply(up, x, item, ups, kPanelWidth);
    const uint32_t columns = panel_columns(gate, item.panel);
    for (uint32_t m = 0; m < item.num_rows; ++m) {
      float* row = gates + size_t{m} * kPanelWidth;
      apply_gate(row, ups + size_t{m} * kPanelWidth, columns, row);
      to->store(size_t{item.first_row} + m, size_t{item.panel} * kPanelWidth, columns, row);
    }
  });
}

}  // namespace dyn
