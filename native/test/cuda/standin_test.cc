// The stand-in for libcuda.so.1, by the driver's calls: copies and launches in order, captures, and every injected fault.
// Its calls are linked in, with planted kernels; the engine finds the same calls by dlopen.

#include <cuda.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "standin/injected.h"

extern "C" {
const char* dyn_standin_why();
uint64_t dyn_standin_num_live();
uint64_t dyn_standin_num_launches();
uint64_t dyn_standin_num_allocations();
}

namespace {

constexpr size_t kSize = 64 * 64;

std::vector<char> read_file(const std::string& name) {
  std::ifstream file(PROVER_FOLDER "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A context and a stream with the product of tiles, from open to close.
class Session {
 public:
  Session() {
    CHECK(cuInit(0) == CUDA_SUCCESS);
    CHECK(cuDeviceGet(&device_, 0) == CUDA_SUCCESS);
    retained = cuDevicePrimaryCtxRetain(&context_, device_);
    cuCtxSetCurrent(context_);
  }
  ~Session() {
    if (host != nullptr) cuMemFreeHost(host);
    if (retained == CUDA_SUCCESS) cuDevicePrimaryCtxRelease(device_);
    cuCtxSetCurrent(nullptr);
  }

  CUresult open() {
    const std::vector<char> image = read_file("tile_product.fatbin");
    CUmodule module = nullptr;
    CUresult result = cuModuleLoadData(&module, image.data());
    if (result == CUDA_SUCCESS) result = cuModuleGetFunction(&kernel, module, "tile_product");
    if (result == CUDA_SUCCESS) result = cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
    for (CUdeviceptr* const array : {&a, &b, &c}) {
      if (result == CUDA_SUCCESS) result = cuMemAlloc(array, kSize * 4);
    }
    void* place = nullptr;
    if (result == CUDA_SUCCESS) result = cuMemHostAlloc(&place, kSize * 4, 0);
    host = static_cast<float*>(place);
    return result;
  }

  // Everything of one step: two copies in, the product, a copy out.
  CUresult submit(int depth = 64) {
    CUresult result = cuMemcpyHtoDAsync(a, ones.data(), kSize * 2, stream);
    if (result == CUDA_SUCCESS) result = cuMemcpyHtoDAsync(b, ones.data(), kSize * 2, stream);
    void* arguments[] = {&a, &b, &c, &depth};
    if (result == CUDA_SUCCESS)
      result = cuLaunchKernel(kernel, 1, 1, 1, 128, 1, 1, 0, stream, arguments, nullptr);
    if (result == CUDA_SUCCESS) result = cuMemcpyDtoHAsync(host, c, kSize * 4, stream);
    return result;
  }

  bool has(float expected) const {
    for (size_t i = 0; i < kSize; ++i) {
      if (host[i] != expected) return false;
    }
    return true;
  }

  CUresult retained = CUDA_SUCCESS;
  CUfunction kernel = nullptr;
  CUstream stream = nullptr;
  CUdeviceptr a = 0, b = 0, c = 0;
  float* host = nullptr;
  std::vector<uint16_t> ones = std::vector<uint16_t>(kSize, 0x3f80);

 private:
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
};

// A count that has yet to be reached, from now on: injected faults are counted in a process.
standin::Injected& fresh() {
  standin::Injected& faults = standin::injected();
  faults = {};
  faults.recovers = true;
  return faults;
}

void computes_in_order() {
  fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  CHECK(session.submit() == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(session.stream) == CUDA_SUCCESS);
  CHECK(session.has(64));
}

void host_functions_and_events() {
  fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  CUevent event = nullptr;
  CHECK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING) == CUDA_SUCCESS);
  std::atomic<int> state = 0;
  const CUhostFn wake = [](void* data) {
    CUcontext context;
    CUdeviceptr pointer;
    cuCtxGetCurrent(&context);
    static_cast<std::atomic<int>*>(data)->store(
        cuMemAlloc(&pointer, 1) == CUDA_ERROR_NOT_PERMITTED ? 1 : 2);
  };
  CHECK(session.submit() == CUDA_SUCCESS);
  CHECK(cuLaunchHostFunc(session.stream, wake, &state) == CUDA_SUCCESS);
  CHECK(cuEventRecord(event, session.stream) == CUDA_SUCCESS);
  CHECK(cuEventSynchronize(event) == CUDA_SUCCESS);
  CHECK(cuEventQuery(event) == CUDA_SUCCESS);
  CHECK(state == 1);
  CHECK(session.has(64));
  CHECK(cuEventDestroy(event) == CUDA_SUCCESS);
}

void graphs_replay() {
  fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  CUgraph graph = nullptr;
  CUgraphExec executable = nullptr;
  CHECK(cuStreamBeginCapture(session.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
  CHECK(session.submit() == CUDA_SUCCESS);
  CHECK(cuStreamEndCapture(session.stream, &graph) == CUDA_SUCCESS);
  CHECK(cuGraphInstantiateWithFlags(&executable, graph, 0) == CUDA_SUCCESS);
  CHECK(cuGraphDestroy(graph) == CUDA_SUCCESS);
  for (const uint16_t value : {uint16_t{0x3f80}, uint16_t{0x4000}}) {  // 1 and 2
    std::fill(session.ones.begin(), session.ones.end(), value);
    CHECK(cuGraphLaunch(executable, session.stream) == CUDA_SUCCESS);
    CHECK(cuStreamSynchronize(session.stream) == CUDA_SUCCESS);
    CHECK(session.has(value == 0x3f80 ? 64.0f : 256.0f));
  }
  CHECK(cuGraphExecDestroy(executable) == CUDA_SUCCESS);
}

void waiting_breaks_a_capture() {
  fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  CUgraph graph = nullptr;
  CHECK(cuStreamBeginCapture(session.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(session.stream) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CHECK(cuStreamEndCapture(session.stream, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

void faults_of_kernels_stick() {
  standin::Injected& faults = fresh();
  {
    Session session;
    CHECK(session.open() == CUDA_SUCCESS);
    session.submit(1 << 20);  // Reads past the end, which a later call says.
    CHECK(cuStreamSynchronize(session.stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(std::string(dyn_standin_why()).find("tile_product.ptx:") != std::string::npos);
    CUdeviceptr more;
    CHECK(cuMemAlloc(&more, 16) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(session.submit() == CUDA_ERROR_ILLEGAL_ADDRESS);
  }
  {
    faults.recovers = false;
    Session again;
    CHECK(again.retained == CUDA_ERROR_ILLEGAL_ADDRESS);
  }
  faults.recovers = true;
  Session recovered;
  CHECK(recovered.open() == CUDA_SUCCESS);
  CHECK(recovered.submit() == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(recovered.stream) == CUDA_SUCCESS);
}

void a_lost_device_calls_nobody() {
  standin::Injected& faults = fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  faults.lose_at = dyn_standin_num_launches() + 1;
  std::atomic<int> calls = 0;
  const CUhostFn count = [](void* data) { ++*static_cast<std::atomic<int>*>(data); };
  session.submit();
  cuLaunchHostFunc(session.stream, count, &calls);
  CHECK(cuStreamSynchronize(session.stream) == CUDA_ERROR_ECC_UNCORRECTABLE);
  CHECK(cuCtxSynchronize() == CUDA_ERROR_ECC_UNCORRECTABLE);
  CHECK(calls == 0);
}

void refuses_a_launch() {
  standin::Injected& faults = fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  faults.fail_launch_at = dyn_standin_num_launches() + 2;
  CHECK(session.submit() == CUDA_SUCCESS);
  CHECK(session.submit() == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  CHECK(cuStreamSynchronize(session.stream) == CUDA_SUCCESS);
  CHECK(session.submit() == CUDA_SUCCESS);
}

void runs_out_of_memory() {
  for (uint64_t n = 1; n <= 3; ++n) {
    standin::Injected& faults = fresh();
    Session session;
    faults.oom_at = dyn_standin_num_allocations() + n;
    CHECK(session.open() == CUDA_ERROR_OUT_OF_MEMORY);
  }
  standin::Injected& faults = fresh();
  faults.memory_bytes = kSize * 4 * 2;
  Session session;
  CHECK(session.open() == CUDA_ERROR_OUT_OF_MEMORY);
}

void counts_devices_and_versions() {
  standin::Injected& faults = fresh();
  int count = 0;
  int version = 0;
  faults = standin::parse_injected("devices=2,driver=12020,capability=90");
  CHECK(cuInit(0) == CUDA_SUCCESS);
  CHECK(cuDeviceGetCount(&count) == CUDA_SUCCESS && count == 2);
  CHECK(cuDriverGetVersion(&version) == CUDA_SUCCESS && version == 12020);
  faults = standin::parse_injected("no-device");
  CHECK(cuInit(0) == CUDA_ERROR_NO_DEVICE);
}

void calls_need_a_context() {
  fresh();
  Session session;
  CHECK(session.open() == CUDA_SUCCESS);
  std::thread([&] {
    CHECK(cuStreamSynchronize(session.stream) == CUDA_ERROR_INVALID_CONTEXT);
  }).join();
}

void another_image_is_refused() {
  fresh();
  Session session;
  std::vector<char> image = read_file("tile_product.fatbin");
  const std::string text(image.data(), image.size());
  image[text.find("mma.sync")] = 'n';
  CUmodule module = nullptr;
  CHECK(cuModuleLoadData(&module, image.data()) == CUDA_ERROR_INVALID_IMAGE);
  CHECK(std::string(dyn_standin_why()).find("not the one that was translated") !=
        std::string::npos);
}

void leaves_nothing() {
  fresh();
  const uint64_t before = dyn_standin_num_live();
  for (int i = 0; i < 1000; ++i) {
    Session session;
    CHECK(session.open() == CUDA_SUCCESS);
  }
  CHECK(dyn_standin_num_live() == before);
}

}  // namespace

int main() {
  check_claim("copies and launches run in order", computes_in_order);
  check_claim("events and host functions, which must not call the driver",
              host_functions_and_events);
  check_claim("a graph replays what was captured", graphs_replay);
  check_claim("a wait breaks a capture", waiting_breaks_a_capture);
  check_claim("a kernel's fault sticks to the process", faults_of_kernels_stick);
  check_claim("a lost device runs no host function", a_lost_device_calls_nobody);
  check_claim("a refused launch does not stick", refuses_a_launch);
  check_claim("the n-th allocation fails", runs_out_of_memory);
  check_claim("devices, driver's version, no device", counts_devices_and_versions);
  check_claim("a thread needs a context", calls_need_a_context);
  check_claim("an image that was not translated is refused", another_image_is_refused);
  check_claim("a thousand contexts leave nothing", leaves_nothing);
  return check_finish();
}
