// The header as a C11 compiler reads it, and the shared library as a C caller meets it.
//
// With --layout it prints the size and the offsets of every struct instead, one a line, which
// test/engine/abi.test.ts compares with src/engine/abi.ts.

#define _DEFAULT_SOURCE  // MAP_ANONYMOUS
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "check.h"
#include "dynamo_engine.h"

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define FIELD(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))

static void print_layout(void) {
  SIZE(dyn_tensor);
  FIELD(dyn_tensor, role);
  FIELD(dyn_tensor, dtype);
  FIELD(dyn_tensor, layer);
  FIELD(dyn_tensor, expert);
  FIELD(dyn_tensor, fd);
  FIELD(dyn_tensor, rank);
  FIELD(dyn_tensor, part);
  FIELD(dyn_tensor, shape);
  FIELD(dyn_tensor, offset);
  FIELD(dyn_tensor, num_bytes);
  FIELD(dyn_tensor, row_stride);
  SIZE(dyn_model_config);
  FIELD(dyn_model_config, key);
  FIELD(dyn_model_config, local_layers);
  FIELD(dyn_model_config, rms_norm_eps);
  FIELD(dyn_model_config, rope_magnitude);
  FIELD(dyn_model_config, local_rope_magnitude);
  FIELD(dyn_model_config, embedding_scale);
  FIELD(dyn_model_config, attention_scale);
  FIELD(dyn_model_config, attention_softcap);
  FIELD(dyn_model_config, logit_softcap);
  FIELD(dyn_model_config, vocab_size);
  FIELD(dyn_model_config, hidden_size);
  FIELD(dyn_model_config, intermediate_size);
  FIELD(dyn_model_config, num_layers);
  FIELD(dyn_model_config, num_heads);
  FIELD(dyn_model_config, num_kv_heads);
  FIELD(dyn_model_config, head_size);
  FIELD(dyn_model_config, tie_word_embeddings);
  FIELD(dyn_model_config, attention_bias);
  FIELD(dyn_model_config, qk_norm);
  FIELD(dyn_model_config, rope_layout);
  FIELD(dyn_model_config, sliding_window);
  FIELD(dyn_model_config, local_window);
  FIELD(dyn_model_config, norms);
  FIELD(dyn_model_config, norm_offset);
  FIELD(dyn_model_config, activation);
  FIELD(dyn_model_config, quantization);
  FIELD(dyn_model_config, load);
  FIELD(dyn_model_config, num_experts);
  FIELD(dyn_model_config, num_experts_per_token);
  FIELD(dyn_model_config, expert_size);
  FIELD(dyn_model_config, norm_top_k);
  FIELD(dyn_model_config, expert_bias);
  FIELD(dyn_model_config, attention_sinks);
  SIZE(dyn_device_config);
  FIELD(dyn_device_config, num_threads);
  FIELD(dyn_device_config, isa);
  SIZE(dyn_device_facts);
  FIELD(dyn_device_facts, memory_bytes);
  FIELD(dyn_device_facts, kind);
  FIELD(dyn_device_facts, ordinal);
  FIELD(dyn_device_facts, isa);
  FIELD(dyn_device_facts, num_threads);
  FIELD(dyn_device_facts, pack_version);
  FIELD(dyn_device_facts, threads_by);
  FIELD(dyn_device_facts, free_bytes);
  FIELD(dyn_device_facts, capability);
  FIELD(dyn_device_facts, driver_version);
  FIELD(dyn_device_facts, shares_memory);
  FIELD(dyn_device_facts, reserved);
  FIELD(dyn_device_facts, name);
  SIZE(dyn_model_progress);
  FIELD(dyn_model_progress, num_bytes);
  FIELD(dyn_model_progress, num_bytes_done);
  FIELD(dyn_model_progress, image);
  FIELD(dyn_model_progress, source);
  FIELD(dyn_model_progress, opener);
  SIZE(dyn_kv_pool_config);
  FIELD(dyn_kv_pool_config, key);
  FIELD(dyn_kv_pool_config, num_blocks);
  FIELD(dyn_kv_pool_config, block_size);
  FIELD(dyn_kv_pool_config, kv_dtype);
  FIELD(dyn_kv_pool_config, reserved);
  SIZE(dyn_engine_config);
  FIELD(dyn_engine_config, max_num_seqs);
  FIELD(dyn_engine_config, max_num_rows);
  FIELD(dyn_engine_config, max_num_batched_tokens);
  FIELD(dyn_engine_config, max_model_len);
  SIZE(dyn_model_sizes);
  FIELD(dyn_model_sizes, weights);
  FIELD(dyn_model_sizes, image);
  SIZE(dyn_engine_sizes);
  FIELD(dyn_engine_sizes, kv_block);
  FIELD(dyn_engine_sizes, kv_pool);
  FIELD(dyn_engine_sizes, batch);
  FIELD(dyn_engine_sizes, activations);
  FIELD(dyn_engine_sizes, attention);
  FIELD(dyn_engine_sizes, logits);
  FIELD(dyn_engine_sizes, sampling);
  FIELD(dyn_engine_sizes, workspace);
  SIZE(dyn_row);
  FIELD(dyn_row, seed);
  FIELD(dyn_row, token);
  FIELD(dyn_row, temperature);
  FIELD(dyn_row, top_p);
  FIELD(dyn_row, min_p);
  FIELD(dyn_row, top_k);
  FIELD(dyn_row, presence_penalty);
  FIELD(dyn_row, frequency_penalty);
  FIELD(dyn_row, repetition_penalty);
  FIELD(dyn_row, penalty_start);
  FIELD(dyn_row, num_penalties);
  FIELD(dyn_row, banned_start);
  FIELD(dyn_row, num_banned);
  FIELD(dyn_row, bias_start);
  FIELD(dyn_row, num_biases);
  FIELD(dyn_row, mask);
  FIELD(dyn_row, num_logprobs);
  FIELD(dyn_row, kind);
  FIELD(dyn_row, target);
  FIELD(dyn_row, reserved);
  SIZE(dyn_batch);
  FIELD(dyn_batch, token_ids);
  FIELD(dyn_batch, query_start_loc);
  FIELD(dyn_batch, seq_lens);
  FIELD(dyn_batch, block_tables);
  FIELD(dyn_batch, rows);
  FIELD(dyn_batch, penalty_token_ids);
  FIELD(dyn_batch, penalty_counts);
  FIELD(dyn_batch, banned_token_ids);
  FIELD(dyn_batch, bias_token_ids);
  FIELD(dyn_batch, biases);
  FIELD(dyn_batch, masks);
  FIELD(dyn_batch, sampled_ids);
  FIELD(dyn_batch, logprobs);
  FIELD(dyn_batch, ranks);
  FIELD(dyn_batch, top_ids);
  FIELD(dyn_batch, top_logprobs);
  FIELD(dyn_batch, hidden_states);
}

static void version_is_the_headers(void) {
  CHECK(dyn_abi_version() == DYN_ABI_VERSION);
}

static void nothing_is_open(void) {
  dyn_engine* const engine = (dyn_engine*)&check_num_broken;  // No handle of the library.
  dyn_batch batch;
  CHECK(dyn_engine_close(NULL) == DYN_INVALID_ARGUMENT);
  CHECK(strcmp(dyn_last_error(), "this engine is not open") == 0);
  CHECK(dyn_engine_close(engine) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_submit(engine, 1, 1, 1) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_wait(engine, 0) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_engine_batch(engine, &batch) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_kv_pool_close(NULL) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_kv_pool_discard(NULL, 0, 1) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_model_close(NULL) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_device_close(NULL) == DYN_INVALID_ARGUMENT);
  uint64_t progress = 1;
  CHECK(dyn_owner_progress(7, NULL) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_owner_progress(7, &progress) == DYN_OK);
  CHECK(progress == 0);
  CHECK(dyn_owner_release(7) == DYN_OK);
  CHECK(strcmp(dyn_last_error(), "") == 0);
}

static dyn_status open_cpu(uint32_t owner, uint32_t num_threads, uint32_t isa,
                           dyn_device** device) {
  const dyn_device_config config = {.num_threads = num_threads, .isa = isa};
  return dyn_device_open(DYN_DEVICE_CPU, 0, owner, &config, device);
}

static void devices_are_of_a_kind(void) {
  const dyn_device_config any = {.num_threads = 1, .isa = DYN_ISA_ANY};
  dyn_device* device = NULL;
  CHECK(dyn_device_open(DYN_DEVICE_CPU, 0, 1, NULL, &device) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_device_open(DYN_DEVICE_CPU, 1, 1, &any, &device) == DYN_INVALID_ARGUMENT);
  CHECK(strstr(dyn_last_error(), "there is no CPU 1") != NULL);
  if (dyn_device_open(DYN_DEVICE_CUDA, 0, 1, &any, &device) == DYN_OK) {
    CHECK(dyn_device_close(device) == DYN_OK);
  } else {  // No CUDA in this build, no driver, or one that cannot be used: each is told.
    CHECK(strstr(dyn_last_error(), "CUDA") != NULL || strstr(dyn_last_error(), "NVIDIA") != NULL);
  }
  CHECK(dyn_device_open(7, 0, 1, &any, &device) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_device_open(DYN_DEVICE_CPU, 0, 1, &any, &device) == DYN_OK);
  dyn_device_facts facts;
  CHECK(dyn_device_describe(device, &facts) == DYN_OK);
  CHECK(facts.kind == DYN_DEVICE_CPU && facts.ordinal == 0);
  CHECK(facts.memory_bytes > 1u << 20);
  CHECK(dyn_owner_release(1) == DYN_OK);
}

static void devices_open_and_close(void) {
  dyn_device* first = NULL;
  dyn_device* second = NULL;
  CHECK(open_cpu(1, 2, DYN_ISA_ANY, NULL) == DYN_INVALID_ARGUMENT);
  CHECK(open_cpu(1, 100000, DYN_ISA_ANY, &first) == DYN_INVALID_ARGUMENT);
  CHECK(open_cpu(1, 2, DYN_ISA_PORTABLE, &first) == DYN_OK);
  CHECK(open_cpu(2, DYN_THREADS_ANY, DYN_ISA_ANY, &second) == DYN_OK);
  CHECK(first != second);
  CHECK(dyn_device_close(first) == DYN_OK);
  CHECK(dyn_device_close(first) == DYN_INVALID_ARGUMENT);
  dyn_device_facts facts;
  CHECK(dyn_device_describe(first, &facts) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_device_describe(second, &facts) == DYN_OK);
  CHECK(facts.num_threads == 2 && facts.isa == DYN_ISA_PORTABLE);
  CHECK(open_cpu(1, 3, DYN_ISA_ANY, &first) == DYN_INVALID_ARGUMENT);
  CHECK(strstr(dyn_last_error(), "the device runs 2 threads") != NULL);
  CHECK(open_cpu(1, 2, 77, &first) == DYN_INVALID_ARGUMENT);
  CHECK(dyn_owner_release(2) == DYN_OK);
  CHECK(open_cpu(1, 2, 77, &first) == DYN_INVALID_ARGUMENT);
  CHECK(strstr(dyn_last_error(), "no instruction set has number 77") != NULL);
  CHECK(open_cpu(1, 3, DYN_ISA_ANY, &first) == DYN_OK);
  CHECK(dyn_device_close(first) == DYN_OK);
}

// The standard library throws where a thread cannot be made. The throw is unwound by code that is
// linked into the library, and so by what it takes for the loader's list of libraries (src/compat).
static void throws_are_errors(void) {
#ifndef __SANITIZE_ADDRESS__  // It maps more than any limit.
  struct rlimit before;
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  const struct rlimit low = {.rlim_cur = 64u << 20, .rlim_max = before.rlim_max};
  CHECK(setrlimit(RLIMIT_AS, &low) == 0);
  const size_t probe_bytes = 128u << 20;
  void* const probe = mmap(NULL, probe_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe != MAP_FAILED) {  // An emulator holds its guest to no limit.
    munmap(probe, probe_bytes);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    return;
  }
  dyn_device* device = NULL;
  CHECK(open_cpu(1, 1000, DYN_ISA_ANY, &device) == DYN_OUT_OF_MEMORY);
  CHECK(strlen(dyn_last_error()) > 0);
  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(open_cpu(1, 2, DYN_ISA_ANY, &device) == DYN_OK);
  CHECK(dyn_device_close(device) == DYN_OK);
#endif
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--layout") == 0) {
    print_layout();
    return 0;
  }
  check_claim("the library has the header's version", version_is_the_headers);
  check_claim("what is not open is an error", nothing_is_open);
  check_claim("a device has a kind, an ordinal and a memory", devices_are_of_a_kind);
  check_claim("a device is shared until its last handle is closed", devices_open_and_close);
  check_claim("what is thrown inside is an error", throws_are_errors);
  return check_finish();
}
