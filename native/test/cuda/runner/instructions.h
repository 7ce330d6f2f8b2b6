// All that a translated kernel calls.

#pragma once

#include "runner/access.h"
#include "runner/arithmetic.h"
#include "runner/collectives.h"
#include "runner/conversion.h"
#include "runner/kernel.h"
#include "runner/lanes.h"
#include "runner/matrix.h"
#include "runner/warp.h"
