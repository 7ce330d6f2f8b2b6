// Spaces of memory in one address: shared, local and parameters lie in windows that no pointer of the
// process reaches, so a generic address says which space it is in.

#pragma once

#include <cstdint>

namespace ptx {

enum class Space { kGeneric, kGlobal, kShared, kLocal, kParam };

constexpr uint64_t kSharedWindow = uint64_t{1} << 48;
constexpr uint64_t kLocalWindow = uint64_t{2} << 48;
constexpr uint64_t kParamWindow = uint64_t{3} << 48;

// Address of the first shared byte: 0 stays an address of nothing. operands.ts has it too.
constexpr uint64_t kSharedBase = 1024;

inline Space space_of(uint64_t address) {
  switch (address >> 48) {
    case 1:
      return Space::kShared;
    case 2:
      return Space::kLocal;
    case 3:
      return Space::kParam;
    default:
      return Space::kGlobal;
  }
}

inline uint64_t address_of(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

}  // namespace ptx
