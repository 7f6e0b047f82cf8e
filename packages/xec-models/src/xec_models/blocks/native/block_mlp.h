// LayerNorm → Linear → GELU → GRN → Linear of one event, forwards and backwards.
//
// Features are (positions, C), hidden ones (positions, H = 4C). A few positions at a time go through a layer and
// the next one while they are in the first cache. GRN needs the norm over all positions: the hidden features of
// the event wait for it in a scratch of the thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "products.h"

namespace xec {

// As in Python, whose values the compiler is told.
constexpr float kSquareFloor = XEC_SQUARE_FLOOR, kResponseEps = XEC_RESPONSE_EPS;

struct MLP {
  int positions, channels, hidden;
  float eps;
  const float *norm_weight, *norm_bias;
  const float *weight1, *weight1_t;  // (H, C) and (C, H)
  const float *bias1, *gamma;
  const float *weight2, *weight2_t;  // (C, H) and (H, C)
  const float* bias2;
};

// Sums of gradients over events; of the second weight transposed, (C, H) like that of the first.
struct MLPGradients {
  float *norm_weight, *norm_bias, *weight1_t, *bias1, *gamma, *weight2;
};

class Scratch {
 public:
  float* take(size_t n) {
    n = (n + 15) / 16 * 16;
    used_ += n;
    if (used_ > memory_.size()) throw std::length_error("scratch is too small");
    return memory_.data() + used_ - n;
  }
  void begin(size_t floats) {
    used_ = 0;
    if (memory_.size() < floats) memory_.resize(floats);
  }

 private:
  std::vector<float> memory_;
  size_t used_ = 0;
};

// Positions that go through together: their hidden features fill a part of the first cache.
inline int positions_at_a_time(int hidden) { return hidden <= 64 ? 96 : 48; }

template <int L>
inline void normalize_rows(int rows, int channels, float eps, const float* y, float* unit, float* inverse) {
  const float share = 1.0f / static_cast<float>(channels);
  for (int row = 0; row < rows; ++row, y += channels, unit += channels) {
    Vec<L> total{}, squares{};
    for (int c = 0; c < channels; c += L) total += load<L>(y + c);
    const float mean = sum<L>(total) * share;
    for (int c = 0; c < channels; c += L) {
      const Vec<L> centred = load<L>(y + c) - mean;
      store<L>(unit + c, centred);
      squares += centred * centred;
    }
    inverse[row] = sum<L>(squares) * share + eps;
  }
  unit -= static_cast<long>(rows) * channels;
  for (int row = 0; row < rows; ++row) inverse[row] = 1.0f / std::sqrt(inverse[row]);
  for (int row = 0; row < rows; ++row, unit += channels)
    for (int c = 0; c < channels; c += L) store<L>(unit + c, load<L>(unit + c) * inverse[row]);
}

template <int L>
inline void scale_and_shift(int rows, int channels, const float* unit, const float* weight, const float* bias,
                            float* out) {
  for (int row = 0; row < rows; ++row, unit += channels, out += channels)
    for (int c = 0; c < channels; c += L)
      store<L>(out + c, load<L>(unit + c) * load<L>(weight + c) + load<L>(bias + c));
}

inline void scale_of_norms(const MLP& m, const float* norms, float* response, float* scale, float* mean_norm) {
  double total = 0;
  for (int h = 0; h < m.hidden; ++h) total += norms[h];
  *mean_norm = static_cast<float>(total / m.hidden) + kResponseEps;
  for (int h = 0; h < m.hidden; ++h) {
    response[h] = norms[h] / *mean_norm;
    scale[h] = 1.0f + m.gamma[h] * response[h];
  }
}

inline size_t forward_scratch(const MLP& m) {
  const auto rows = static_cast<size_t>(positions_at_a_time(m.hidden));
  const auto c = static_cast<size_t>(m.channels), h = static_cast<size_t>(m.hidden);
  return static_cast<size_t>(m.positions) * h + 2 * rows * c + rows + h * (c + 3) + 16 * 10;
}

// out = the MLP of y; norms (H,): those of GRN.
template <int L>
void forward(const MLP& m, const float* y, float* out, float* norms, Scratch& scratch) {
  const int rows_at_a_time = positions_at_a_time(m.hidden), C = m.channels, H = m.hidden;
  float* hidden = scratch.take(static_cast<size_t>(m.positions) * H);
  float* unit = scratch.take(static_cast<size_t>(rows_at_a_time) * C);
  float* normed = scratch.take(static_cast<size_t>(rows_at_a_time) * C);
  float* inverse = scratch.take(rows_at_a_time);
  float* scaled = scratch.take(static_cast<size_t>(H) * C);
  float* squares = scratch.take(H);
  float *response = scratch.take(H), *scale = scratch.take(H);
  std::fill_n(squares, H, 0.0f);
  for (int start = 0; start < m.positions; start += rows_at_a_time) {
    const int rows = std::min(rows_at_a_time, m.positions - start);
    float* here = hidden + static_cast<long>(start) * H;
    normalize_rows<L>(rows, C, m.eps, y + static_cast<long>(start) * C, unit, inverse);
    scale_and_shift<L>(rows, C, unit, m.norm_weight, m.norm_bias, normed);
    product(rows, H, C, {normed, C, 1}, m.weight1_t, H, [&](int row, int column, auto value) {
      constexpr int W = sizeof value / 4;
      const Vec<W> before = value + load<W>(m.bias1 + column);
      const Vec<W> after = before * normal<W>(before).below;
      store<W>(here + static_cast<long>(row) * H + column, after);
      store<W>(squares + column, load<W>(squares + column) + after * after);
    });
  }
  float mean_norm;
  for (int h = 0; h < H; ++h) norms[h] = std::sqrt(squares[h] + kSquareFloor);
  scale_of_norms(m, norms, response, scale, &mean_norm);
  for (int h = 0; h < H; ++h)
    for (int c = 0; c < C; c += L)
      store<L>(scaled + static_cast<long>(h) * C + c, load<L>(m.weight2_t + static_cast<long>(h) * C + c) * scale[h]);
  product(m.positions, C, H, {hidden, H, 1}, scaled, C, [&](int row, int column, auto value) {
    constexpr int W = sizeof value / 4;
    store<W>(out + static_cast<long>(row) * C + column, value + load<W>(m.bias2 + column));
  });
}

inline size_t backward_scratch(const MLP& m) {
  const auto rows = static_cast<size_t>(positions_at_a_time(m.hidden)), p = static_cast<size_t>(m.positions);
  const auto c = static_cast<size_t>(m.channels), h = static_cast<size_t>(m.hidden);
  return p * (h + c + 1) + rows * (2 * c + 2 * h) + h * (2 * c + 5) + 16 * 16;
}

// grad_y = the gradient of y for that of the output, and the sums of the parameters' gradients grow.
template <int L>
void backward(const MLP& m, const float* y, const float* norms, const float* grad, float* grad_y,
              const MLPGradients& sums, Scratch& scratch) {
  const int rows_at_a_time = positions_at_a_time(m.hidden), C = m.channels, H = m.hidden;
  float* before = scratch.take(static_cast<size_t>(m.positions) * H);
  float* unit = scratch.take(static_cast<size_t>(m.positions) * C);
  float* inverse = scratch.take(m.positions);
  float* normed = scratch.take(static_cast<size_t>(rows_at_a_time) * C);
  float* by_normed = scratch.take(static_cast<size_t>(rows_at_a_time) * C);
  float* hidden = scratch.take(static_cast<size_t>(rows_at_a_time) * H);
  float* by_before = scratch.take(static_cast<size_t>(rows_at_a_time) * H);
  float* by_scaled = scratch.take(static_cast<size_t>(C) * H);
  float* scaled = scratch.take(static_cast<size_t>(C) * H);
  float *response = scratch.take(H), *scale = scratch.take(H), *by_scale = scratch.take(H),
        *by_square = scratch.take(H);

  // What the second Linear and GRN gave: by_scaled (C, H), the gradient of the scaled weights.
  std::fill_n(by_scaled, static_cast<long>(C) * H, 0.0f);
  for (int start = 0; start < m.positions; start += rows_at_a_time) {
    const int rows = std::min(rows_at_a_time, m.positions - start);
    float* unit_here = unit + static_cast<long>(start) * C;
    float* before_here = before + static_cast<long>(start) * H;
    normalize_rows<L>(rows, C, m.eps, y + static_cast<long>(start) * C, unit_here, inverse + start);
    scale_and_shift<L>(rows, C, unit_here, m.norm_weight, m.norm_bias, normed);
    product(rows, H, C, {normed, C, 1}, m.weight1_t, H, [&](int row, int column, auto value) {
      constexpr int W = sizeof value / 4;
      const Vec<W> x = value + load<W>(m.bias1 + column);
      store<W>(before_here + static_cast<long>(row) * H + column, x);
      store<W>(hidden + static_cast<long>(row) * H + column, x * normal<W>(x).below);
    });
    product(C, H, rows, {grad + static_cast<long>(start) * C, 1, C}, hidden, H, [&](int c, int column, auto value) {
      constexpr int W = sizeof value / 4;
      float* to = by_scaled + static_cast<long>(c) * H + column;
      store<W>(to, load<W>(to) + value);
    });
  }
  float mean_norm;
  scale_of_norms(m, norms, response, scale, &mean_norm);
  std::fill_n(by_scale, H, 0.0f);
  for (int c = 0; c < C; ++c)
    for (int h = 0; h < H; ++h) {
      const long at = static_cast<long>(c) * H + h;
      by_scale[h] += by_scaled[at] * m.weight2[at];
      sums.weight2[at] += by_scaled[at] * scale[h];
      scaled[at] = m.weight2[at] * scale[h];
    }
  double mean_response = 0;
  for (int h = 0; h < H; ++h) {
    sums.gamma[h] += by_scale[h] * response[h];
    mean_response += static_cast<double>(by_scale[h]) * m.gamma[h] * response[h];
  }
  const float shared = static_cast<float>(mean_response / H);
  // The gradient of the norm, over the norm: what a hidden feature is to be multiplied with.
  for (int h = 0; h < H; ++h) by_square[h] = (by_scale[h] * m.gamma[h] - shared) / (mean_norm * norms[h]);

  // Back through GELU, the first Linear and the norm.
  const float share = 1.0f / static_cast<float>(C);
  for (int start = 0; start < m.positions; start += rows_at_a_time) {
    const int rows = std::min(rows_at_a_time, m.positions - start);
    const float* unit_here = unit + static_cast<long>(start) * C;
    const float* before_here = before + static_cast<long>(start) * H;
    scale_and_shift<L>(rows, C, unit_here, m.norm_weight, m.norm_bias, normed);
    product(rows, H, C, {grad + static_cast<long>(start) * C, C, 1}, scaled, H, [&](int row, int column, auto value) {
      constexpr int W = sizeof value / 4;
      const long at = static_cast<long>(row) * H + column;
      const Vec<W> x = load<W>(before_here + at);
      const Normal<W> gauss = normal<W>(x);
      const Vec<W> by_hidden = value + x * gauss.below * load<W>(by_square + column);
      const Vec<W> here = by_hidden * (gauss.below + x * gauss.density);
      store<W>(by_before + at, here);
      store<W>(sums.bias1 + column, load<W>(sums.bias1 + column) + here);
    });
    product(C, H, rows, {normed, 1, C}, by_before, H, [&](int c, int column, auto value) {
      constexpr int W = sizeof value / 4;
      float* to = sums.weight1_t + static_cast<long>(c) * H + column;
      store<W>(to, load<W>(to) + value);
    });
    product(rows, C, H, {by_before, H, 1}, m.weight1, C, [&](int row, int column, auto value) {
      constexpr int W = sizeof value / 4;
      store<W>(by_normed + static_cast<long>(row) * C + column, value);
    });
    for (int row = 0; row < rows; ++row) {
      const float* x = unit_here + static_cast<long>(row) * C;
      float* by = by_normed + static_cast<long>(row) * C;
      Vec<L> total{}, along{};
      for (int c = 0; c < C; c += L) {
        const Vec<L> direct = load<L>(by + c), u = load<L>(x + c);
        store<L>(sums.norm_weight + c, load<L>(sums.norm_weight + c) + direct * u);
        store<L>(sums.norm_bias + c, load<L>(sums.norm_bias + c) + direct);
        const Vec<L> weighted = direct * load<L>(m.norm_weight + c);
        store<L>(by + c, weighted);
        total += weighted;
        along += weighted * u;
      }
      const float mean = sum<L>(total) * share, slope = sum<L>(along) * share, factor = inverse[start + row];
      float* to = grad_y + (static_cast<long>(start) + row) * C;
      for (int c = 0; c < C; c += L)
        store<L>(to + c, (load<L>(by + c) - mean - load<L>(x + c) * slope) * factor);
    }
  }
}

}  // namespace xec
