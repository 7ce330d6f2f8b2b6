#include "base/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
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

Status Mapping::map_file(int fd, uint64_t num_bytes, const char* what, Mapping* mapping) {
  *mapping = Mapping();
  void* memory = mmap(nullptr, num_bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return out_of_memory("cannot map " + std::to_string(num_bytes) + " bytes of " + what);
  }
  mapping->data_ = static_cast<std::byte*>(memory);
  mapping->size_ = num_bytes;
  return {};
}

// Before Linux 5.14 the system cannot, and pages come with their first use.
bool Mapping::populate(uint64_t offset, uint64_t num_bytes) const {
  constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, which older headers do not have.
  return madvise(data_ + offset, num_bytes, kPopulateRead) == 0 || errno == EINVAL;
}

void Mapping::discard(uint64_t offset, uint64_t num_bytes) const {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = (offset + page - 1) / page * page;
  const uint64_t end = (offset + num_bytes) / page * page;
  if (begin < end) madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

uint64_t Mapping::whole_pages(uint64_t num_bytes) {
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return (num_bytes + page - 1) / page * page;
}

void Mapping::use_huge_pages() const {
  // Advice: nothing depends on whether it is taken.
  if (data_ != nullptr) madvise(data_, size_, MADV_HUGEPAGE);
}

}  // namespace dyn
