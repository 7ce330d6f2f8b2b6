// The seam: every device passes the same suite.

#include "check.h"
#include "device_suite.h"
#include "engine/open_device.h"
#include "made_up_device.h"

namespace {

using namespace dyn;

std::shared_ptr<Device> open_cpu() {
  std::shared_ptr<Device> device;
  CHECK(open_device(DYN_DEVICE_CPU, 0, {.num_threads = 2, .isa = DYN_ISA_ANY}, &device).ok());
  return device;
}

}  // namespace

int main() {
  test::check_device({.name = "CPU",
                      .open = open_cpu,
                      .kv_dtype = DYN_KV_F32,
                      .weights = DYN_F32,
                      .lose = nullptr});
  test::check_device({.name = "made-up device",
                      .open = test::open_made_up_device,
                      .kv_dtype = DYN_KV_BF16,
                      .weights = DYN_F32,
                      .lose = test::lose_made_up_device});
  return check_finish();
}
