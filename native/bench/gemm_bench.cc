// All matrix products of Qwen3-0.6B in their order, by the decoder's own loops, but nothing else of
// the model: decode steps of several batch sizes and a prefill, for each format. Weights are zeros
// (time does not depend on them). Beside each format, in the same run: reading the same bytes, and
// the arithmetic's peak; a share of 100 % of either is the most that can be.
//
//   gemm_bench [seconds per line, 0.5 by default] [threads, one a CPU by default] [isa number]
//              [dtype number, all by default]
//
// Run it after gemm_test: nothing is checked here.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "base/arena.h"
#include "cpu/isa.h"
#include "cpu/step/projection.h"
#include "pack/dtype.h"
#include "packed_tensor.h"
#include "peak.h"
#include "run_on.h"

namespace {

using namespace dyn;
using bench::run_on;
using test::PackedTensor;

constexpr uint32_t kNumLayers = 28;
constexpr uint32_t kHidden = 1024;
constexpr uint32_t kQ = 2048;
constexpr uint32_t kKv = 1024;
constexpr uint32_t kIntermediate = 3072;
constexpr uint32_t kVocab = 151936;
constexpr uint32_t kMaxRows = 512;
constexpr uint32_t kMaxDecodes = 32;

void require(const Status& status) {
  if (status.ok()) return;
  std::printf("%s\n", status.message().c_str());
  std::exit(1);
}

PackedTensor zeros(uint32_t num_outputs, uint32_t num_inputs, dyn_dtype dtype) {
  const uint64_t num_bytes = num_outputs * row_bytes_of(dtype, num_inputs);
  const uint64_t num_groups = num_inputs / 128;  // Groups of scales and zero points, in AWQ.
  const int fd = memfd_create("zeros", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(num_bytes)) != 0) std::exit(1);
  const dyn_tensor tensor = {.role = DYN_UP,
                             .dtype = static_cast<uint16_t>(dtype),
                             .layer = 0,
                             .fd = fd,
                             .rank = 2,
                             .part = DYN_WHOLE,
                             .shape = {num_outputs, num_inputs},
                             .offset = 0,
                             .num_bytes = num_bytes};
  dyn_tensor zero_points = tensor;
  zero_points.shape[0] = num_groups;
  zero_points.shape[1] = num_outputs;
  zero_points.num_bytes = num_groups * row_bytes_of(dtype, num_outputs);
  dyn_tensor scales = zero_points;
  scales.dtype = DYN_F16;
  scales.num_bytes = num_groups * row_bytes_of(DYN_F16, num_outputs);
  PackedTensor matrix;
  require(test::pack_tensor({.whole = &tensor, .zeros = &zero_points, .scales = &scales},
                            DYN_QUANTIZATION_NONE, &matrix));
  close(fd);
  return matrix;
}

struct Layer {
  PackedTensor q, k, v, o, gate, up, down;
};

class Products {
 public:
  Products(dyn_dtype dtype, const GemmKernels& kernels)
      : normed_(kernels), attended_(kernels), activated_(kernels) {
    for (uint32_t i = 0; i < kNumLayers; ++i) {
      layers_.push_back({zeros(kQ, kHidden, dtype), zeros(kKv, kHidden, dtype),
                         zeros(kKv, kHidden, dtype), zeros(kHidden, kQ, dtype),
                         zeros(kIntermediate, kHidden, dtype), zeros(kIntermediate, kHidden, dtype),
                         zeros(kHidden, kIntermediate, dtype)});
    }
    head_ = zeros(kVocab, kHidden, dtype);
    place();
    require(arena_.map("the workspace"));
    place();
    std::fill_n(x_, size_t{kMaxRows} * kQ, 0.7f);
  }

  // A step of `num_rows` tokens, of which `num_sampled` pass the head.
  void step(ThreadPool* pool, uint32_t num_rows, uint32_t num_sampled) {
    for (const Layer& layer : layers_) {
      store(pool, num_rows, kHidden, &normed_);
      project(pool, normed_, num_rows, {{&layer.q, q_}, {&layer.k, k_}, {&layer.v, v_}});
      store(pool, num_rows, kQ, &attended_);
      project_and_add(pool, attended_, num_rows, {&layer.o, residual_});
      store(pool, num_rows, kHidden, &normed_);
      project_gated(pool, normed_, num_rows, {layer.gate, layer.up, DYN_ACTIVATION_SILU},
                    &activated_);
      project_and_add(pool, activated_, num_rows, {&layer.down, residual_});
    }
    store(pool, num_sampled, kHidden, &normed_);
    project(pool, normed_, num_sampled, {{&head_, logits_}});
  }

  void read(ThreadPool* pool) const {
    for_each_matrix([&](const PackedMatrix& matrix) {
      bench::read_all(pool, matrix.panel(0), matrix.num_bytes());
    });
  }

  double num_bytes() const {
    double sum = 0;
    for_each_matrix([&](const PackedMatrix& m) { sum += static_cast<double>(m.num_bytes()); });
    return sum;
  }

  double operations(uint32_t num_rows, uint32_t num_sampled) const {
    const double layer =
        2.0 * kHidden * (kQ + 2.0 * kKv) + 2.0 * kQ * kHidden + 6.0 * kHidden * kIntermediate;
    return num_rows * kNumLayers * layer + num_sampled * 2.0 * kHidden * kVocab;
  }

 private:
  template <typename Body>
  void for_each_matrix(const Body& body) const {
    for (const Layer& layer : layers_) {
      for (const PackedMatrix* matrix :
           {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
        body(*matrix);
      }
    }
    body(head_);
  }

  void place() {
    InputForms forms;
    forms.add(normed_.kernels().form(head_.format()));
    normed_.place(forms, kMaxRows, kHidden, &arena_);
    attended_.place(forms, kMaxRows, kQ, &arena_);
    activated_.place(forms, kMaxRows, kIntermediate, &arena_);
    arena_.place(uint64_t{kMaxRows} * kQ, &x_);
    arena_.place(uint64_t{kMaxRows} * kQ, &q_);
    arena_.place(uint64_t{kMaxRows} * kKv, &k_);
    arena_.place(uint64_t{kMaxRows} * kKv, &v_);
    arena_.place(uint64_t{kMaxRows} * kHidden, &residual_);
    arena_.place(uint64_t{kMaxDecodes} * kVocab, &logits_);
  }

  void store(ThreadPool* pool, uint32_t num_rows, uint32_t num_inputs, GemmInput* to) {
    pool->parallel_for(num_rows, [&](uint32_t row, uint32_t) {
      to->store(row, 0, num_inputs, x_ + size_t{row} * num_inputs);
    });
  }

  std::vector<Layer> layers_;
  PackedTensor head_;
  Arena arena_;
  GemmInput normed_, attended_, activated_;
  float* x_ = nullptr;
  float* q_ = nullptr;
  float* k_ = nullptr;
  float* v_ = nullptr;
  float* residual_ = nullptr;
  float* logits_ = nullptr;
};

struct Times {
  double best;
  double median;
};

template <typename Body>
Times time_of(double seconds, const Body& body) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point before = Clock::now();
    body();
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds ||
           times.size() < 3);
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

const char* name_of(dyn_dtype dtype) {
  constexpr const char* kNames[] = {"F32",
                                    "F16",
                                    "BF16",
                                    "Q8_0",
                                    "Q4_0",
                                    "Q4_K",
                                    "Q5_K",
                                    "Q6_K",
                                    "GPTQ",
                                    "GPTQ v2",
                                    "AWQ, groups of 128"};
  return kNames[dtype];
}

void bench_format(ThreadPool* pool, const GemmKernels& kernels, dyn_dtype dtype, double seconds) {
  Products products(dtype, kernels);
  const double num_bytes = products.num_bytes();
  const auto arithmetic = dtype == DYN_BF16  ? bench::Arithmetic::kBf16
                          : !is_float(dtype) ? bench::Arithmetic::kInt8
                                             : bench::Arithmetic::kF32;
  double peak = 0;
  run_on(pool, [&] { peak = bench::peak_operations(pool, arithmetic); });
  std::printf("\n%s: %.0f MB; peak %.0f G/s\n", name_of(dtype), num_bytes / 1e6, peak / 1e9);
  std::printf("%12s %9s %9s %8s %9s %8s %9s %8s\n", "", "best t/s", "median", "GB/s", "read GB/s",
              "of read", "G/s", "of peak");
  const auto line = [&](const char* kind, uint32_t num_rows, uint32_t num_sampled) {
    Times read = {};
    Times step = {};
    run_on(pool, [&] {
      read = time_of(seconds / 3, [&] { products.read(pool); });
      step = time_of(seconds, [&] { products.step(pool, num_rows, num_sampled); });
      const Times again = time_of(seconds / 3, [&] { products.read(pool); });
      read = {std::min(read.best, again.best), std::min(read.median, again.median)};
    });
    const double operations = products.operations(num_rows, num_sampled);
    std::printf("%8s %3u %9.1f %9.1f %8.1f %9.1f %7.0f%% %9.0f %7.0f%%\n", kind, num_rows,
                num_rows / step.best, num_rows / step.median, num_bytes / step.median / 1e9,
                num_bytes / read.median / 1e9, 100 * read.median / step.median,
                operations / step.best / 1e9, 100 * operations / step.best / peak);
    std::fflush(stdout);
  };
  for (const uint32_t batch : {1u, 4u, 8u, 16u, 32u}) line("decode", batch, batch);
  line("prefill", kMaxRows, 1);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  const uint32_t num_threads =
      argc > 2 ? static_cast<uint32_t>(std::atoi(argv[2])) : std::thread::hardware_concurrency();
  dyn_isa isa = DYN_ISA_ANY;
  require(choose_isa(argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 0, &isa));
  ThreadPool pool;
  require(pool.start(num_threads));
  std::printf("matrix products of Qwen3-0.6B, %u threads, instruction set %d\n", num_threads, isa);
  const int only = argc > 4 ? std::atoi(argv[4]) : -1;
  for (const dyn_dtype dtype :
       {DYN_Q8_0, DYN_Q4_0, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K, DYN_AWQ, DYN_BF16, DYN_F16}) {
    if (only < 0 || only == static_cast<int>(dtype)) {
      bench_format(&pool, gemm_kernels(isa), dtype, seconds);
    }
  }
}
