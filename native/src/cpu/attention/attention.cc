#include "cpu/attention/attention.h"

namespace dyn {

void AttentionScratch::place(const KvLayer& layer, Arena* arena) {
  const uint64_t row_elements = uint64_t{kMaxTileRows} * layer.padded_head_size;
  const uint64_t num_strips = kAttentionTile / kStrip;
  const uint64_t strip_elements = num_strips * kStrip * layer.padded_head_size;
  arena->place(row_elements, &q);
  arena->place(uint64_t{kMaxTileRows} * kAttentionTile, &scores);
  arena->place(uint64_t{kMaxTileRows} * kAttentionTile, &weights);
  arena->place(row_elements, &sums);
  arena->place(row_elements, &totals);
  arena->place(num_strips * layer.strip_bytes, &strips);
  arena->place(strip_elements, &k_strips);
  arena->place(strip_elements, &v_strips);
}

const AttentionKernels& attention_kernels(dyn_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case DYN_ISA_AVX512:
      return kAvx512Attention;
    case DYN_ISA_AVX2:
      return kAvx2Attention;
#elif defined(__aarch64__)
    case DYN_ISA_NEON_BF16:
    case DYN_ISA_NEON:
    case DYN_ISA_NEON_V8:
      return kNeonAttention;
#endif
    default:
      return kPortableAttention;
  }
}

}  // namespace dyn
