#include "cpu/phases/phases.h"

namespace dyn {

const PhaseKernels& phase_kernels(dyn_isa isa) {
#if defined(__x86_64__)
  if (isa == DYN_ISA_AVX512) return kAvx512Phases;
  if (isa == DYN_ISA_AVX2) return kAvx2Phases;
#endif
  static_cast<void>(isa);
  return kPortablePhases;
}

}  // namespace dyn
