#include "cpu/attention/float_attention.h"
#include "cpu/avx2_floats.h"

namespace dyn {

const AttentionKernels kAvx2Attention = kFloatAttention<Avx2Floats>;

}  // namespace dyn
