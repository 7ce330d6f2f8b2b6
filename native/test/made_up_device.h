// MadeUpDevice: a second device, for the tests of the seam. Its K is a slot's token and its V is
// nothing; the next token is a hash of the tokens that a sequence's blocks hold. It has memory of its
// own and a thread that runs the steps behind the caller's back, as a GPU does.

#pragma once

#include <memory>

#include "device/device.h"

namespace dyn::test {

std::shared_ptr<Device> open_made_up_device();

// The step that runs next fails, and so does everything after it.
void lose_made_up_device(Device* device);

}  // namespace dyn::test
