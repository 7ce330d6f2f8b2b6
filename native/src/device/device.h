// The seam between the engine and what computes for it. A device is the CPU or a GPU:
//
//     Device --load--> DeviceModel --open_pool--> DeviceKvPool --open_step--> DeviceStep
//
// The engine above the seam checks what callers hand in, and keeps what is shared. A device
// computes whole steps and knows neither handles nor owners. There is no seam at kernels: what is
// fused with what differs from device to device.
//
// The engine destroys what was made on an object before the object.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "device/step_input.h"
#include "device/step_limits.h"

namespace dyn {

// A model as its opener describes it; the config is checked, the tensors are not. The spans are the
// caller's, for the time of the call.
struct ModelSource {
  dyn_model_config config;
  std::span<const double> rope_frequencies;  // [num_layer_kinds, head_size / 2]
  std::span<const dyn_tensor> tensors;
  int cache_fd;  // A file with the model's image, or -1.
};

// The workspace of one engine, and the step that runs in it.
class DeviceStep {
 public:
  virtual ~DeviceStep() = default;  // Drops a step that has not begun, and waits for one that has.

  // Takes all memory that steps within `limits` need. Once, before the first step.
  virtual Status reserve(const StepLimits& limits) = 0;

  // Begins a step and returns at once. The batch's outputs are there when wait() is DYN_OK.
  // DYN_DEVICE_LOST from here or from wait() is the end of the device.
  virtual Status submit(const StepInput& input) = 0;

  // Blocks until the submitted step is done, or for timeout_us: then DYN_TIMEOUT.
  virtual Status wait(uint32_t timeout_us) = 0;

  // Says whether steps may be captured and replayed, where a device can. Between steps only.
  virtual void use_graphs(bool are_used) = 0;

  // A number above 0 that changes for as long as the device computes. From any thread.
  virtual uint64_t progress() const = 0;
};

// The paged K and V of one model, for all layers.
class DeviceKvPool {
 public:
  virtual ~DeviceKvPool() = default;

  // Gives the memory of these blocks back, as far as the device can.
  virtual Status discard(uint32_t first_block, uint32_t num_blocks) = 0;

  virtual std::unique_ptr<DeviceStep> open_step() = 0;
};

// A model's weights: there, or still being loaded.
class DeviceModel {
 public:
  virtual ~DeviceModel() = default;  // Ends a load that is not done.

  // Blocks until the load has ended, or for timeout_us, and says how it stands but for the opener.
  // The result is that of the load.
  virtual Status wait(uint32_t timeout_us, dyn_model_progress* progress) = 0;
  virtual bool is_loaded() = 0;

  // The config's bounds are checked. Refuses a type of K and V that the device does not have.
  virtual Status open_pool(const dyn_kv_pool_config& config,
                           std::unique_ptr<DeviceKvPool>* pool) = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  virtual dyn_device_facts facts() const = 0;

  // OK if a second opener that asks for `config` may share this device.
  virtual Status check_same(const dyn_device_config& config) const = 0;

  // Checks everything but what the files hold, and begins to load.
  virtual Status load(const ModelSource& source, std::unique_ptr<DeviceModel>* model) = 0;

  // Says what load() would take of memory, and takes none. The source's frequencies may be left
  // out, and its files.
  virtual Status measure_model(const ModelSource& source, dyn_model_sizes* sizes) = 0;

  // Likewise what open_pool() and reserve() would take; sets all sizes but the batch's, and the
  // workspace to what the device maps.
  virtual Status measure_step(const ModelSource& source, const dyn_kv_pool_config& pool,
                              const StepLimits& limits, dyn_engine_sizes* sizes) = 0;
};

}  // namespace dyn
