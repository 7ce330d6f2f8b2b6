// The matrix product of BF16: y[m, n] = sum over k of x[m, k] * w[n, k], by tensor cores.
//
// Bits: products are summed in chains of mma.m16n8k16 over spans of 512 inputs, each from zero; the
// spans are added in order in F32. So a row's bits depend neither on the tiling nor on other rows.
// Within a chunk of 32 inputs the order of k is that of the loads, the same in all tilings.
//
// Weights are operand A. A panel of pack/ is two tiles of 16 outputs: a lane's 16 bytes are the
// pairs of four neighbouring outputs, which are its rows of both tiles, so that panels are read as
// they lie, 512 bytes together for a warp:
//
//     output of the panel 4g + 2i + h  =  row g + 8h of tile i      (lane = 4g + t)
//     pair of the chunk   4t + 2s + h  =  columns 2t, 2t + 1 of half h of step s
//
// Tokens are operand B, eight to a tile; a lane's 16 bytes are the same four pairs of token g.
//
// few    one panel and up to 32 tokens a block; spans go to warps and meet in shared memory
// many   2 panels and 128 tokens a block, 1 and 64 a warp, which keeps all of its sums

#include "cuda/gemm/gemm_args.h"

namespace dyn::cuda {
namespace {

constexpr uint32_t kWarpSize = 32;
constexpr uint32_t kPanel = 32;       // Outputs.
constexpr uint32_t kChunkPairs = 16;  // Pairs of inputs that a lane's loads of 16 bytes cover.
constexpr uint32_t kSpanChunks = kGemmSpan / 2 / kChunkPairs;
constexpr uint32_t kTileTokens = 8;
constexpr uint32_t kFewWarps = 8;
constexpr uint32_t kPartStride = kPanel + 4;  // A token's outputs in shared memory.
constexpr int kManyTiles = 8;
constexpr uint32_t kManyTokens = kManyTiles * kTileTokens;

__device__ void multiply(const uint32_t (&a)[4], uint32_t b0, uint32_t b1, float (&sums)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Pairs [4t, 4t + 4) of a chunk, of outputs [4g, 4g + 4); zero behind the last pair.
__device__ void load_weights(const uint4* panel, uint32_t num_pairs, uint32_t chunk,
                             uint4 (&rows)[4]) {
  const uint32_t lane = threadIdx.x % kWarpSize;
  const uint32_t first = chunk * kChunkPairs + lane % 4 * 4;
#pragma unroll
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t pair = first + i;
    rows[i] =
        pair < num_pairs ? __ldg(panel + pair * (kPanel / 4) + lane / 4) : make_uint4(0, 0, 0, 0);
  }
}

// Adds a chunk's products to the sums of both tiles of outputs and kTiles of tokens.
template <int kTiles>
__device__ void add_chunk(const uint4 (&rows)[4], const uint4 (&tokens)[kTiles],
                          float (&sums)[2][kTiles][4]) {
  const uint32_t first[2][4] = {{rows[0].x, rows[0].y, rows[1].x, rows[1].y},
                                {rows[0].z, rows[0].w, rows[1].z, rows[1].w}};
  const uint32_t second[2][4] = {{rows[2].x, rows[2].y, rows[3].x, rows[3].y},
                                 {rows[2].z, rows[2].w, rows[3].z, rows[3].w}};
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < kTiles; ++j) multiply(first[i], tokens[j].x, tokens[j].y, sums[i][j]);
#pragma unroll
    for (int j = 0; j < kTiles; ++j) multiply(second[i], tokens[j].z, tokens[j].w, sums[i][j]);
  }
}

// The sums of one span, from zero. `x` [kTiles] are the lane's tokens.
template <int kTiles>
__device__ void sum_span(const uint4* panel, uint32_t num_pairs, const uint4* const (&x)[kTiles],
                         uint32_t span, float (&sums)[2][kTiles][4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < kTiles; ++j) {
      sums[i][j][0] = sums[i][j][1] = sums[i][j][2] = sums[i][j][3] = 0.0f;
    }
  }
  const uint32_t num_chunks = (num_pairs + kChunkPairs - 1) / kChunkPairs;
  const uint32_t begin = span * kSpanChunks;
  const uint32_t end = min(begin + kSpanChunks, num_chunks);
  const uint32_t t = threadIdx.x % 4;
#pragma unroll(kTiles > 4 ? 1 : 4)
  for (uint32_t chunk = begin; chunk < end; ++chunk) {
    uint4 rows[4];
    load_weights(panel, num_pairs, chunk, rows);
    uint4 tokens[kTiles];
#pragma unroll
    for (int j = 0; j < kTiles; ++j) tokens[j] = x[j][chunk * 4 + t];
    add_chunk<kTiles>(rows, tokens, sums);
  }
}

__device__ uint32_t spans_of(uint32_t num_pairs) {
  return (num_pairs * 2 + kGemmSpan - 1) / kGemmSpan;
}

// The lane's token of each tile; past the last one, that again: its sums are not stored.
template <int kTiles>
__device__ void find_tokens(const GemmArgs& args, uint32_t first_token, uint32_t num_rows,
                            const uint4* (&x)[kTiles]) {
  const uint32_t g = threadIdx.x % kWarpSize / 4;
#pragma unroll
  for (int j = 0; j < kTiles; ++j) {
    const uint32_t token = min(first_token + j * kTileTokens + g, num_rows - 1);
    x[j] = reinterpret_cast<const uint4*>(args.x + size_t{token} * args.stride);
  }
}

struct Panel {
  const uint4* weights;
  float* to;  // The panel's first output of row 0.
  uint32_t num_outputs;
  uint32_t columns;  // Outputs of the panel that exist.
};

__device__ Panel find_panel(const GemmArgs& args, uint32_t index) {
  uint32_t which = 0;
#pragma unroll
  for (uint32_t i = 1; i < kMaxMatrices; ++i) {
    if (i < args.num_matrices && index >= args.matrices[i].first_panel) which = i;
  }
  GemmMatrix matrix = args.matrices[0];
  if (which == 1) matrix = args.matrices[1];
  if (which == 2) matrix = args.matrices[2];
  const uint32_t panel = index - matrix.first_panel;
  const uint32_t first = panel * kPanel;
  return {.weights = reinterpret_cast<const uint4*>(matrix.panels +
                                                    size_t{panel} * args.num_pairs * kPanel),
          .to = matrix.to + first,
          .num_outputs = matrix.num_outputs,
          .columns = min(kPanel, matrix.num_outputs - first)};
}

__device__ void store(const GemmArgs& args, const Panel& panel, uint32_t row, uint32_t output,
                      float sum) {
  if (output >= panel.columns) return;
  float* to = panel.to + size_t{row} * panel.num_outputs + output;
  *to = args.is_added ? *to + sum : sum;
}

// Grid: panels, groups of 8 kTiles tokens. Block: a warp for each span, at most 8.
template <int kTiles>
__device__ void multiply_few(const GemmArgs& args) {
  constexpr uint32_t kTokens = kTiles * kTileTokens;
  __shared__ float4 parts[kFewWarps][kTokens][kPartStride / 4];
  __shared__ float totals[kTokens * kPanel];
  const uint32_t num_rows = *args.num_rows;
  const uint32_t first_token = blockIdx.y * kTokens;
  if (first_token >= num_rows) return;
  const Panel panel = find_panel(args, blockIdx.x);
  const uint4* x[kTiles];
  find_tokens<kTiles>(args, first_token, num_rows, x);
  const uint32_t num_warps = blockDim.x / kWarpSize;
  const uint32_t warp = threadIdx.x / kWarpSize;
  const uint32_t g = threadIdx.x % kWarpSize / 4;
  const uint32_t t = threadIdx.x % 4;
  const uint32_t num_spans = spans_of(args.num_pairs);
  for (uint32_t first_span = 0; first_span < num_spans; first_span += num_warps) {
    if (first_span + warp < num_spans) {
      float sums[2][kTiles][4];
      sum_span<kTiles>(panel.weights, args.num_pairs, x, first_span + warp, sums);
#pragma unroll
      for (int j = 0; j < kTiles; ++j) {
        const uint32_t token = j * kTileTokens + 2 * t;
        parts[warp][token][g] =
            make_float4(sums[0][j][0], sums[0][j][2], sums[1][j][0], sums[1][j][2]);
        parts[warp][token + 1][g] =
            make_float4(sums[0][j][1], sums[0][j][3], sums[1][j][1], sums[1][j][3]);
      }
    }
    __syncthreads();
    const uint32_t num_parts = min(num_warps, num_spans - first_span);
    const bool is_last = first_span + num_warps >= num_spans;
    for (uint32_t i = threadIdx.x; i < kTokens * kPanel; i += blockDim.x) {
      const uint32_t token = i / kPanel;
      const uint32_t output = i % kPanel;
      float total = first_span == 0 ? 0.0f : totals[i];
      for (uint32_t part = 0; part < num_parts; ++part) {
        total += reinterpret_cast<const float*>(parts[part][token])[output];
      }
      if (!is_last) {
        totals[i] = total;
      } else if (first_token + token < num_rows) {
        store(args, panel, first_token + token, output, total);
      }
    }
    __syncthreads();
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(256) dyn_gemm_few_8(const GemmArgs args) {
  multiply_few<1>(args);
}

extern "C" __global__ void __launch_bounds__(256) dyn_gemm_few_16(const GemmArgs args) {
  multiply_few<2>(args);
}

extern "C" __global__ void __launch_bounds__(256) dyn_gemm_few_32(const GemmArgs args) {
  multiply_few<4>(args);
}

// Grid: pairs of panels, groups of 128 tokens. Block: 2 panels times 2 halves of the tokens.
extern "C" __global__ void __launch_bounds__(128) dyn_gemm_many(const GemmArgs args) {
  const uint32_t warp = threadIdx.x / kWarpSize;
  const uint32_t index = blockIdx.x * 2 + warp % 2;
  const uint32_t num_rows = *args.num_rows;
  const uint32_t first_token = (blockIdx.y * 2 + warp / 2) * kManyTokens;
  if (index >= args.num_panels || first_token >= num_rows) return;
  const Panel panel = find_panel(args, index);
  const uint4* x[kManyTiles];
  find_tokens<kManyTiles>(args, first_token, num_rows, x);
  float totals[2][kManyTiles][4] = {};
  const uint32_t num_spans = spans_of(args.num_pairs);
  for (uint32_t span = 0; span < num_spans; ++span) {
    float sums[2][kManyTiles][4];
    sum_span<kManyTiles>(panel.weights, args.num_pairs, x, span, sums);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int j = 0; j < kManyTiles; ++j) {
#pragma unroll
        for (int c = 0; c < 4; ++c) totals[i][j][c] += sums[i][j][c];
      }
    }
  }
  const uint32_t g = threadIdx.x % kWarpSize / 4;
  const uint32_t t = threadIdx.x % 4;
#pragma unroll
  for (int j = 0; j < kManyTiles; ++j) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const uint32_t row = first_token + j * kTileTokens + 2 * t + c % 2;
      if (row >= num_rows) continue;
      store(args, panel, row, 4 * g + c / 2, totals[0][j][c]);
      store(args, panel, row, 4 * g + 2 + c / 2, totals[1][j][c]);
    }
  }
}

}  // namespace dyn::cuda
