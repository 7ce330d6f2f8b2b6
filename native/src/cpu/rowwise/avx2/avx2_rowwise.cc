#include "cpu/avx2_floats.h"
#include "cpu/rowwise/float_rowwise.h"

namespace dyn {

const RowwiseKernels kAvx2Rowwise = kFloatRowwise<Avx2Floats>;

}  // namespace dyn
