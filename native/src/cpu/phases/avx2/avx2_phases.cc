#include "cpu/avx2_floats.h"
#include "cpu/phases/float_phases.h"

namespace dyn {

const PhaseKernels kAvx2Phases = kFloatPhases<Avx2Floats>;

}  // namespace dyn
