#include "base/mapping.h"

#include <sys/mman.h>

#include <string>
#include <utility>

namespace dyn {

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
}

Status Mapping::create(uint64_t num_bytes, const char* what, Mapping* mapping) {
  *mapping = Mapping();
  if (num_bytes == 0) return {};
  void* memory = mmap(nullptr, num_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return out_of_memory("cannot reserve " + std::to_string(num_bytes) + " bytes for " + what +
                         "; lower the limits that size it");
  }
  mapping->data_ = static_cast<std::byte*>(memory);
  mapping->size_ = num_bytes;
  return {};
}

void Mapping::use_huge_pages() const {
  // Advice: nothing depends on whether it is taken.
  if (data_ != nullptr) madvise(data_, size_, MADV_HUGEPAGE);
}

}  // namespace dyn
