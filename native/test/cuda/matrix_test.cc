// mma and ldmatrix against CuTe's tables (fixtures/fragments.txt) and plain sums, and a product of tiles that uses them as
// kernels do, in many orders.

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "run_kernel.h"

namespace {

struct Position {
  int row;
  int column;
};
using Table = std::vector<std::vector<Position>>;  // [lane][value]

// The tables of the fixture by name, such as "mma.m16n8k16.bf16 A".
std::map<std::string, Table> read_tables() {
  std::ifstream file(FIXTURES "/fragments.txt");
  std::map<std::string, Table> tables;
  Table* table = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    if (const size_t rows = line.find(" rows="); rows != std::string::npos) {
      table = &tables[line.substr(0, rows)];
      continue;
    }
    const size_t colon = line.find(": ");
    if (table == nullptr || colon == std::string::npos || line.starts_with("ldmatrix")) continue;
    std::istringstream values(line.substr(colon + 1));
    std::vector<Position>& lane = table->emplace_back();
    char comma;
    for (Position at; values >> at.row >> comma >> at.column;) lane.push_back(at);
  }
  return tables;
}

uint16_t bf16_of(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}
float float_of(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Registers [lane][register] that hold `element(row, column)` of `kBits` each.
template <int kBits, class Element>
std::vector<uint32_t> pack(const Table& table, Element element) {
  constexpr int kPerWord = 32 / kBits;
  std::vector<uint32_t> words;
  for (const std::vector<Position>& lane : table) {
    for (size_t i = 0; i < lane.size(); ++i) {
      if (i % kPerWord == 0) words.push_back(0);
      const uint32_t bits = element(lane[i].row, lane[i].column) & (~uint32_t{0} >> (32 - kBits));
      words.back() |= bits << (kBits * static_cast<int>(i % kPerWord));
    }
  }
  return words;
}

std::string run_product(const char* name, std::vector<uint32_t>& to, std::vector<uint32_t>& a,
                        std::vector<uint32_t>& b, std::vector<uint32_t>& c) {
  ptx::TestMemory memory;
  const uint64_t target = memory.add(to);
  return run(name, {{1, 1, 1}, {32, 1, 1}}, memory, {}, target, memory.add(a), memory.add(b),
             memory.add(c));
}

void multiplies_halves() {
  std::map<std::string, Table> tables = read_tables();
  const Table& table_c = tables["mma.m16n8k16.bf16 C"];
  CHECK(table_c.size() == 32);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  float left[16][16], right[8][16], sum[16][8];
  for (auto& row : left)
    for (float& value : row) value = float_of(bf16_of(normal(random)));
  for (auto& row : right)
    for (float& value : row) value = float_of(bf16_of(normal(random)));
  for (auto& row : sum)
    for (float& value : row) value = normal(random);
  auto a =
      pack<16>(tables["mma.m16n8k16.bf16 A"], [&](int r, int k) { return bf16_of(left[r][k]); });
  auto b =
      pack<16>(tables["mma.m16n8k16.bf16 B"], [&](int n, int k) { return bf16_of(right[n][k]); });
  auto c = pack<32>(table_c, [&](int r, int n) { return std::bit_cast<uint32_t>(sum[r][n]); });
  std::vector<uint32_t> d(32 * 4);
  CHECK(run_product("product_bf16", d, a, b, c).empty());
  for (size_t lane = 0; lane < 32 && table_c.size() == 32; ++lane) {
    for (size_t i = 0; i < 4; ++i) {
      const auto [r, n] = table_c[lane][i];
      double expected = static_cast<double>(sum[r][n]);
      for (int k = 0; k < 16; ++k)
        expected += static_cast<double>(left[r][k]) * static_cast<double>(right[n][k]);
      CHECK(std::bit_cast<float>(d[lane * 4 + i]) == static_cast<float>(expected));
    }
  }
}

template <class Left>
void multiply_bytes(const char* name) {
  std::map<std::string, Table> tables = read_tables();
  const Table& table_c = tables["mma.m16n8k32.s8 C"];
  CHECK(table_c.size() == 32);
  std::mt19937 random(2);
  int left[16][32], right[8][32], sum[16][8];
  for (auto& row : left)
    for (int& value : row) value = static_cast<Left>(random());
  for (auto& row : right)
    for (int& value : row) value = static_cast<int8_t>(random());
  for (auto& row : sum)
    for (int& value : row) value = static_cast<int>(random());
  auto a = pack<8>(tables["mma.m16n8k32.s8 A"],
                   [&](int r, int k) { return static_cast<uint32_t>(left[r][k]); });
  auto b = pack<8>(tables["mma.m16n8k32.s8 B"],
                   [&](int n, int k) { return static_cast<uint32_t>(right[n][k]); });
  auto c = pack<32>(table_c, [&](int r, int n) { return static_cast<uint32_t>(sum[r][n]); });
  std::vector<uint32_t> d(32 * 4);
  CHECK(run_product(name, d, a, b, c).empty());
  for (size_t lane = 0; lane < 32 && table_c.size() == 32; ++lane) {
    for (size_t i = 0; i < 4; ++i) {
      const auto [r, n] = table_c[lane][i];
      uint32_t expected = static_cast<uint32_t>(sum[r][n]);
      for (int k = 0; k < 32; ++k) expected += static_cast<uint32_t>(left[r][k] * right[n][k]);
      CHECK(d[lane * 4 + i] == expected);
    }
  }
}

void multiplies_bytes() {
  multiply_bytes<int8_t>("product_s8");
  multiply_bytes<uint8_t>("product_u8_s8");
}

// CuTe: ldmatrix's source is row 8 m + r by lane 8 m + r; lane l gets bits (32 l, ..) of matrix m, or, transposed,
// elements 256 (l % 4) + 16 (l / 4) + 128 i.
void loads_matrices() {
  std::vector<uint16_t> rows(32 * 8);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint16_t>(1000 + i);
  for (const bool is_transposed : {false, true}) {
    std::vector<uint32_t> to(32 * 4);
    ptx::TestMemory memory;
    const uint64_t target = memory.add(to);
    const char* const name = is_transposed ? "load_transposed" : "load_matrices";
    CHECK(run(name, {{1, 1, 1}, {32, 1, 1}}, memory, {}, target, memory.add(rows)).empty());
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t value = 0; value < 8; ++value) {
        const size_t matrix = value / 2;
        const size_t i = value % 2;
        const size_t bit =
            is_transposed ? lane % 4 * 256 + lane / 4 * 16 + i * 128 : lane * 32 + i * 16;
        const uint16_t expected = rows[(matrix * 1024 + bit) / 16];
        CHECK(static_cast<uint16_t>(to[lane * 4 + matrix] >> (16 * i)) == expected);
      }
    }
  }
}

void multiplies_tiles() {
  for (const int depth : {32, 64, 96, 160}) {
    std::mt19937 random(static_cast<uint32_t>(depth));
    std::normal_distribution<float> normal;
    const size_t k = static_cast<size_t>(depth);
    std::vector<uint16_t> a(128 * k), b(64 * k);
    for (uint16_t& value : a) value = bf16_of(normal(random));
    for (uint16_t& value : b) value = bf16_of(normal(random));
    std::vector<float> first;
    for (uint32_t seed = 0; seed < 8; ++seed) {
      std::vector<float> c(128 * 64, NAN);
      ptx::TestMemory memory;
      const uint64_t left = memory.add(a);
      const uint64_t right = memory.add(b);
      ptx::RunOptions options;
      options.seed = seed;
      const std::string fault = run("tile_product", {{2, 1, 1}, {128, 1, 1}}, memory, options, left,
                                    right, memory.add(c), depth);
      if (!fault.empty()) std::printf("  %s\n", fault.c_str());
      CHECK(fault.empty());
      if (seed == 0) first = c;
      CHECK(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) == 0);
    }
    double worst = 0;
    for (size_t row = 0; row < 128; ++row) {
      for (size_t column = 0; column < 64; ++column) {
        double sum = 0;
        for (size_t i = 0; i < k; ++i)
          sum += static_cast<double>(float_of(a[row * k + i])) *
                 static_cast<double>(float_of(b[column * k + i]));
        const double error = std::fabs(sum - static_cast<double>(first[row * 64 + column]));
        worst = std::isnan(error) ? INFINITY : std::max(worst, error);
      }
    }
    CHECK(worst < 1e-5 * depth);
  }
}

}  // namespace

int main() {
  check_claim("mma of halves is the product of CuTe's fragments", multiplies_halves);
  check_claim("mma of bytes, signed and not, is exact", multiplies_bytes);
  check_claim("ldmatrix gives CuTe's fragments, transposed or not", loads_matrices);
  check_claim("a product of tiles is right, and the same in eight orders", multiplies_tiles);
  return check_finish();
}
