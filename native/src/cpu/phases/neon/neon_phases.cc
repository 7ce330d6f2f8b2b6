#include "cpu/neon_floats.h"
#include "cpu/phases/float_phases.h"

namespace dyn {

const PhaseKernels kNeonPhases = kFloatPhases<NeonFloats>;

}  // namespace dyn
