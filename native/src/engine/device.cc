#include "engine/device.h"

#include <algorithm>
#include <string>
#include <thread>

namespace dyn {
namespace {

constexpr uint32_t kMaxThreads = 1024;

}  // namespace

Status Device::create(uint32_t num_threads, std::shared_ptr<Device>* device) {
  if (num_threads > kMaxThreads) {
    return invalid_argument("num_threads is " + std::to_string(num_threads) + ", at most " +
                            std::to_string(kMaxThreads) + " are possible");
  }
  if (num_threads == DYN_THREADS_ANY) {
    num_threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMaxThreads);
  }
  auto created = std::make_shared<Device>();
  RETURN_IF_ERROR(created->threads_.start(num_threads));
  *device = std::move(created);
  return {};
}

Status Device::check_same(uint32_t num_threads) const {
  if (num_threads == DYN_THREADS_ANY || num_threads == threads_.num_threads()) return {};
  return invalid_argument("the device runs " + std::to_string(threads_.num_threads()) +
                          " threads for all its engines, not " + std::to_string(num_threads) +
                          "; give every worker the same number");
}

}  // namespace dyn
