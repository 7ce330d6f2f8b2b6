#include "cpu/attention/float_attention.h"
#include "cpu/neon_floats.h"

namespace dyn {

const AttentionKernels kNeonAttention = kFloatAttention<NeonFloats>;

}  // namespace dyn
