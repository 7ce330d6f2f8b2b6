#include "engine/device.h"

#include <algorithm>
#include <string>

#include "cpu/isa.h"
#include "pool/available_cpus.h"

namespace dyn {
namespace {

constexpr uint32_t kMaxThreads = 1024;

}  // namespace

Status Device::create(uint32_t num_threads, uint32_t isa, std::shared_ptr<Device>* device) {
  if (num_threads > kMaxThreads) {
    return invalid_argument("num_threads is " + std::to_string(num_threads) + ", at most " +
                            std::to_string(kMaxThreads) + " are possible");
  }
  auto created = std::make_shared<Device>();
  if (num_threads == DYN_THREADS_ANY) {
    const AvailableCpus cpus = available_cpus();
    num_threads = std::min(cpus.count, kMaxThreads);
    created->threads_by_ = cpus.by;
  }
  RETURN_IF_ERROR(choose_isa(isa, &created->isa_));
  RETURN_IF_ERROR(created->threads_.start(num_threads));
  *device = std::move(created);
  return {};
}

Status Device::check_same(uint32_t num_threads, uint32_t isa) const {
  if (isa != DYN_ISA_ANY && isa != isa_) {
    return invalid_argument("the device uses one instruction set for all its engines");
  }
  if (num_threads == DYN_THREADS_ANY || num_threads == threads_.num_threads()) return {};
  return invalid_argument("the device runs " + std::to_string(threads_.num_threads()) +
                          " threads for all its engines, not " + std::to_string(num_threads) +
                          "; give every worker the same number");
}

}  // namespace dyn
