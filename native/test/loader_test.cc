// Tables and files that must be refused, each with a message that says what is wrong.

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "test_model.h"

namespace {

using namespace dyn;
using test::TestModel;

struct Opened {
  dyn_status status;
  std::string message;
};

Opened open_model(const TestModel& model) {
  dyn_device* device = nullptr;
  dyn_model* opened = nullptr;
  CHECK(test::open_cpu(1, 1, DYN_ISA_ANY, &device) == DYN_OK);
  const dyn_status status = test::open_model(device, 1, model, &opened);
  const Opened result = {status, dyn_last_error()};
  dyn_owner_release(1);
  return result;
}

bool says(const Opened& opened, dyn_status status, const char* text) {
  const bool is_so = opened.status == status && opened.message.find(text) != std::string::npos;
  if (!is_so) printf("  got %d: %s\n", opened.status, opened.message.c_str());
  return is_so;
}

dyn_tensor& tensor_of(TestModel* model, dyn_role role, uint32_t layer) {
  for (dyn_tensor& tensor : model->tensors) {
    if (tensor.role == role && tensor.layer == layer) return tensor;
  }
  return model->tensors.front();
}

void whole_models_load() {
  dyn_model_config config = test::tiny_config();
  for (const dyn_dtype dtype : {DYN_F32, DYN_F16, DYN_BF16}) {
    for (const dyn_quantization quantization :
         {DYN_QUANTIZATION_NONE, DYN_QUANTIZATION_Q8, DYN_QUANTIZATION_Q4}) {
      config.quantization = quantization;
      config.tie_word_embeddings = 1;
      CHECK(says(open_model(TestModel(config, dtype)), DYN_OK, ""));
      config.tie_word_embeddings = 0;
      CHECK(says(open_model(TestModel(config, dtype)), DYN_OK, ""));
    }
  }
  for (const dyn_dtype dtype :
       {DYN_Q8_0, DYN_Q4_0, DYN_Q4_1, DYN_Q5_0, DYN_Q5_1, DYN_IQ4_NL, DYN_MXFP4}) {
    CHECK(says(open_model(TestModel(test::block_config(), dtype)), DYN_OK, ""));
  }
  for (const dyn_dtype dtype : {DYN_Q2_K, DYN_Q3_K, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K, DYN_IQ4_XS,
                                DYN_GPTQ, DYN_GPTQ_V2, DYN_AWQ}) {
    CHECK(says(open_model(TestModel(test::k_block_config(), dtype)), DYN_OK, ""));
  }
}

void short_file() {
  const TestModel model(test::tiny_config());
  const dyn_tensor& last = model.tensors.back();
  model.file->truncate(last.offset + last.num_bytes - 3);
  CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "layer 1 down: the file ends at byte"));
  CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "3 bytes short"));
}

void bad_descriptor() {
  TestModel model(test::tiny_config());
  tensor_of(&model, DYN_Q, 1).fd = -1;
  CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "layer 1 q: its file is not open"));
}

void bad_shapes() {
  {
    TestModel model(test::tiny_config());
    tensor_of(&model, DYN_K, 1).shape[0] = 40;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE,
               "layer 1 k: the shape is [40, 40], the config asks for [20, 40]"));
  }
  {
    TestModel model(test::tiny_config());
    tensor_of(&model, DYN_FINAL_NORM, 0).rank = 2;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "final norm: the shape is [40, 1]"));
  }
  {
    TestModel model(test::tiny_config());
    tensor_of(&model, DYN_GATE, 0).num_bytes -= 4;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "layer 0 gate: has 14076 bytes"));
  }
  {
    TestModel model(test::tiny_config());
    tensor_of(&model, DYN_UP, 0).offset = UINT64_MAX - 10;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "beyond the end of any file"));
  }
  {
    TestModel model(test::tiny_config());
    tensor_of(&model, DYN_DOWN, 1).dtype = DYN_Q4_0;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE,
               "layer 1 down: rows of 88 are no whole number of blocks of 32"));
  }
  {
    TestModel model(test::block_config());
    tensor_of(&model, DYN_DOWN, 0).dtype = DYN_Q6_K;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE,
               "layer 0 down: rows of 96 are no whole number of blocks of 256"));
  }
  {
    TestModel model(test::block_config());
    tensor_of(&model, DYN_FINAL_NORM, 0).dtype = DYN_Q8_0;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "final norm: is a vector in blocks"));
  }
}

// The row of the table with a part of layer 1's down projection, the last that there are.
dyn_tensor& part_of(TestModel* model, dyn_part part) {
  for (dyn_tensor& tensor : model->tensors) {
    if (tensor.role == DYN_DOWN && tensor.layer == 1 && tensor.part == part) return tensor;
  }
  return model->tensors.front();
}

void bad_parts() {
  const auto refused = [](void (*change)(TestModel*), const char* text) {
    TestModel model(test::k_block_config(), DYN_AWQ);
    change(&model);
    return says(open_model(model), DYN_MODEL_NOT_LOADABLE, text);
  };
  CHECK(refused([](TestModel* m) { part_of(m, DYN_SCALES).role = DYN_UP; },
                "layer 1 up scales: the shape is [4, 256]"));
  CHECK(refused([](TestModel* m) { m->tensors.pop_back(); }, "layer 1 down scales: is missing"));
  CHECK(refused([](TestModel* m) { m->tensors.erase(m->tensors.end() - 2); },
                "layer 1 down zeros: is missing"));
  CHECK(refused([](TestModel* m) { part_of(m, DYN_ZEROS).shape[0] = 5; },
                "layer 1 down zeros: 5 groups of 512 inputs are not of a multiple of 32 inputs"));
  CHECK(refused([](TestModel* m) { part_of(m, DYN_ZEROS).dtype = DYN_GPTQ; },
                "layer 1 down: its zeros are of another type or number of groups"));
  CHECK(refused([](TestModel* m) { part_of(m, DYN_SCALES).dtype = DYN_Q8_0; },
                "layer 1 down scales: must be F32, F16 or BF16"));
  CHECK(refused([](TestModel* m) { part_of(m, DYN_ZEROS).num_bytes -= 4; },
                "layer 1 down zeros: has 508 bytes, its shape takes 512"));
  CHECK(refused(
      [](TestModel* m) {
        m->tensors.push_back(part_of(m, DYN_SCALES));
        m->tensors.back().role = DYN_EMBEDDING;
        m->tensors.back().layer = 0;
        m->tensors.back().shape[0] = 2;
        m->tensors.back().shape[1] = 67;
        m->tensors.back().num_bytes = 2 * 67 * 2;
      },
      "embedding: has zeros or scales, but is not of a type that takes them"));
  {
    TestModel model(test::k_block_config(), DYN_GPTQ);
    part_of(&model, DYN_SCALES).part = 3;
    CHECK(says(open_model(model), DYN_INVALID_ARGUMENT, "layer 1 down: no part has number 3"));
  }
  {
    // Infinity in BF16.
    TestModel model(test::k_block_config(), DYN_GPTQ);
    dyn_tensor& scales = part_of(&model, DYN_SCALES);
    const std::vector<uint16_t> infinite(scales.num_bytes / 2, 0x7f80);
    const test::MemoryFile file(std::as_bytes(std::span(infinite)));
    scales.fd = file.fd();
    scales.offset = 0;
    scales.dtype = DYN_BF16;
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "layer 1 down scales: a scale is inf"));
  }
}

void bad_tables() {
  {
    TestModel model(test::tiny_config());
    model.tensors.pop_back();
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "layer 1 down: is missing"));
  }
  {
    TestModel model(test::tiny_config());
    model.tensors.push_back(model.tensors.front());
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "embedding: is in the table twice"));
  }
  {
    TestModel model(test::tiny_config());
    dyn_tensor head = model.tensors.front();
    head.role = DYN_HEAD;
    model.tensors.push_back(head);
    CHECK(says(open_model(model), DYN_MODEL_NOT_LOADABLE, "head: is in the table, but the config"));
  }
  {
    TestModel model(test::tiny_config());
    model.tensors.front().dtype = 99;
    CHECK(says(open_model(model), DYN_INVALID_ARGUMENT, "no dtype has number 99"));
  }
  {
    TestModel model(test::tiny_config());
    model.tensors.front().role = 77;
    CHECK(says(open_model(model), DYN_INVALID_ARGUMENT, "no tensor has role 77"));
  }
  {
    TestModel model(test::tiny_config());
    model.tensors.back().layer = 2;
    CHECK(says(open_model(model), DYN_INVALID_ARGUMENT, "down: there is no layer 2"));
  }
}

void bad_configs() {
  const auto refused = [](void (*change)(dyn_model_config*), const char* text) {
    TestModel model(test::tiny_config());
    change(&model.config);
    return says(open_model(model), DYN_INVALID_ARGUMENT, text);
  };
  CHECK(refused([](dyn_model_config* c) { c->hidden_size = 0; }, "hidden_size is 0"));
  CHECK(refused([](dyn_model_config* c) { c->vocab_size = UINT32_MAX; }, "vocab_size"));
  CHECK(refused([](dyn_model_config* c) { c->num_layers = UINT32_MAX; }, "num_layers"));
  CHECK(refused([](dyn_model_config* c) { c->num_kv_heads = 3; }, "a multiple of num_kv_heads"));
  CHECK(refused([](dyn_model_config* c) { c->num_kv_heads = 5; }, "num_kv_heads is 5"));
  CHECK(refused([](dyn_model_config* c) { c->head_size = 9; }, "head_size must be even"));
  CHECK(refused([](dyn_model_config* c) { c->attention_bias = 2; }, "attention_bias is 0 or 1"));
  CHECK(refused([](dyn_model_config* c) { c->qk_norm = 3; }, "qk_norm is 3"));
  CHECK(refused([](dyn_model_config* c) { c->norms = 3; }, "norms is 3"));
  CHECK(refused([](dyn_model_config* c) { c->norm_offset = 2; }, "norm_offset is 2"));
  CHECK(refused([](dyn_model_config* c) { c->activation = 9; }, "activation is 9"));
  CHECK(refused([](dyn_model_config* c) { c->logit_softcap = -1; }, "logit_softcap"));
  CHECK(refused([](dyn_model_config* c) { c->attention_scale = INFINITY; }, "attention_scale"));
  CHECK(refused([](dyn_model_config* c) { c->local_window = 5; }, "local_window"));
  CHECK(refused([](dyn_model_config* c) { c->local_layers[0] = 1; }, "local_rope_magnitude"));
  CHECK(refused([](dyn_model_config* c) { c->local_layers[7] = 1; }, "names layer 448"));
  CHECK(refused(
      [](dyn_model_config* c) {
        c->qk_norm = DYN_QK_NORM_ROWS;
        c->attention_bias = 1;
      },
      "norms of whole rows"));
  CHECK(refused([](dyn_model_config* c) { c->rope_layout = 2; }, "no rope layout has number 2"));
  CHECK(refused([](dyn_model_config* c) { c->num_heads = 512; }, "num_heads / num_kv_heads"));
  CHECK(refused([](dyn_model_config* c) { c->rms_norm_eps = 0; }, "rms_norm_eps"));
  CHECK(refused([](dyn_model_config* c) { c->rope_magnitude = 0; }, "rope_magnitude"));
  CHECK(refused([](dyn_model_config* c) { c->quantization = 5; }, "no quantization has number 5"));
  TestModel model(test::tiny_config());
  model.rope_frequencies.back() = -1;
  CHECK(says(open_model(model), DYN_INVALID_ARGUMENT, "rope_frequencies must be positive"));
}

void nothing_before_the_end() {
  const TestModel model(test::tiny_config());
  dyn_device* device = nullptr;
  dyn_model* failed = nullptr;
  dyn_kv_pool* pool = nullptr;
  CHECK(test::open_cpu(1, 1, DYN_ISA_ANY, &device) == DYN_OK);
  model.file->truncate(100);
  CHECK(test::open_model(device, 1, model, &failed) == DYN_MODEL_NOT_LOADABLE);
  const dyn_kv_pool_config config = {
      .key = 1, .num_blocks = 1, .block_size = 16, .kv_dtype = DYN_KV_F32, .reserved = 0};
  CHECK(dyn_kv_pool_open(failed, 1, &config, &pool) == DYN_INVALID_ARGUMENT);
  CHECK(std::string(dyn_last_error()) == "wait for the model first");
  dyn_model_progress progress;
  CHECK(dyn_model_wait(failed, 0, &progress) == DYN_MODEL_NOT_LOADABLE);
  CHECK(progress.image == nullptr);
  CHECK(dyn_model_wait(failed, 0, nullptr) == DYN_INVALID_ARGUMENT);
  dyn_owner_release(1);
  CHECK(dyn_model_wait(failed, 0, &progress) == DYN_INVALID_ARGUMENT);
}

// A load that is cut off in the middle, wherever that is.
void stopped_loads() {
  const TestModel model(test::block_config(), DYN_Q8_0);
  for (int round = 0; round < 50; ++round) {
    dyn_device* device = nullptr;
    dyn_model* opened = nullptr;
    CHECK(test::open_cpu(1, 2, DYN_ISA_ANY, &device) == DYN_OK);
    CHECK(test::begin_model(device, 1, model, -1, &opened) == DYN_OK);
    if (round % 2 == 0) {
      dyn_model_progress progress;
      dyn_model_wait(opened, static_cast<uint32_t>(round), &progress);
    }
    CHECK(dyn_owner_release(1) == DYN_OK);
  }
}

void failed_load_is_forgotten() {
  TestModel model(test::tiny_config());
  const uint64_t offset = model.tensors.back().offset;
  model.tensors.back().offset = uint64_t{1} << 40;
  CHECK(open_model(model).status == DYN_MODEL_NOT_LOADABLE);
  model.tensors.back().offset = offset;
  CHECK(open_model(model).status == DYN_OK);
}

}  // namespace

int main() {
  check_claim("models of every type load, tied and not", whole_models_load);
  check_claim("a file cut short names the tensor and what is missing", short_file);
  check_claim("a closed descriptor is an error", bad_descriptor);
  check_claim("a tensor of another shape or extent is refused", bad_shapes);
  check_claim("parts of a matrix that do not fit each other are refused", bad_parts);
  check_claim("a table with too little, too much or nonsense is refused", bad_tables);
  check_claim("a config that no decoder can run is refused", bad_configs);
  check_claim("a load that failed does not stand in the way of the next", failed_load_is_forgotten);
  check_claim("nothing opens on a model that is not loaded", nothing_before_the_end);
  check_claim("a load may be given up at any time", stopped_loads);
  return check_finish();
}
