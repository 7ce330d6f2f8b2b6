#include "cpu/rowwise/rowwise.h"

namespace dyn {

const RowwiseKernels& rowwise_kernels(dyn_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case DYN_ISA_AVX512:
      return kAvx512Rowwise;
    case DYN_ISA_AVX2:
      return kAvx2Rowwise;
#elif defined(__aarch64__)
    case DYN_ISA_NEON_BF16:
    case DYN_ISA_NEON:
    case DYN_ISA_NEON_V8:
      return kNeonRowwise;
#endif
    default:
      return kPortableRowwise;
  }
}

}  // namespace dyn
