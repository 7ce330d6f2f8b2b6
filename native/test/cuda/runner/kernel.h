// A translated kernel and its module, as translate.ts writes them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ptx {

class Warp;

struct Parameter {
  uint32_t offset;
  uint32_t bytes;
};

// A fault that a run can switch on: number 1 is the first of its kernel.
struct Mutation {
  const char* kind;
  int line;
  const char* opcode;
};

struct RegisterRows {
  uint32_t of16;
  uint32_t of32;
  uint32_t of64;
  uint32_t predicates;
};

struct Kernel {
  const char* name;
  const char* file;
  void (*run)(Warp&);  // Until the warp ends, waits at a barrier, or lets others go first.
  RegisterRows rows;
  uint32_t shared_bytes;  // Without those that the launch adds.
  uint32_t local_bytes;   // A lane's.
  uint32_t max_threads;
  uint32_t parameter_bytes;
  const Parameter* parameters;
  uint32_t num_parameters;
  const Mutation* mutations;
  uint32_t num_mutations;
};

struct GlobalVariable {
  const char* name;
  void* place;
  uint64_t bytes;
};

struct Module {
  uint64_t hash;  // Its PTX's: translate.ts says how.
  std::span<const Kernel> kernels;
  std::span<const GlobalVariable> variables;
};

// All modules that this binary carries.
inline std::vector<Module>& modules() {
  static std::vector<Module> all;
  return all;
}

// Enters a module when its file is loaded.
struct ModuleEntry {
  ModuleEntry(uint64_t hash, const Kernel* kernels, size_t num_kernels,
              const GlobalVariable* variables, size_t num_variables) {
    modules().push_back({hash, {kernels, num_kernels}, {variables, num_variables}});
  }
};

// Looks in all modules; null if there is none.
inline const Kernel* find_kernel(std::string_view name) {
  for (const Module& module : modules()) {
    for (const Kernel& kernel : module.kernels) {
      if (kernel.name == name) return &kernel;
    }
  }
  return nullptr;
}

}  // namespace ptx
