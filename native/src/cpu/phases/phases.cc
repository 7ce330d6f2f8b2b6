#include "cpu/phases/phases.h"

namespace dyn {

const PhaseKernels& phase_kernels(dyn_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case DYN_ISA_AVX512:
      return kAvx512Phases;
    case DYN_ISA_AVX2:
      return kAvx2Phases;
#elif defined(__aarch64__)
    case DYN_ISA_NEON_BF16:
    case DYN_ISA_NEON:
    case DYN_ISA_NEON_V8:
      return kNeonPhases;
#endif
    default:
      return kPortablePhases;
  }
}

}  // namespace dyn
