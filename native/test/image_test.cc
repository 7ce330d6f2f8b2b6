// The image of a model's weights: what it holds does not change unseen, and a cache file that is
// not exactly such an image is passed over.

#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "pack/checksum.h"
#include "pack/weight_image.h"
#include "test_model.h"

namespace {

using namespace dyn;
using test::MemoryFile;
using test::TestModel;

struct Loaded {
  dyn_status status;
  uint32_t source;
  std::vector<std::byte> image;
};

Loaded load(const TestModel& model, int cache_fd, dyn_isa isa = DYN_ISA_PORTABLE) {
  dyn_device* device = nullptr;
  dyn_model* opened = nullptr;
  CHECK(test::open_cpu(1, 2, isa, &device) == DYN_OK);
  CHECK(test::begin_model(device, 1, model, cache_fd, &opened) == DYN_OK);
  dyn_model_progress progress = {};
  Loaded loaded = {.status = dyn_model_wait(opened, DYN_WAIT_FOREVER, &progress),
                   .source = progress.source,
                   .image = {}};
  if (loaded.status == DYN_OK) {
    loaded.image.resize(progress.num_bytes);
    std::memcpy(loaded.image.data(), progress.image, progress.num_bytes);
    CHECK(progress.opener == 1);
  }
  dyn_owner_release(1);
  return loaded;
}

std::vector<TestModel> models() {
  std::vector<TestModel> models;
  models.emplace_back(test::tiny_config(), DYN_F32);
  models.emplace_back(test::tiny_config(), DYN_BF16);
  models.emplace_back(test::block_config(), DYN_Q8_0);
  models.emplace_back(test::block_config(), DYN_Q4_0);
  models.emplace_back(test::k_block_config(), DYN_Q4_K);
  models.emplace_back(test::k_block_config(), DYN_Q5_K);
  models.emplace_back(test::k_block_config(), DYN_Q6_K);
  return models;
}

void images_come_back() {
  std::vector<TestModel> all = models();
  for (TestModel& model : all) {
    const Loaded packed = load(model, -1);
    CHECK(packed.status == DYN_OK && packed.source == DYN_WEIGHTS_PACKED);
    const MemoryFile file(packed.image);
    const Loaded cached = load(model, file.fd());
    CHECK(cached.status == DYN_OK && cached.source == DYN_WEIGHTS_CACHED);
    CHECK(cached.image == packed.image);
    model.config.load = DYN_LOAD_MAP;
    const Loaded mapped = load(model, file.fd());
    CHECK(mapped.status == DYN_OK && mapped.source == DYN_WEIGHTS_CACHED);
    CHECK(mapped.image == packed.image);
  }
}

void an_image_alone_will_do_or_is_refused() {
  TestModel model(test::block_config(), DYN_Q8_0);
  std::vector<std::byte> bytes = load(model, -1).image;
  for (const uint32_t access : {0u, uint32_t{DYN_LOAD_MAP}}) {
    model.config.load = DYN_LOAD_IMAGE_ONLY | access;
    const MemoryFile whole(bytes);
    CHECK(load(model, whole.fd()).source == DYN_WEIGHTS_CACHED);
    CHECK(load(model, -1).status == DYN_MODEL_NOT_LOADABLE);
    bytes.back() ^= std::byte{1};
    const MemoryFile damaged(bytes);
    CHECK(load(model, damaged.fd()).status == DYN_MODEL_NOT_LOADABLE);
    bytes.back() ^= std::byte{1};
  }
}

// Raise kPackVersion when one of these changes, or older files will be taken for new ones.
void form_is_known() {
  CHECK(kPackVersion == 2);
  const uint64_t known[] = {0x9e688f00db256e4d, 0x76676170c8420597, 0x7c4eeeb57445ea9a,
                            0x9222f203b2eec574, 0xf10be377279f1975, 0x0579b871dad158b2,
                            0x69666f3e33ee13c8};
  size_t index = 0;
  for (const TestModel& model : models()) {
    const std::vector<std::byte> image = load(model, -1).image;
    const uint64_t sum = checksum(image.data(), image.size());
    if (sum != known[index]) printf("  image %zu is 0x%016lx\n", index, sum);
    CHECK(sum == known[index]);
    ++index;
  }
}

void damage_is_seen() {
  TestModel model(test::block_config(), DYN_Q8_0);
  const Loaded packed = load(model, -1);
  const uint32_t seed = std::random_device()();
  std::mt19937 generator(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> bytes = packed.image;
    const size_t at = generator() % bytes.size();
    if (round % 10 == 0) {
      bytes.resize(at);
    } else if (round % 10 == 1) {
      bytes.resize(bytes.size() + 1 + at);
    } else {
      bytes[at] ^= static_cast<std::byte>(1u << generator() % 8);
    }
    const MemoryFile file(bytes);
    model.config.load = round % 20 < 10 ? 0u : uint32_t{DYN_LOAD_MAP};
    const Loaded loaded = load(model, file.fd());
    const bool is_right = loaded.status == DYN_OK && loaded.source == DYN_WEIGHTS_PACKED &&
                          loaded.image == packed.image;
    if (!is_right) printf("  seed %u, round %d, byte %zu\n", seed, round, at);
    CHECK(is_right);
  }
}

void others_are_passed_over() {
  TestModel model(test::block_config(), DYN_Q8_0);
  const MemoryFile file(load(model, -1).image);
  model.config.key += 1;
  CHECK(load(model, file.fd()).source == DYN_WEIGHTS_PACKED);
  model.config.key -= 1;
  CHECK(load(model, file.fd()).source == DYN_WEIGHTS_CACHED);
  CHECK(load(model, 1 << 20).source == DYN_WEIGHTS_PACKED);  // No descriptor at all.
  if (load(model, -1, DYN_ISA_ANY).image != load(model, -1).image) {
    CHECK(load(model, file.fd(), DYN_ISA_ANY).source == DYN_WEIGHTS_PACKED);
  }
}

// Its bytes would be another device's: the header alone tells.
void images_are_of_a_kind_of_device() {
  const ImageKey cpu = {.model = 5, .kind = DYN_DEVICE_CPU, .isa = DYN_ISA_PORTABLE};
  const ImageKey cuda = {.model = 5, .kind = DYN_DEVICE_CUDA, .isa = DYN_ISA_PORTABLE};
  WeightImage image(cuda, 4096);
  CHECK(image.create().ok());
  image.seal_chunk(0);
  image.seal();
  const MemoryFile file(std::span(image.data(), image.num_bytes()));
  WeightImage same(cuda, 4096);
  WeightImage other(cpu, 4096);
  CHECK(same.open(file.fd(), WeightImage::Access::kRead));
  CHECK(!other.open(file.fd(), WeightImage::Access::kRead));
}

// Words that differ from one another anywhere, also in two places of one lane.
void checksums_differ() {
  std::vector<std::byte> bytes(4096);
  const uint64_t zero = checksum(bytes.data(), bytes.size());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (uint32_t bit = 0; bit < 8; ++bit) {
      bytes[at] = static_cast<std::byte>(1u << bit);
      CHECK(checksum(bytes.data(), bytes.size()) != zero);
      bytes[(at + 64) % bytes.size()] = bytes[at];
      CHECK(checksum(bytes.data(), bytes.size()) != zero);
      bytes[(at + 64) % bytes.size()] = std::byte{0};
    }
    bytes[at] = std::byte{0};
  }
}

}  // namespace

int main() {
  check_claim("an image that was written comes back", images_come_back);
  check_claim("packed weights have the form that the version names", form_is_known);
  check_claim("a file damaged at any byte, cut or prolonged is passed over", damage_is_seen);
  check_claim("an image is enough where it is all there is", an_image_alone_will_do_or_is_refused);
  check_claim("a file of another model or instruction set is passed over", others_are_passed_over);
  check_claim("a file of another kind of device is passed over", images_are_of_a_kind_of_device);
  check_claim("a checksum sees changes of one word and of two", checksums_differ);
  return check_finish();
}
