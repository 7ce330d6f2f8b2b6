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

  // Asks for pages of 2 MiB, where the system has them to give. For what is read again and again.
  void use_huge_pages() const;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace dyn
