#include "cpu/gemm/gemm.h"

#include "cpu/gemm/kernels.h"

namespace dyn {

const GemmKernels& gemm_kernels(dyn_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case DYN_ISA_AVX512:
      return kAvx512Gemm;
    case DYN_ISA_AVX2:
      return kAvx2Gemm;
#elif defined(__aarch64__)
    case DYN_ISA_NEON_BF16:
      return kNeonBf16Gemm;
    case DYN_ISA_NEON:
      return kNeonGemm;
    case DYN_ISA_NEON_V8:
      return kNeonV8Gemm;
#endif
    default:
      return kPortableGemm;
  }
}

}  // namespace dyn
