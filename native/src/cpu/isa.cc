#include "cpu/isa.h"

#include <iterator>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace dyn {
namespace {

constexpr const char* kNames[] = {
    "any", "portable", "AVX2", "AVX-512", "NEON with the dot product", "NEON with BF16", "NEON"};

constexpr dyn_isa kBestFirst[] = {DYN_ISA_AVX512, DYN_ISA_AVX2,    DYN_ISA_NEON_BF16,
                                  DYN_ISA_NEON,   DYN_ISA_NEON_V8, DYN_ISA_PORTABLE};

}  // namespace

bool has_isa(dyn_isa isa) {
  switch (isa) {
    case DYN_ISA_ANY:
    case DYN_ISA_PORTABLE:
      return true;
#if defined(__x86_64__)
    case DYN_ISA_AVX2:  // Every CPU with AVX2 has F16C, too.
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case DYN_ISA_AVX512:
      return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
             __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__)
    case DYN_ISA_NEON_V8:
      return true;
    case DYN_ISA_NEON:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    case DYN_ISA_NEON_BF16:
      return has_isa(DYN_ISA_NEON) && (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#endif
    default:
      return false;
  }
}

Status choose_isa(uint32_t asked, dyn_isa* isa) {
  if (asked >= std::size(kNames)) {
    return invalid_argument("no instruction set has number " + std::to_string(asked));
  }
  *isa = static_cast<dyn_isa>(asked);
  if (!has_isa(*isa)) {
    return invalid_argument(std::string("this CPU has no ") + kNames[asked] +
                            "; leave the choice to the engine");
  }
  if (*isa == DYN_ISA_ANY) *isa = present_isas().front();
  return {};
}

std::vector<dyn_isa> present_isas() {
  std::vector<dyn_isa> isas;
  for (const dyn_isa isa : kBestFirst) {
    if (has_isa(isa)) isas.push_back(isa);
  }
  return isas;
}

const char* isa_name(dyn_isa isa) {
  return kNames[isa];
}

}  // namespace dyn
