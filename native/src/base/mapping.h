// Mapping: memory from the system, anonymous or of a file. Anonymous memory is zero, and a page
// costs nothing until it is touched, so a pool or a workspace may be sized for its limit.

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

  // The first `num_bytes` of a file, to be read only. False where the system cannot map it. Nothing
  // may be read that populate() has not said is there: a file that is too short would be SIGBUS.
  static bool of_file(int fd, uint64_t num_bytes, Mapping* mapping);

  // Reads [offset, offset + num_bytes) of a file in; `offset` is a multiple of the page size. False
  // where the file does not go that far, or cannot be read.
  bool populate(uint64_t offset, uint64_t num_bytes) const;

  // Asks for pages of 2 MiB, where the system has them to give. For what is read again and again.
  void use_huge_pages() const;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dyn
