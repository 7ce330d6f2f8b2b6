// The C ABI over the engine: handles to objects, Status to dyn_status, and the one place where what
// the standard library throws is caught.

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "base/status.h"
#include "c_api/handle_table.h"
#include "engine/engine.h"
#include "engine/kv_pool.h"
#include "engine/model.h"
#include "engine/open_device.h"
#include "engine/shared_by_key.h"
#include "graph/model_config.h"

namespace dyn {
namespace {

// Objects that belong to the process.
struct Process {
  SharedByKey<Device> devices;
  SharedByKey<Model> models;
  SharedByKey<KvPool> pools;
  HandleTable<dyn_device, Device> device_handles;
  HandleTable<dyn_model, Model> model_handles;
  HandleTable<dyn_kv_pool, KvPool> pool_handles;
  HandleTable<dyn_engine, Engine> engine_handles;
};

// Never destroyed: the host may exit while a step runs.
Process& process() {
  static Process* const instance = new Process;
  return *instance;
}

// Plain bytes, so that a thread which ends has nothing to destroy here.
constexpr size_t kMaxMessage = 512;
thread_local char last_error[kMaxMessage] = "";

void set_last_error(std::string_view message) {
  const size_t size = std::min(message.size(), kMaxMessage - 1);
  std::copy_n(message.begin(), size, last_error);
  last_error[size] = '\0';
}

// Runs `body`, which returns a Status, and says it in C.
template <typename Body>
dyn_status guarded(const Body& body) noexcept {
  try {
    const Status status = body();
    set_last_error(status.message());
    return status.code();
  } catch (const std::bad_alloc&) {
    set_last_error("out of memory");
    return DYN_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(error.what());
    return DYN_OUT_OF_MEMORY;
  }
}

Status not_open(const char* what) {
  return invalid_argument(std::string("this ") + what + " is not open");
}

Status null_argument() {
  return invalid_argument("a pointer is null");
}

size_t num_frequencies(const dyn_model_config& config) {
  return size_t{num_layer_kinds(config)} * (config.head_size / 2);
}

// A model of which no file is read.
ModelSource shape_of(const dyn_model_config& config, std::span<const dyn_tensor> tensors) {
  return {.config = config, .rope_frequencies = {}, .tensors = tensors, .cache_fd = -1};
}

}  // namespace
}  // namespace dyn

using namespace dyn;

uint32_t dyn_abi_version(void) {
  return DYN_ABI_VERSION;
}

const char* dyn_last_error(void) {
  return last_error;
}

dyn_status dyn_device_open(uint32_t kind, uint32_t ordinal, uint32_t owner,
                           const dyn_device_config* config, dyn_device** device) {
  return guarded([&]() -> Status {
    if (config == nullptr || device == nullptr) return null_argument();
    const SharedKey key = {.on = nullptr, .key = uint64_t{kind} << 32 | ordinal};
    std::shared_ptr<Device> opened;
    RETURN_IF_ERROR(process().devices.open(
        key,
        [&](std::shared_ptr<Device>* made) { return open_device(kind, ordinal, *config, made); },
        &opened));
    RETURN_IF_ERROR(opened->check_same(*config));
    *device = process().device_handles.open(owner, std::move(opened));
    return {};
  });
}

dyn_status dyn_device_describe(dyn_device* device, dyn_device_facts* facts) {
  return guarded([&]() -> Status {
    if (facts == nullptr) return null_argument();
    const std::shared_ptr<Device> found = process().device_handles.find(device);
    if (found == nullptr) return not_open("device");
    *facts = found->facts();
    return {};
  });
}

dyn_status dyn_device_close(dyn_device* device) {
  return guarded([&]() -> Status {
    return process().device_handles.close(device) != nullptr ? Status() : not_open("device");
  });
}

dyn_status dyn_model_open(dyn_device* device, uint32_t owner, const dyn_model_config* config,
                          const double* rope_frequencies, const dyn_tensor* tensors,
                          uint32_t num_tensors, int32_t cache_fd, dyn_model** model) {
  return guarded([&]() -> Status {
    if (config == nullptr || rope_frequencies == nullptr || tensors == nullptr ||
        model == nullptr) {
      return null_argument();
    }
    RETURN_IF_ERROR(check_model_config(*config));
    const ModelSource source = {.config = *config,
                                .rope_frequencies = {rope_frequencies, num_frequencies(*config)},
                                .tensors = {tensors, num_tensors},
                                .cache_fd = cache_fd};
    const std::shared_ptr<Device> on = process().device_handles.find(device);
    if (on == nullptr) return not_open("device");
    std::shared_ptr<Model> opened;
    RETURN_IF_ERROR(process().models.open(
        {.on = on.get(), .key = config->key},
        [&](std::shared_ptr<Model>* made) { return Model::open(on, owner, source, made); },
        &opened));
    RETURN_IF_ERROR(opened->check_same(source));
    *model = process().model_handles.open(owner, std::move(opened));
    return {};
  });
}

dyn_status dyn_model_wait(dyn_model* model, uint32_t timeout_us, dyn_model_progress* progress) {
  return guarded([&]() -> Status {
    if (progress == nullptr) return null_argument();
    const std::shared_ptr<Model> found = process().model_handles.find(model);
    if (found == nullptr) return not_open("model");
    return found->wait(timeout_us, progress);
  });
}

dyn_status dyn_model_close(dyn_model* model) {
  return guarded([&]() -> Status {
    return process().model_handles.close(model) != nullptr ? Status() : not_open("model");
  });
}

dyn_status dyn_model_measure(dyn_device* device, const dyn_model_config* config,
                             const dyn_tensor* tensors, uint32_t num_tensors,
                             dyn_model_sizes* sizes) {
  return guarded([&]() -> Status {
    if (config == nullptr || tensors == nullptr || sizes == nullptr) return null_argument();
    RETURN_IF_ERROR(check_model_config(*config));
    const std::shared_ptr<Device> on = process().device_handles.find(device);
    if (on == nullptr) return not_open("device");
    return on->measure_model(shape_of(*config, {tensors, num_tensors}), sizes);
  });
}

dyn_status dyn_kv_pool_open(dyn_model* model, uint32_t owner, const dyn_kv_pool_config* config,
                            dyn_kv_pool** pool) {
  return guarded([&]() -> Status {
    if (config == nullptr || pool == nullptr) return null_argument();
    const std::shared_ptr<Model> of = process().model_handles.find(model);
    if (of == nullptr) return not_open("model");
    if (!of->is_loaded()) return invalid_argument("wait for the model first");
    std::shared_ptr<KvPool> opened;
    RETURN_IF_ERROR(process().pools.open(
        {.on = of.get(), .key = config->key},
        [&](std::shared_ptr<KvPool>* made) { return KvPool::open(of, *config, made); }, &opened));
    RETURN_IF_ERROR(opened->check_same(*config));
    *pool = process().pool_handles.open(owner, std::move(opened));
    return {};
  });
}

dyn_status dyn_kv_pool_close(dyn_kv_pool* pool) {
  return guarded([&]() -> Status {
    return process().pool_handles.close(pool) != nullptr ? Status() : not_open("KV pool");
  });
}

dyn_status dyn_kv_pool_discard(dyn_kv_pool* pool, uint32_t first_block, uint32_t num_blocks) {
  return guarded([&]() -> Status {
    const std::shared_ptr<KvPool> of = process().pool_handles.find(pool);
    return of == nullptr ? not_open("KV pool") : of->discard(first_block, num_blocks);
  });
}

dyn_status dyn_engine_open(dyn_kv_pool* pool, uint32_t owner, const dyn_engine_config* config,
                           dyn_engine** engine) {
  return guarded([&]() -> Status {
    if (config == nullptr || engine == nullptr) return null_argument();
    std::shared_ptr<KvPool> on = process().pool_handles.find(pool);
    if (on == nullptr) return not_open("KV pool");
    std::shared_ptr<Engine> opened;
    RETURN_IF_ERROR(Engine::open(std::move(on), *config, &opened));
    *engine = process().engine_handles.open(owner, std::move(opened));
    return {};
  });
}

dyn_status dyn_engine_measure(dyn_device* device, const dyn_model_config* config,
                              const dyn_tensor* tensors, uint32_t num_tensors,
                              const dyn_kv_pool_config* pool, const dyn_engine_config* engine,
                              dyn_engine_sizes* sizes) {
  return guarded([&]() -> Status {
    if (config == nullptr || tensors == nullptr || pool == nullptr || engine == nullptr ||
        sizes == nullptr) {
      return null_argument();
    }
    RETURN_IF_ERROR(check_model_config(*config));
    const std::shared_ptr<Device> on = process().device_handles.find(device);
    if (on == nullptr) return not_open("device");
    return Engine::measure(on.get(), shape_of(*config, {tensors, num_tensors}), *pool, *engine,
                           sizes);
  });
}

dyn_status dyn_engine_close(dyn_engine* engine) {
  return guarded([&]() -> Status {
    return process().engine_handles.close(engine) != nullptr ? Status() : not_open("engine");
  });
}

dyn_status dyn_engine_use_graphs(dyn_engine* engine, uint32_t are_used) {
  return guarded([&]() -> Status {
    const std::shared_ptr<Engine> found = process().engine_handles.find(engine);
    if (found == nullptr) return not_open("engine");
    found->use_graphs(are_used != 0);
    return {};
  });
}

dyn_status dyn_engine_batch(dyn_engine* engine, dyn_batch* batch) {
  return guarded([&]() -> Status {
    if (batch == nullptr) return null_argument();
    const std::shared_ptr<Engine> found = process().engine_handles.find(engine);
    if (found == nullptr) return not_open("engine");
    *batch = found->batch();
    return {};
  });
}

dyn_status dyn_engine_submit(dyn_engine* engine, uint32_t num_seqs, uint32_t num_tokens,
                             uint32_t num_rows) {
  return guarded([&]() -> Status {
    const std::shared_ptr<Engine> found = process().engine_handles.find(engine);
    if (found == nullptr) return not_open("engine");
    return found->submit({.num_seqs = num_seqs, .num_tokens = num_tokens, .num_rows = num_rows});
  });
}

dyn_status dyn_engine_wait(dyn_engine* engine, uint32_t timeout_us) {
  return guarded([&]() -> Status {
    const std::shared_ptr<Engine> found = process().engine_handles.find(engine);
    if (found == nullptr) return not_open("engine");
    return found->wait(timeout_us);
  });
}

dyn_status dyn_owner_progress(uint32_t owner, uint64_t* progress) {
  return guarded([&]() -> Status {
    if (progress == nullptr) return invalid_argument("progress is null");
    *progress = 0;
    for (const std::shared_ptr<Engine>& engine : process().engine_handles.of_owner(owner)) {
      *progress = std::max(*progress, engine->progress());
    }
    return {};
  });
}

dyn_status dyn_owner_release(uint32_t owner) {
  return guarded([&]() -> Status {
    process().engine_handles.close_all(owner);  // First: they wait for their steps.
    process().pool_handles.close_all(owner);
    process().model_handles.close_all(owner);
    process().device_handles.close_all(owner);
    return {};
  });
}
