// The tables that the folders of the instruction sets define.

#pragma once

#include "cpu/gemm/gemm.h"

namespace dyn {

extern const GemmKernels kPortableGemm;
extern const GemmKernels kAvx2Gemm;
extern const GemmKernels kAvx512Gemm;
extern const GemmKernels kNeonV8Gemm;
extern const GemmKernels kNeonGemm;
extern const GemmKernels kNeonBf16Gemm;

}  // namespace dyn
