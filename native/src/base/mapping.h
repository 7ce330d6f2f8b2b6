// Mapping: memory from the system. It is zero, and a page costs nothing until it is touched, so a
// pool or a workspace may be sized for its limit.

#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace dyn {

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // `what` names the memory in the error. 0 bytes are allowed and map nothing.
  static Status create(uint64_t num_bytes, const char* what, Mapping* mapping);

  // The first `num_bytes` of a file, read-only and shared by all that map it. To be populated
  // before it is looked at: a page that the file does not have is a signal.
  static Status map_file(int fd, uint64_t num_bytes, const char* what, Mapping* mapping);

  // Has the system read [offset, offset + num_bytes) in, from a page's beginning. False where it
  // cannot: the file was cut, or its disk fails.
  bool populate(uint64_t offset, uint64_t num_bytes) const;

  // Gives the whole pages within [offset, offset + num_bytes) back; they are zero again.
  void discard(uint64_t offset, uint64_t num_bytes) const;

  // Asks for pages of 2 MiB, where the system has them to give. For what is read again and again.
  void use_huge_pages() const;

  // Bytes that the system takes for `num_bytes`.
  static uint64_t whole_pages(uint64_t num_bytes);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dyn
