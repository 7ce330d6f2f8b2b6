// Trains the built-in model: a Llama with tied embeddings, on CPUs.
//
//   ./trainer CORPUS FOLDER TOKENS SECONDS RATE [PAUSE_FILE]
//
// CORPUS is what encode.ts wrote. FOLDER gets checkpoint.bin (it goes on from there), log.tsv and
// model.safetensors. Without a checkpoint it starts from the weights in FOLDER/start.safetensors,
// or from chance if there are none. The corpus may be another one when it goes on: that is read
// from its beginning. RATE is the highest learning rate (2e-3 from chance); it falls to zero when
// TOKENS are learned or SECONDS have passed, whichever is first. While PAUSE_FILE exists, it sleeps.
//
// A step takes whole conversations, in small groups; a thread works on one group at a time and
// keeps its own gradients, so threads meet once a step. Letters: T tokens of a group, R rows that
// are learned, D hidden size, H heads, G key-value heads, S head size, F feed-forward size, V
// vocabulary. Matrices are row-major, and a weight [out, in] is applied as x W^T.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int V = 2048, D = 192, F = 512, H = 6, G = 2, S = 32, L = 6;
constexpr int kContext = 1024;
constexpr int kQkv = (H + 2 * G) * S;
constexpr float kEps = 1e-5f, kTheta = 10000.f;
constexpr int kThreads = 2, kStepTokens = 1024, kGroupTokens = 512;
constexpr float kWeightDecay = 0.05f, kBeta1 = 0.9f, kBeta2 = 0.98f, kClip = 1.f;
constexpr int kWarmupSteps = 100;
// The first tokens of an answer decide which one it is, and count more. A long text, most of whose
// words are a matter of chance, counts no more than a short one.
constexpr int kDecisive = 6;
constexpr float kDecisiveWeight = 3.f, kFullWeight = 96.f;

using Floats = std::vector<float>;

// ---- parameters: one array, in this order

struct LayerOffsets {
  size_t norm1, qkv, o, norm2, gate_up, down;
};

struct Offsets {
  size_t embed = 0;
  LayerOffsets layer[L];
  size_t norm, count;
  Offsets() {
    size_t at = size_t(V) * D;
    for (auto& l : layer) {
      l.norm1 = at, at += D;
      l.qkv = at, at += size_t(kQkv) * D;
      l.o = at, at += size_t(D) * H * S;
      l.norm2 = at, at += D;
      l.gate_up = at, at += size_t(2) * F * D;
      l.down = at, at += size_t(D) * F;
    }
    norm = at, at += D;
    count = at;
  }
};
const Offsets kOffsets;

void initialize(Floats& p) {
  std::mt19937 random(2026);
  auto fill = [&](size_t at, size_t n, float deviation) {
    std::normal_distribution<float> normal(0.f, deviation);
    for (size_t i = 0; i < n; i++) p[at + i] = normal(random);
  };
  auto ones = [&](size_t at) { std::fill_n(p.begin() + at, D, 1.f); };
  fill(kOffsets.embed, size_t(V) * D, 0.02f);
  for (const auto& l : kOffsets.layer) {
    ones(l.norm1), ones(l.norm2);
    fill(l.qkv, size_t(kQkv) * D, 1.f / std::sqrt(float(D)));
    fill(l.o, size_t(D) * H * S, 1.f / std::sqrt(float(D) * 2 * L));
    fill(l.gate_up, size_t(2) * F * D, 1.f / std::sqrt(float(D)));
    fill(l.down, size_t(D) * F, 1.f / std::sqrt(float(F) * 2 * L));
  }
  ones(kOffsets.norm);
}

// ---- products in float: C [M, N] = A [M, K] B [K, N] (+ C)

/** Eight floats: a register of AVX2. */
typedef float Lanes __attribute__((vector_size(32)));
constexpr int kLanes = 8;
constexpr int kRows = 6, kColumns = 2 * kLanes;  // of a tile: 12 registers of sums

Lanes load(const float* x) {
  Lanes out;
  std::memcpy(&out, x, sizeof out);
  return out;
}
void store(float* x, Lanes value) { std::memcpy(x, &value, sizeof value); }

/** Where the value (i, k) of a matrix is: x[i * row + k * next]. */
struct View {
  const float* x;
  size_t row, next;
};

/** `count` rows of K values in panels of `width` rows, zeros behind the last: [count / width, K,
 * width]. */
void lay_in_panels(int count, int width, int K, View from, float* out) {
  for (int i0 = 0; i0 < count; i0 += width, out += size_t(K) * width) {
    const int here = std::min(width, count - i0);
    if (here < width) std::memset(out, 0, size_t(K) * width * sizeof(float));
    for (int k = 0; k < K; k++)
      for (int i = 0; i < here; i++)
        out[size_t(k) * width + i] = from.x[size_t(i0 + i) * from.row + k * from.next];
  }
}

/** kRows rows and kColumns columns of C, of which `rows` are kept; a and b are one panel each. */
void tile(int K, const float* a, const float* b, int rows, int N, float* c, bool adds) {
  Lanes sum[kRows][2] = {};
  for (int k = 0; k < K; k++, a += kRows, b += kColumns) {
    const Lanes b0 = load(b), b1 = load(b + kLanes);
    for (int m = 0; m < kRows; m++) {
      sum[m][0] += b0 * a[m];
      sum[m][1] += b1 * a[m];
    }
  }
  for (int m = 0; m < rows; m++)
    for (int j = 0; j < 2; j++) {
      float* at = c + size_t(m) * N + kLanes * j;
      store(at, adds ? load(at) + sum[m][j] : sum[m][j]);
    }
}

float* scratch(int which, size_t count) {
  thread_local Floats kept[2];
  if (kept[which].size() < count) kept[which].resize(count);
  return kept[which].data();
}

/** `a` has rows m, `b` has rows n. N is a multiple of kColumns. */
void multiply(int M, int N, int K, View a, View b, float* c, bool adds) {
  float* as = scratch(0, size_t(M + kRows) * K);
  float* bs = scratch(1, size_t(N) * K);
  lay_in_panels(M, kRows, K, a, as);
  lay_in_panels(N, kColumns, K, b, bs);
  for (int n = 0; n < N; n += kColumns)
    for (int m = 0; m < M; m += kRows)
      tile(K, as + size_t(m) * K, bs + size_t(n) * K, std::min(kRows, M - m), N,
           c + size_t(m) * N + n, adds);
}

/** y [rows, out] = x W^T, and its two derivatives. */
void apply(int rows, int in, int out, const float* x, const float* w, float* y, float beta = 0.f) {
  multiply(rows, out, in, {x, size_t(in), 1}, {w, size_t(in), 1}, y, beta != 0.f);
}
void apply_back(int rows, int in, int out, const float* dy, const float* w, float* dx) {
  multiply(rows, in, out, {dy, size_t(out), 1}, {w, 1, size_t(in)}, dx, false);
}
void apply_weight(int rows, int in, int out, const float* dy, const float* x, float* dw) {
  multiply(out, in, rows, {dy, 1, size_t(out)}, {x, 1, size_t(in)}, dw, true);
}

// ---- RMS norm: y = x / rms(x) * w

void norm(int T, const float* x, const float* w, float* y, float* scale) {
  for (int t = 0; t < T; t++, x += D, y += D) {
    float sum = 0;
    for (int i = 0; i < D; i++) sum += x[i] * x[i];
    const float s = scale[t] = 1.f / std::sqrt(sum / D + kEps);
    for (int i = 0; i < D; i++) y[i] = x[i] * s * w[i];
  }
}
/** Adds to dx. */
void norm_back(int T, const float* x, const float* w, const float* scale, const float* dy,
               float* dx, float* dw) {
  for (int t = 0; t < T; t++, x += D, dy += D, dx += D) {
    const float s = scale[t];
    float dot = 0;
    for (int i = 0; i < D; i++) dot += dy[i] * w[i] * x[i];
    const float k = dot * s * s * s / D;
    for (int i = 0; i < D; i++) {
      dw[i] += dy[i] * x[i] * s;
      dx[i] += dy[i] * w[i] * s - x[i] * k;
    }
  }
}

// ---- rotary embedding, halves apart; sign -1 turns back

struct Rotary {
  Floats cos, sin;
  Rotary() : cos(kContext * S / 2), sin(kContext * S / 2) {
    for (int t = 0; t < kContext; t++)
      for (int i = 0; i < S / 2; i++) {
        const double angle = t * std::pow(double(kTheta), -2.0 * i / S);
        cos[t * S / 2 + i] = float(std::cos(angle)), sin[t * S / 2 + i] = float(std::sin(angle));
      }
  }
  void turn(int T, const int* position, float* qkv, float sign) const {
    for (int t = 0; t < T; t++)
      for (int h = 0; h < H + G; h++) {
        float* v = qkv + size_t(t) * kQkv + h * S;
        const float* c = &cos[position[t] * S / 2];
        const float* s = &sin[position[t] * S / 2];
        for (int i = 0; i < S / 2; i++) {
          const float a = v[i], b = v[i + S / 2];
          v[i] = a * c[i] - sign * b * s[i];
          v[i + S / 2] = b * c[i] + sign * a * s[i];
        }
      }
  }
};
const Rotary kRotary;

// ---- one group of conversations, forward and backward

struct Group {
  std::vector<int> ids, position, starts;  // starts[i] .. starts[i + 1] is conversation i
  std::vector<int> rows, targets;          // row t predicts the token after it
  std::vector<float> weights;              // of each row in the loss
};

struct LayerState {
  Floats x, h1, scale1, qkv, p, o, x2, h2, scale2, gate_up, act;
};

class Worker {
 public:
  Floats gradient = Floats(kOffsets.count);
  double loss = 0;

  /** Adds the gradient of the summed, weighted loss times `share`. */
  void learn(const Group& group, const Floats& params, float share) {
    forward(group, params);
    backward(group, params, share);
  }

 private:
  LayerState layers_[L];
  Floats x_, hidden_, scale_, learned_, logits_, dx_, dh_, dqkv_, dact_, do_, dp_, dgu_, across_k_;

  static float* grow(Floats& v, size_t n) {
    if (v.size() < n) v.resize(n);
    return v.data();
  }

  void forward(const Group& group, const Floats& params) {
    const int T = int(group.ids.size());
    const float* p = params.data();
    float* x = grow(x_, size_t(T) * D);
    for (int t = 0; t < T; t++)
      std::memcpy(x + size_t(t) * D, p + size_t(group.ids[t]) * D, D * sizeof(float));
    size_t scores = 0;
    for (size_t i = 0; i + 1 < group.starts.size(); i++) {
      const size_t n = group.starts[i + 1] - group.starts[i];
      scores += n * size_t(wide_of(int(n))) * H;
    }
    for (int l = 0; l < L; l++) {
      auto& s = layers_[l];
      const auto& at = kOffsets.layer[l];
      std::memcpy(grow(s.x, size_t(T) * D), x, size_t(T) * D * sizeof(float));
      norm(T, x, p + at.norm1, grow(s.h1, size_t(T) * D), grow(s.scale1, T));
      apply(T, D, kQkv, s.h1.data(), p + at.qkv, grow(s.qkv, size_t(T) * kQkv));
      kRotary.turn(T, group.position.data(), s.qkv.data(), 1.f);
      std::memset(grow(s.o, size_t(T) * H * S), 0, size_t(T) * H * S * sizeof(float));
      attend(group, s.qkv.data(), grow(s.p, scores), s.o.data());
      apply(T, H * S, D, s.o.data(), p + at.o, x, 1.f);
      std::memcpy(grow(s.x2, size_t(T) * D), x, size_t(T) * D * sizeof(float));
      norm(T, x, p + at.norm2, grow(s.h2, size_t(T) * D), grow(s.scale2, T));
      apply(T, D, 2 * F, s.h2.data(), p + at.gate_up, grow(s.gate_up, size_t(T) * 2 * F));
      float* act = grow(s.act, size_t(T) * F);
      for (int t = 0; t < T; t++) {
        const float* g = &s.gate_up[size_t(t) * 2 * F];
        for (int i = 0; i < F; i++)
          act[size_t(t) * F + i] = g[i] / (1.f + std::exp(-g[i])) * g[F + i];
      }
      apply(T, F, D, act, p + at.down, x, 1.f);
    }
    norm(T, x, p + kOffsets.norm, grow(hidden_, size_t(T) * D), grow(scale_, T));
    const int R = int(group.rows.size());
    float* h = grow(learned_, size_t(R) * D);
    for (int r = 0; r < R; r++)
      std::memcpy(h + size_t(r) * D, &hidden_[size_t(group.rows[r]) * D], D * sizeof(float));
    apply(R, D, V, h, p, grow(logits_, size_t(R) * V));
  }

  /** o = softmax(q k^T / sqrt(S)) v, each conversation by itself; p keeps the probabilities. */
  void attend(const Group& group, const float* qkv, float* p, float* o) {
    const float scale = 1.f / std::sqrt(float(S));
    for (size_t c = 0; c + 1 < group.starts.size(); c++) {
      const int start = group.starts[c], n = group.starts[c + 1] - start, wide = wide_of(n);
      float* k = grow(across_k_, size_t(S) * wide);
      for (int h = 0; h < H; h++, p += size_t(n) * wide) {
        const float* q = qkv + size_t(start) * kQkv + h * S;
        const float* kv = qkv + size_t(start) * kQkv + (H + h / (H / G)) * S;
        if (h % (H / G) == 0) lay_across(n, wide, kv, k);
        for (int t = 0; t < n; t++) {
          float* row = p + size_t(t) * wide;
          const int upto = wide_of(t + 1);
          dot_across(q + size_t(t) * kQkv, k, wide, upto, row);
          float most = row[0], sum = 0;
          for (int i = 1; i <= t; i++) most = std::max(most, row[i]);
          for (int i = 0; i <= t; i++) sum += row[i] = std::exp(scale * (row[i] - most));
          const float inverse = 1.f / sum;
          for (int i = 0; i <= t; i++) row[i] *= inverse;
          for (int i = t + 1; i < wide; i++) row[i] = 0;
          float* out = o + size_t(start + t) * H * S + h * S;
          weighted_rows(row, 1, t + 1, kv + G * S, kQkv, out);
        }
      }
    }
  }

  void attend_back(const Group& group, const float* qkv, const float* p, const float* dout,
                   float* dqkv, size_t T) {
    const float scale = 1.f / std::sqrt(float(S));
    std::memset(dqkv, 0, T * kQkv * sizeof(float));
    for (size_t c = 0; c + 1 < group.starts.size(); c++) {
      const int start = group.starts[c], n = group.starts[c + 1] - start, wide = wide_of(n);
      float* ds = grow(dp_, size_t(n) * wide);
      float* v = grow(across_k_, size_t(S) * wide);
      for (int h = 0; h < H; h++, p += size_t(n) * wide) {
        const size_t at_q = size_t(start) * kQkv + h * S;
        const size_t at_k = size_t(start) * kQkv + (H + h / (H / G)) * S;
        const size_t at_v = at_k + G * S;
        const float* d = dout + size_t(start) * H * S + h * S;
        if (h % (H / G) == 0) lay_across(n, wide, qkv + at_v, v);
        for (int t = 0; t < n; t++) {
          float* row = ds + size_t(t) * wide;
          const float* prob = p + size_t(t) * wide;
          const int upto = wide_of(t + 1);
          dot_across(d + size_t(t) * H * S, v, wide, upto, row);
          float dot = 0;
          for (int i = 0; i < upto; i++) dot += row[i] * prob[i];
          for (int i = 0; i < upto; i++) row[i] = prob[i] * (row[i] - dot) * scale;
          weighted_rows(row, 1, t + 1, qkv + at_k, kQkv, dqkv + at_q + size_t(t) * kQkv);
        }
        for (int t = 0; t < n; t++) {  // what key and value t got from the rows after it
          const size_t from = size_t(t) * wide + t;
          weighted_rows(ds + from, wide, n - t, qkv + at_q + size_t(t) * kQkv, kQkv,
                        dqkv + at_k + size_t(t) * kQkv);
          weighted_rows(p + from, wide, n - t, d + size_t(t) * H * S, H * S,
                        dqkv + at_v + size_t(t) * kQkv);
        }
      }
    }
  }

  /** Rows of probabilities are padded to whole vectors. */
  static int wide_of(int n) { return (n + 15) / 16 * 16; }

  /** n rows of S values, kQkv apart -> [S, wide], padded with zeros. */
  static void lay_across(int n, int wide, const float* x, float* out) {
    for (int s = 0; s < S; s++) {
      for (int t = 0; t < n; t++) out[size_t(s) * wide + t] = x[size_t(t) * kQkv + s];
      for (int t = n; t < wide; t++) out[size_t(s) * wide + t] = 0;
    }
  }

  /** out [upto] = x [S] times across [S, wide]. */
  static void dot_across(const float* x, const float* across, int wide, int upto, float* out) {
    constexpr int kChains = 8;
    for (int i = 0; i < upto; i += kLanes) {
      Lanes sum[kChains] = {};
      for (int s = 0; s < S; s += kChains)
        for (int c = 0; c < kChains; c++)
          sum[c] += load(across + size_t(s + c) * wide + i) * x[s + c];
      for (int half = kChains / 2; half > 0; half /= 2)
        for (int c = 0; c < half; c++) sum[c] += sum[c + half];
      store(out + i, sum[0]);
    }
  }

  /** out [S] += the sum of `count` rows, each times its weight; weights are `next`, rows `row`
   * apart. */
  static void weighted_rows(const float* weight, size_t next, int count, const float* x, size_t row,
                            float* out) {
    static_assert(S == 4 * kLanes);
    constexpr int kChains = 2;
    Lanes sum[kChains][4] = {};
    const auto add = [&](int chain) {
      for (int j = 0; j < 4; j++) sum[chain][j] += load(x + kLanes * j) * *weight;
      weight += next, x += row;
    };
    int i = 0;
    for (; i + kChains <= count; i += kChains)
      for (int c = 0; c < kChains; c++) add(c);
    for (; i < count; i++) add(0);
    for (int j = 0; j < 4; j++)
      store(out + kLanes * j, load(out + kLanes * j) + sum[0][j] + sum[1][j]);
  }

  void backward(const Group& group, const Floats& params, float share) {
    const int T = int(group.ids.size()), R = int(group.rows.size());
    const float* p = params.data();
    float* g = gradient.data();
    for (int r = 0; r < R; r++) {
      float* row = &logits_[size_t(r) * V];
      float most = row[0], sum = 0;
      for (int i = 1; i < V; i++) most = std::max(most, row[i]);
      const float wanted = row[group.targets[r]];
      for (int i = 0; i < V; i++) sum += row[i] = std::exp(row[i] - most);
      loss += std::log(double(sum)) + most - wanted;
      const float weight = share * group.weights[r], k = weight / sum;
      for (int i = 0; i < V; i++) row[i] *= k;
      row[group.targets[r]] -= weight;
    }
    apply_weight(R, D, V, logits_.data(), learned_.data(), g);
    float* dh = grow(dh_, size_t(T) * D);
    float* dx = grow(dx_, size_t(T) * D);
    apply_back(R, D, V, logits_.data(), p, learned_.data());
    std::memset(dh, 0, size_t(T) * D * sizeof(float));
    for (int r = 0; r < R; r++)
      std::memcpy(dh + size_t(group.rows[r]) * D, &learned_[size_t(r) * D], D * sizeof(float));
    std::memset(dx, 0, size_t(T) * D * sizeof(float));
    norm_back(T, x_.data(), p + kOffsets.norm, scale_.data(), dh, dx, g + kOffsets.norm);
    for (int l = L - 1; l >= 0; l--) {
      auto& s = layers_[l];
      const auto& at = kOffsets.layer[l];
      float* dact = grow(dact_, size_t(T) * F);
      float* dgu = grow(dgu_, size_t(T) * 2 * F);
      apply_weight(T, F, D, dx, s.act.data(), g + at.down);
      apply_back(T, F, D, dx, p + at.down, dact);
      for (int t = 0; t < T; t++) {
        const float* gu = &s.gate_up[size_t(t) * 2 * F];
        const float* d = dact + size_t(t) * F;
        float* out = dgu + size_t(t) * 2 * F;
        for (int i = 0; i < F; i++) {
          const float sigmoid = 1.f / (1.f + std::exp(-gu[i]));
          out[i] = d[i] * gu[F + i] * sigmoid * (1.f + gu[i] * (1.f - sigmoid));
          out[F + i] = d[i] * gu[i] * sigmoid;
        }
      }
      apply_weight(T, D, 2 * F, dgu, s.h2.data(), g + at.gate_up);
      apply_back(T, D, 2 * F, dgu, p + at.gate_up, dh);
      norm_back(T, s.x2.data(), p + at.norm2, s.scale2.data(), dh, dx, g + at.norm2);
      float* dout = grow(do_, size_t(T) * H * S);
      float* dqkv = grow(dqkv_, size_t(T) * kQkv);
      apply_weight(T, H * S, D, dx, s.o.data(), g + at.o);
      apply_back(T, H * S, D, dx, p + at.o, dout);
      attend_back(group, s.qkv.data(), s.p.data(), dout, dqkv, T);
      kRotary.turn(T, group.position.data(), dqkv, -1.f);
      apply_weight(T, D, kQkv, dqkv, s.h1.data(), g + at.qkv);
      apply_back(T, D, kQkv, dqkv, p + at.qkv, dh);
      norm_back(T, s.x.data(), p + at.norm1, s.scale1.data(), dh, dx, g + at.norm1);
    }
    for (int t = 0; t < T; t++) {
      float* row = g + size_t(group.ids[t]) * D;
      for (int i = 0; i < D; i++) row[i] += dx[size_t(t) * D + i];
    }
  }
};

// ---- the corpus, in its order, again and again

class Corpus {
 public:
  explicit Corpus(const char* path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    words_.resize(size_t(file.tellg()) / 2);
    file.seekg(0).read(reinterpret_cast<char*>(words_.data()), std::streamsize(words_.size() * 2));
    if (!file || words_.empty()) std::fprintf(stderr, "cannot read %s\n", path), std::exit(1);
  }

  /** Groups with at least `tokens` tokens together. */
  std::vector<Group> take(int tokens) {
    std::vector<Group> groups;
    while (tokens > 0) {
      if (groups.empty() || groups.back().ids.size() >= kGroupTokens)
        groups.push_back({{}, {}, {0}, {}, {}, {}});
      tokens -= append(groups.back());
    }
    return groups;
  }

  size_t at = 0;
  size_t size() const { return words_.size(); }

 private:
  std::vector<uint16_t> words_;

  int append(Group& group) {
    if (at >= words_.size()) at = 0;
    const int n = words_[at++];
    const int start = int(group.ids.size());
    const auto learned = [&](int t) { return t > 0 && (words_[at + t] & 0x8000); };
    int rows = 0, spoken = 0;
    for (int t = 0; t < n; t++) rows += learned(t);
    for (int t = 0; t < n; t++) {
      const uint16_t word = words_[at + t];
      spoken = learned(t) ? spoken + 1 : 0;
      if (spoken > 0) {
        group.rows.push_back(start + t - 1), group.targets.push_back(word & 0x7fff);
        group.weights.push_back((spoken <= kDecisive ? kDecisiveWeight : 1.f) *
                                std::min(1.f, kFullWeight / float(rows)));
      }
      group.ids.push_back(word & 0x7fff);
      group.position.push_back(t);
    }
    at += n;
    group.starts.push_back(start + n);
    return n;
  }
};

// ---- checkpoint and result

struct State {
  Floats params = Floats(kOffsets.count), m = Floats(kOffsets.count), v = Floats(kOffsets.count);
  uint64_t step = 0, tokens = 0, at = 0, corpus_size = 0;
  double seconds = 0;
};

void save(const State& s, const std::string& folder) {
  const std::string path = folder + "/checkpoint.bin";
  std::ofstream file(path + ".part", std::ios::binary);
  file.write(reinterpret_cast<const char*>(&s.step), 4 * sizeof(uint64_t) + sizeof(double));
  for (const auto* values : {&s.params, &s.m, &s.v})
    file.write(reinterpret_cast<const char*>(values->data()),
               std::streamsize(values->size() * sizeof(float)));
  file.close();
  std::rename((path + ".part").c_str(), path.c_str());
}

bool load(State& s, const std::string& folder) {
  std::ifstream file(folder + "/checkpoint.bin", std::ios::binary);
  if (!file) return false;
  file.read(reinterpret_cast<char*>(&s.step), 4 * sizeof(uint64_t) + sizeof(double));
  for (auto* values : {&s.params, &s.m, &s.v})
    file.read(reinterpret_cast<char*>(values->data()),
              std::streamsize(values->size() * sizeof(float)));
  return bool(file);
}

uint16_t to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bf16(uint16_t value) {
  const uint32_t bits = uint32_t(value) << 16;
  float out;
  std::memcpy(&out, &bits, 4);
  return out;
}

struct Tensor {
  std::string name;
  size_t at;
  int rows, columns;  // columns 0: a vector
  size_t count() const { return size_t(rows) * size_t(columns ? columns : 1); }
};

/** All tensors under the names of Hugging Face, in the order of the file. */
std::vector<Tensor> tensors_of_file() {
  std::vector<Tensor> tensors = {{"model.embed_tokens.weight", kOffsets.embed, V, D}};
  for (int l = 0; l < L; l++) {
    const auto& o = kOffsets.layer[l];
    const std::string n = "model.layers." + std::to_string(l) + ".";
    tensors.insert(tensors.end(),
                   {{n + "input_layernorm.weight", o.norm1, D, 0},
                    {n + "self_attn.q_proj.weight", o.qkv, H * S, D},
                    {n + "self_attn.k_proj.weight", o.qkv + size_t(H) * S * D, G * S, D},
                    {n + "self_attn.v_proj.weight", o.qkv + size_t(H + G) * S * D, G * S, D},
                    {n + "self_attn.o_proj.weight", o.o, D, H * S},
                    {n + "post_attention_layernorm.weight", o.norm2, D, 0},
                    {n + "mlp.gate_proj.weight", o.gate_up, F, D},
                    {n + "mlp.up_proj.weight", o.gate_up + size_t(F) * D, F, D},
                    {n + "mlp.down_proj.weight", o.down, D, F}});
  }
  tensors.push_back({"model.norm.weight", kOffsets.norm, D, 0});
  return tensors;
}

/** Reads what export_model wrote. False if there is no such file. */
bool import_model(Floats& params, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), 8);
  file.seekg(std::streamoff(8 + header));
  for (const auto& tensor : tensors_of_file()) {
    std::vector<uint16_t> data(tensor.count());
    file.read(reinterpret_cast<char*>(data.data()), std::streamsize(data.size() * 2));
    for (size_t i = 0; i < data.size(); i++) params[tensor.at + i] = from_bf16(data[i]);
  }
  if (!file || file.peek() != EOF)
    std::fprintf(stderr, "%s has another shape\n", path.c_str()), std::exit(1);
  return true;
}

/** The weights as BF16. */
void export_model(const Floats& params, const std::string& path) {
  const std::vector<Tensor> tensors = tensors_of_file();
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::vector<uint16_t> data;
  for (const auto& t : tensors) {
    const size_t n = t.count(), begin = data.size() * 2;
    for (size_t i = 0; i < n; i++) data.push_back(to_bf16(params[t.at + i]));
    header += ",\"" + t.name + "\":{\"dtype\":\"BF16\",\"shape\":[" + std::to_string(t.rows) +
              (t.columns ? "," + std::to_string(t.columns) : "") + "],\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(data.size() * 2) + "]}";
  }
  header += "}";
  while (header.size() % 8) header += ' ';
  std::ofstream file(path, std::ios::binary);
  const uint64_t size = header.size();
  file.write(reinterpret_cast<const char*>(&size), 8);
  file.write(header.data(), std::streamsize(header.size()));
  file.write(reinterpret_cast<const char*>(data.data()), std::streamsize(data.size() * 2));
}

// ---- one step of AdamW

/** f(begin, end) on each thread's part of the parameters. */
template <typename Part>
void on_all_threads(const Part& f) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; i++)
    threads.emplace_back(
        [&, i] { f(i, kOffsets.count * i / kThreads, kOffsets.count * (i + 1) / kThreads); });
  for (auto& thread : threads) thread.join();
}

void update(State& s, std::vector<Worker>& workers, float rate) {
  Floats& g = workers[0].gradient;
  double squares[kThreads] = {};
  on_all_threads([&](size_t thread, size_t begin, size_t end) {
    for (size_t w = 1; w < workers.size(); w++)
      for (size_t i = begin; i < end; i++) g[i] += workers[w].gradient[i];
    for (size_t i = begin; i < end; i++) squares[thread] += double(g[i]) * g[i];
  });
  double square = 0;
  for (double each : squares) square += each;
  const float clip = float(std::min(1.0, kClip / (std::sqrt(square) + 1e-6)));
  const float correct1 = 1.f / (1.f - std::pow(kBeta1, float(s.step + 1)));
  const float correct2 = 1.f / (1.f - std::pow(kBeta2, float(s.step + 1)));
  on_all_threads([&](size_t, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const float d = g[i] * clip;
      s.m[i] = kBeta1 * s.m[i] + (1 - kBeta1) * d;
      s.v[i] = kBeta2 * s.v[i] + (1 - kBeta2) * d * d;
      const float decay = i < kOffsets.norm ? kWeightDecay : 0.f;  // norms inside layers shrink
                                                                   // a little too: harmless
      const float step = s.m[i] * correct1 / (std::sqrt(s.v[i] * correct2) + 1e-8f);
      s.params[i] -= rate * (step + decay * s.params[i]);
    }
    for (auto& worker : workers)
      std::fill(worker.gradient.begin() + begin, worker.gradient.begin() + end, 0.f);
  });
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/** Share of the peak rate: up at first, full for more than a third, then down to zero along a line. */
float rate_at(uint64_t step, double progress) {
  const float warm = std::min(1.f, float(step + 1) / kWarmupSteps);
  return warm * float(std::clamp((1.0 - progress) / 0.63, 0.0, 1.0));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6)
    return std::fprintf(stderr, "usage: trainer CORPUS FOLDER TOKENS SECONDS RATE [PAUSE_FILE]\n"), 2;
  Corpus corpus(argv[1]);
  const std::string folder = argv[2];
  const double max_tokens = std::atof(argv[3]), max_seconds = std::atof(argv[4]);
  const float peak_rate = float(std::atof(argv[5]));
  State state;
  if (load(state, folder)) {
    if (state.corpus_size == corpus.size()) corpus.at = state.at;
  } else if (!import_model(state.params, folder + "/start.safetensors")) {
    initialize(state.params);
  }
  state.corpus_size = corpus.size();
  std::FILE* log = std::fopen((folder + "/log.tsv").c_str(), "a");
  std::vector<Worker> workers(kThreads);
  double loss = 0, learned = 0, last = now();
  for (;;) {
    while (argc > 6 && access(argv[6], F_OK) == 0)
      usleep(200'000);  // the time counts, the work waits
    const double progress =
        std::max(double(state.tokens) / max_tokens, state.seconds / max_seconds);
    if (progress >= 1) break;
    const auto groups = corpus.take(kStepTokens);
    size_t rows = 0;
    float weight = 0;
    for (const auto& group : groups) {
      rows += group.rows.size(), state.tokens += group.ids.size();
      for (float each : group.weights) weight += each;
    }
    std::atomic<size_t> next = 0;
    std::vector<std::thread> threads;
    for (auto& worker : workers)
      threads.emplace_back([&] {
        for (size_t i; (i = next++) < groups.size();)
          worker.learn(groups[i], state.params, 1.f / weight);
      });
    for (auto& thread : threads) thread.join();
    update(state, workers, peak_rate * rate_at(state.step, progress));
    state.step++;
    state.at = corpus.at;
    const double time = now();
    state.seconds += time - last, last = time;
    for (auto& worker : workers) loss += worker.loss, worker.loss = 0;
    learned += double(rows);
    if (state.step % 50 == 0) {
      std::fprintf(log, "%llu\t%llu\t%.0f\t%.4f\n", (unsigned long long)state.step,
                   (unsigned long long)state.tokens, state.seconds, loss / learned);
      std::fflush(log);
      loss = learned = 0;
    }
    if (state.step % 100 == 0)
      save(state, folder), export_model(state.params, folder + "/model.safetensors");
  }
  save(state, folder);
  export_model(state.params, folder + "/model.safetensors");
  std::fclose(log);
  return 0;
}
