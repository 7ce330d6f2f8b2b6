#include "pack/weight_image.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "pack/checksum.h"

namespace dyn {
namespace {

// The largest page there is (arm64), so that the body of a mapped file begins on one.
constexpr uint64_t kPage = 65536;
constexpr uint64_t kChunkBytes = uint64_t{2} << 20;
constexpr char kMagic[8] = {'d', 'y', 'n', 'p', 'a', 'c', 'k', '\0'};

uint64_t round_up_64(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

bool read_whole(int fd, uint64_t offset, uint64_t num_bytes, std::byte* to) {
  while (num_bytes > 0) {
    const ssize_t got = pread(fd, to, num_bytes, static_cast<off_t>(offset));
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got < 0) continue;
    offset += static_cast<uint64_t>(got);
    num_bytes -= static_cast<uint64_t>(got);
    to += got;
  }
  return true;
}

}  // namespace

// Little-endian, as all machines that there are kernels for.
struct WeightImage::Header {
  char magic[8];
  uint32_t version;
  uint32_t isa;
  uint64_t model;
  uint64_t num_bytes;  // The whole image.
  uint64_t checksum;   // The header's page and those after it up to the body, with 0 here.
  uint32_t kind;       // dyn_device_kind
  uint32_t reserved[5];
};

WeightImage::WeightImage(const ImageKey& key, uint64_t body_bytes)
    : key_(key),
      body_bytes_(round_up_64(body_bytes, 64)),
      num_chunks_(static_cast<uint32_t>((body_bytes_ + kChunkBytes - 1) / kChunkBytes)),
      header_bytes_(round_up_64(sizeof(Header) + num_chunks_ * sizeof(uint64_t), kPage)) {
  static_assert(sizeof(Header) == 64 && std::has_unique_object_representations_v<Header>);
}

Status WeightImage::create() {
  RETURN_IF_ERROR(Mapping::create(num_bytes(), "the weights", &memory_));
  memory_.use_huge_pages();
  return {};
}

bool WeightImage::open(int fd, Access access) {
  struct stat status;
  if (fstat(fd, &status) != 0 || static_cast<uint64_t>(status.st_size) != num_bytes()) return false;
  is_mapped_ = access == Access::kMap;
  if (is_mapped_) {
    if (!Mapping::map_file(fd, num_bytes(), "packed weights", &memory_).ok()) return false;
    return memory_.populate(0, header_bytes_) && has_own_header();
  }
  return create().ok() && read_whole(fd, 0, header_bytes_, memory_.data()) && has_own_header();
}

bool WeightImage::has_own_header() const {
  Header header;
  std::memcpy(&header, memory_.data(), sizeof(header));
  const uint64_t expected = header.checksum;
  header.checksum = 0;
  const Header own = expected_header();
  if (std::memcmp(&header, &own, sizeof(header)) != 0) return false;
  return (checksum(memory_.data() + sizeof(Header), header_bytes_ - sizeof(Header)) ^
          checksum(reinterpret_cast<const std::byte*>(&own), sizeof(own))) == expected;
}

void WeightImage::seal_chunk(uint32_t index) {
  const Chunk sealed = chunk(index);
  checksums()[index] = checksum(memory_.data() + sealed.offset, sealed.num_bytes);
}

void WeightImage::seal() {
  Header header = expected_header();
  header.checksum = checksum(memory_.data() + sizeof(Header), header_bytes_ - sizeof(Header)) ^
                    checksum(reinterpret_cast<const std::byte*>(&header), sizeof(header));
  std::memcpy(memory_.data(), &header, sizeof(header));
}

bool WeightImage::read_chunk(int fd, uint32_t index) {
  const Chunk read = chunk(index);
  std::byte* to = memory_.data() + read.offset;
  const bool is_there = is_mapped_ ? memory_.populate(read.offset, read.num_bytes)
                                   : read_whole(fd, read.offset, read.num_bytes, to);
  return is_there && checksum(to, read.num_bytes) == checksums()[index];
}

WeightImage::Chunk WeightImage::chunk(uint32_t index) const {
  const uint64_t offset = index * kChunkBytes;
  return {.offset = header_bytes_ + offset,
          .num_bytes = std::min(kChunkBytes, body_bytes_ - offset)};
}

WeightImage::Header WeightImage::expected_header() const {
  Header header = {.magic = {},
                   .version = kPackVersion,
                   .isa = key_.isa,
                   .model = key_.model,
                   .num_bytes = num_bytes(),
                   .checksum = 0,
                   .kind = key_.kind,
                   .reserved = {}};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  return header;
}

uint64_t* WeightImage::checksums() const {
  return reinterpret_cast<uint64_t*>(memory_.data() + sizeof(Header));
}

}  // namespace dyn
