// The devices that this library was built for: a closed set.

#pragma once

#include <cstdint>
#include <memory>

#include "device/device.h"

namespace dyn {

Status open_device(uint32_t kind, uint32_t ordinal, const dyn_device_config& config,
                   std::shared_ptr<Device>* device);

}  // namespace dyn
