#include "cuda/module/kernels.h"

extern "C" {
extern const unsigned char dyn_cuda_attention[];
extern const unsigned char dyn_cuda_gemm[];
extern const unsigned char dyn_cuda_rowwise[];
extern const unsigned char dyn_cuda_sample[];
}

namespace dyn::cuda {
namespace {

enum Module : uint32_t { kAttention, kGemm, kRowwise, kSampling };

struct Entry {
  Kernel kernel;
  Module module;
  const char* name;
};

constexpr Entry kEntries[] = {
    {Kernel::kEmbed, kRowwise, "dyn_embed"},
    {Kernel::kRmsNorm, kRowwise, "dyn_rms_norm"},
    {Kernel::kHeads, kRowwise, "dyn_heads"},
    {Kernel::kSwiglu, kRowwise, "dyn_swiglu"},
    {Kernel::kGemmFew8, kGemm, "dyn_gemm_few_8"},
    {Kernel::kGemmFew16, kGemm, "dyn_gemm_few_16"},
    {Kernel::kGemmFew32, kGemm, "dyn_gemm_few_32"},
    {Kernel::kGemmMany, kGemm, "dyn_gemm_many"},
    {Kernel::kAttend32, kAttention, "dyn_attend_32"},
    {Kernel::kMergeSpans32, kAttention, "dyn_merge_spans_32"},
    {Kernel::kAttend64, kAttention, "dyn_attend_64"},
    {Kernel::kMergeSpans64, kAttention, "dyn_merge_spans_64"},
    {Kernel::kAttend128, kAttention, "dyn_attend_128"},
    {Kernel::kMergeSpans128, kAttention, "dyn_merge_spans_128"},
    {Kernel::kSample, kSampling, "dyn_sample"},
};
static_assert(std::size(kEntries) == kNumKernels);

}  // namespace

Kernels::~Kernels() {
  if (context_ == nullptr || !context_->enter().ok()) return;
  for (CUmodule module : modules_) {
    if (module != nullptr) context_->driver().cuModuleUnload(module);
  }
}

Status Kernels::load(const Context& context) {
  RETURN_IF_ERROR(context.enter());
  context_ = &context;
  const Driver& driver = context.driver();
  const unsigned char* const images[kNumModules] = {dyn_cuda_attention, dyn_cuda_gemm,
                                                    dyn_cuda_rowwise, dyn_cuda_sample};
  for (uint32_t i = 0; i < kNumModules; ++i) {
    const Status status =
        check(driver, driver.cuModuleLoadData(&modules_[i], images[i]), "cuModuleLoadData");
    if (status.code() == DYN_OUT_OF_MEMORY || status.ok()) {
      RETURN_IF_ERROR(status);
      continue;
    }
    modules_[i] = nullptr;
    return invalid_argument("the NVIDIA driver, of CUDA " + version_text(driver.version) +
                            ", cannot load kernels that CUDA " + version_text(CUDA_VERSION) +
                            " built for " + context.facts().name + " (" + status.message() +
                            "); install a driver of CUDA " + version_text(CUDA_VERSION) +
                            ", or build with --cuda=all");
  }
  for (const Entry& entry : kEntries) {
    CUfunction* function = &functions_[static_cast<uint32_t>(entry.kernel)];
    RETURN_IF_ERROR(check(driver,
                          driver.cuModuleGetFunction(function, modules_[entry.module], entry.name),
                          entry.name));
  }
  return {};
}

Status Kernels::launch_any(const Stream& stream, Kernel kernel, const Grid& grid,
                           const void* args) const {
  if (grid.x == 0 || grid.y == 0) return {};
  const Driver& driver = context_->driver();
  const auto index = static_cast<uint32_t>(kernel);
  void* parameters[] = {const_cast<void*>(args)};
  return check(driver,
               driver.cuLaunchKernel(functions_[index], grid.x, grid.y, 1, grid.threads, 1, 1, 0,
                                     stream.get(), parameters, nullptr),
               kEntries[index].name);
}

}  // namespace dyn::cuda
