// Same bits always, through the C ABI: whole steps against each sequence's run alone.

#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/isa.h"
#include "lone_run.h"

namespace {

using namespace dyn::test;

constexpr uint32_t kKvTypes[] = {DYN_KV_F32, DYN_KV_BF16, DYN_KV_INT8};

// One model of every format of weights that files or quantisation bring.
std::vector<TestModel> models_of_all_formats() {
  std::vector<TestModel> models;
  for (const dyn_dtype dtype : {DYN_F32, DYN_F16, DYN_BF16}) {
    models.emplace_back(tiny_config(), dtype);
  }
  for (const dyn_dtype dtype :
       {DYN_Q8_0, DYN_Q4_0, DYN_Q4_1, DYN_Q5_0, DYN_Q5_1, DYN_IQ4_NL, DYN_MXFP4}) {
    models.emplace_back(block_config(), dtype);
  }
  for (const dyn_dtype dtype :
       {DYN_Q2_K, DYN_Q3_K, DYN_Q4_K, DYN_Q5_K, DYN_Q6_K, DYN_IQ4_XS, DYN_GPTQ, DYN_AWQ}) {
    dyn_model_config config = k_block_config();
    config.num_layers = 1;
    config.intermediate_size = 256;
    models.emplace_back(config, dtype);
  }
  for (const dyn_quantization quantization : {DYN_QUANTIZATION_Q8, DYN_QUANTIZATION_Q4}) {
    dyn_model_config config = tiny_config();
    config.quantization = quantization;
    models.emplace_back(config);
  }
  return models;
}

void chunks_do_not_matter() {
  for (const TestModel& model : models_of_all_formats()) {
    for (const dyn_isa isa : dyn::present_isas()) {
      const std::vector<Sampled> expected = expected_samples(model, 1, 100, {.isa = isa});
      for (const uint32_t chunk_size : {1u, 3u, 16u, 63u, 64u, 65u, 99u}) {
        TestEngine engine(model, {.num_threads = chunk_size % 3 + 1, .isa = isa});
        Sequence sequence = {prompt(1, 100), block_range(20, 13), 0};
        CHECK(engine.generate(&sequence, chunk_size, kNumSamples) == expected);
      }
    }
  }
}

// Every switch of the decoder.
dyn_model_config format(uint32_t attention_bias, uint32_t qk_norm) {
  dyn_model_config config = tiny_config();
  config.key = 100 + 2 * attention_bias + qk_norm;
  config.attention_bias = attention_bias;
  config.qk_norm = qk_norm;
  config.head_size = 14;
  return config;
}

void formats_differ_and_keep_their_bits() {
  std::vector<std::vector<Sampled>> all;
  for (const uint32_t attention_bias : {0u, 1u}) {
    for (const uint32_t qk_norm : {0u, 1u}) {
      const TestModel model(format(attention_bias, qk_norm));
      all.push_back(expected_samples(model, 1, 100));
      TestEngine engine(model, {.num_threads = 3});
      Sequence sequence = {prompt(1, 100), block_range(20, 13), 0};
      CHECK(engine.generate(&sequence, 33, kNumSamples) == all.back());
      for (size_t other = 0; other + 1 < all.size(); ++other) CHECK(all[other] != all.back());
    }
  }
}

void the_order_of_rows_does_not_matter() {
  for (const uint32_t qk_norm : {0u, 1u}) {
    dyn_model_config config = format(1, qk_norm);
    const std::vector<Sampled> expected = expected_samples(TestModel(config), 1, 100);
    config.rope_layout = DYN_ROPE_INTERLEAVED;
    CHECK(expected_samples(TestModel(config), 1, 100) == expected);
  }
}

// Prompts over several spans, whose items several threads share, under each type of K and V.
void long_contexts_keep_their_bits() {
  for (const uint32_t window : {0u, 300u, 48u}) {
    dyn_model_config config = tiny_config();
    config.key = 200 + window;
    config.sliding_window = window;
    if (window == 48) make_local(&config, {1}, 600);
    const TestModel model(config);
    std::vector<std::vector<Sampled>> all;
    for (const dyn_isa isa : dyn::present_isas()) {
      for (const uint32_t kv_dtype : kKvTypes) {
        EngineOptions options = {.num_blocks = 256,
                                 .max_num_batched_tokens = 1600,
                                 .max_model_len = 1700,
                                 .isa = isa,
                                 .kv_dtype = kv_dtype};
        std::vector<Sampled> expected;
        {
          TestEngine engine(model, options);
          Sequence sequence = {prompt(50, 1500), block_range(0, 107), 0};
          expected = engine.generate(&sequence, 1500, kNumSamples);
        }
        for (const uint32_t chunk_size : {7u, 512u, 777u}) {
          options.num_threads = 1 + chunk_size % 5;
          TestEngine engine(model, options);
          Sequence sequence = {prompt(50, 1500), block_range(100, 107), 0};
          CHECK(engine.generate(&sequence, chunk_size, kNumSamples) == expected);
        }
        for (size_t i = 0; i < expected.size() && !all.empty(); ++i) {
          CHECK(std::abs(expected[i].logprob - all.front()[i].logprob) < 0.02f ||
                expected[i].id != all.front()[i].id);
        }
        all.push_back(expected);
      }
    }
  }
}

void threads_do_not_matter() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 2, 90);
  for (const uint32_t num_threads : {2u, 3u, 7u}) {
    TestEngine engine(model, {.num_threads = num_threads});
    Sequence sequence = {prompt(2, 90), block_range(0, 13), 0};
    CHECK(engine.generate(&sequence, 40, kNumSamples) == expected);
  }
}

void blocks_do_not_matter() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 3, 77);
  for (const uint32_t block_size : {1u, 7u, 16u, 48u, 200u}) {
    TestEngine engine(model, {.num_blocks = 256, .block_size = block_size});
    std::vector<int32_t> blocks = block_range(3, static_cast<int32_t>(200 / block_size) + 1);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(block_size));
    Sequence sequence = {prompt(3, 77), blocks, 0};
    CHECK(engine.generate(&sequence, 50, kNumSamples) == expected);
  }
}

// Four sequences that prefill and decode in the same steps, in chunks that change at random.
void check_company(const TestModel& model, uint32_t kv_dtype) {
  std::vector<std::vector<Sampled>> expected;
  for (uint32_t s = 0; s < 4; ++s) {
    expected.push_back(expected_samples(model, 10 + s, 5 + 30 * s, {.kv_dtype = kv_dtype}));
  }
  for (uint32_t round = 0; round < 5; ++round) {
    std::mt19937 generator(round);
    TestEngine engine(model, {.num_threads = 2, .kv_dtype = kv_dtype});
    std::vector<Sequence> sequences;
    std::vector<std::vector<Sampled>> samples(4);
    for (uint32_t s = 0; s < 4; ++s) {
      sequences.push_back(
          {prompt(10 + s, 5 + 30 * s), block_range(static_cast<int32_t>(s) * 13, 13), 0});
    }
    while (std::any_of(samples.begin(), samples.end(),
                       [](const auto& list) { return list.size() < kNumSamples; })) {
      std::vector<Chunk> chunks;
      for (uint32_t s = 0; s < 4; ++s) {
        const auto num_left =
            static_cast<uint32_t>(sequences[s].tokens.size()) - sequences[s].num_computed;
        if (generator() % 3 == 0 || samples[s].size() == kNumSamples) continue;
        chunks.push_back({&sequences[s], 1 + static_cast<uint32_t>(generator()) % num_left});
        if (chunks.back().num_tokens > 30) chunks.back().num_tokens = 30;
      }
      if (chunks.empty()) continue;
      std::shuffle(chunks.begin(), chunks.end(), generator);
      const std::vector<Sampled> step = engine.step(chunks);
      for (size_t i = 0; i < chunks.size(); ++i) {
        Sequence& sequence = *chunks[i].sequence;
        if (sequence.num_computed < sequence.tokens.size()) continue;
        const auto s = static_cast<size_t>(&sequence - sequences.data());
        samples[s].push_back(step[i]);
        sequence.tokens.push_back(step[i].id);
      }
    }
    CHECK(samples == expected);
  }
}

void company_does_not_matter() {
  for (const TestModel& model : models_of_all_formats()) check_company(model, DYN_KV_F32);
  const TestModel model(tiny_config());
  for (const uint32_t kv_dtype : {DYN_KV_BF16, DYN_KV_INT8}) check_company(model, kv_dtype);
}

void cached_prefixes_do_not_matter() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 4, 70);
  TestEngine engine(model, {});
  Sequence first = {prompt(4, 70), block_range(0, 13), 0};
  engine.generate(&first, 70, 3);
  // The first four blocks are the first sequence's, and their 64 tokens are not computed again.
  std::vector<int32_t> blocks = block_range(30, 13);
  std::copy_n(first.blocks.begin(), 4, blocks.begin());
  Sequence second = {prompt(4, 70), blocks, 64};
  CHECK(engine.generate(&second, 70, kNumSamples) == expected);
}

void decoding_is_prefilling() {
  const TestModel model(tiny_config());
  TestEngine engine(model, {});
  Sequence decoded = {prompt(5, 60), block_range(0, 13), 0};
  const std::vector<Sampled> samples = engine.generate(&decoded, 60, kNumSamples);
  for (uint32_t i = 0; i < kNumSamples; ++i) {
    Sequence whole = {
        {decoded.tokens.begin(), decoded.tokens.begin() + 60 + i}, block_range(20, 13), 0};
    CHECK(engine.generate(&whole, 100, 1).front() == samples[i]);
  }
}

void preemption_does_not_matter() {
  const TestModel model(tiny_config());
  const std::vector<Sampled> expected = expected_samples(model, 6, 40);
  TestEngine engine(model, {});
  Sequence sequence = {prompt(6, 40), block_range(0, 13), 0};
  std::vector<Sampled> samples = engine.generate(&sequence, 40, 5);
  sequence.num_computed = 0;  // Its blocks went to others; it is computed again in new ones.
  sequence.blocks = block_range(40, 13);
  for (const Sampled& sample : engine.generate(&sequence, 17, kNumSamples - 5)) {
    samples.push_back(sample);
  }
  CHECK(samples == expected);
}

void seeded_draws_do_not_depend_on_company() {
  const TestModel model(tiny_config());
  TestEngine engine(model, {.num_threads = 3});
  std::vector<Sampled> alone;
  for (const bool is_alone : {true, false}) {
    Sequence a = {prompt(7, 20), block_range(0, 13), 0};
    Sequence b = {prompt(8, 31), block_range(13, 13), 0};
    std::vector<Chunk> chunks = {{&a, 20}};
    if (!is_alone) chunks.insert(chunks.begin(), {&b, 31});
    const uint32_t num_tokens = engine.fill(chunks);
    const auto num_seqs = static_cast<uint32_t>(chunks.size());
    for (uint32_t row = 0; row < num_seqs; ++row) {
      engine.batch().rows[row].temperature = 1.5f;
      engine.batch().rows[row].top_p = 0.9f;
      engine.batch().rows[row].seed = row + 1 == num_seqs ? 99 : 3;
    }
    CHECK(dyn_engine_submit(engine.get(), num_seqs, num_tokens, num_seqs) == DYN_OK);
    CHECK(dyn_engine_wait(engine.get(), DYN_WAIT_FOREVER) == DYN_OK);
    const Sampled sampled = {engine.batch().sampled_ids[num_seqs - 1],
                             engine.batch().logprobs[num_seqs - 1]};
    if (is_alone) alone.push_back(sampled);
    CHECK(sampled == alone.front());
  }
}

}  // namespace

int main() {
  check_claim("how a prompt is cut into steps does not change a bit", chunks_do_not_matter);
  check_claim("biases and norms of q and k are used, and keep the bits",
              formats_differ_and_keep_their_bits);
  check_claim("q and k in the order of pairs give the bits of the order of halves",
              the_order_of_rows_does_not_matter);
  check_claim("long contexts keep their bits, whatever the pool's type and the instruction set",
              long_contexts_keep_their_bits);
  check_claim("the number of threads does not change a bit", threads_do_not_matter);
  check_claim("size and order of blocks do not change a bit", blocks_do_not_matter);
  check_claim("what else is in the batch does not change a bit", company_does_not_matter);
  check_claim("a cached prefix does not change a bit", cached_prefixes_do_not_matter);
  check_claim("decoding gives the bits of prefilling", decoding_is_prefilling);
  check_claim("preemption does not change a bit", preemption_does_not_matter);
  check_claim("a seeded draw does not depend on company", seeded_draws_do_not_depend_on_company);
  return check_finish();
}
