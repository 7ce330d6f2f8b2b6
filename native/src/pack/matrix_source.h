// MatrixSource: the tensors of the caller's table that make one matrix.

#pragma once

#include "dynamo_engine.h"

namespace dyn {

struct MatrixSource {
  const dyn_tensor* whole;
  const dyn_tensor* zeros;   // There if the whole is_in_parts.
  const dyn_tensor* scales;  // Likewise, and where it is DYN_MXFP4_PLANES.
};

}  // namespace dyn
