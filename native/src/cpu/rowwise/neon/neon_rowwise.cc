#include "cpu/neon_floats.h"
#include "cpu/rowwise/float_rowwise.h"

namespace dyn {

const RowwiseKernels kNeonRowwise = kFloatRowwise<NeonFloats>;

}  // namespace dyn
